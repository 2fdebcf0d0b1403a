# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the inventory that an entry may use: whose an address is, groups, bundles, prefix lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import known
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, datafiles, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import NONE, ServiceSet

from .world import InventoryWorld

Bundles = dict[str, tuple[tuple[str, ...], ServiceSet]]


def hosts_by_address(world: InventoryWorld) -> dict[str, str]:
    """Return each address of the inventory with its host; of hosts whose addresses have an error, none."""
    by_address: dict[str, str] = {}
    for host in sorted({host for hosts in world.groups.values() for host in hosts}):
        try:
            texts = world.addresses(host)
            for text in texts:
                by_address.setdefault(addresses.to_text(*addresses.parse_address(text)), host)
        except (AddressError, policy.PolicyErrors):
            continue
    return by_address


def bundles(variables: Mapping[str, Any], template: Callable[[Any], Any]) -> Bundles:
    """Return (names, services) of each bundle, shipped or the user's own, by its name."""
    own = known.own(ErrorReport(), {known.VARIABLE: template(variables.get(known.VARIABLE))})
    every = {name: known.find(own, name) for name in (*own, *datafiles.names("known"))}
    return {
        name: (bundle.names, _services(bundle.services))
        for name, bundle in every.items()
        if bundle is not None and bundle.names
    }


def declared_lists(variables: Mapping[str, Any]) -> list[str]:
    """Return the names of the declared prefix lists."""
    lists = variables.get("egress_prefix_lists")
    return sorted(map(str, lists)) if isinstance(lists, Mapping) else []


def _services(texts: Sequence[str]) -> ServiceSet:
    spoken = NONE
    for text in texts:
        literal = services.parse_literal(text)
        if literal is not None:
            spoken |= literal
        elif text in services.catalogue():
            spoken |= services.expand(services.catalogue(), text)
    return spoken
