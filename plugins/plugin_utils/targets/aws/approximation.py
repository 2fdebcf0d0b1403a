# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What entries with `approximate: wider` open beside the policy to keep the quota of rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.boxes import Box
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.box_arithmetic import subtract_boxes
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import WIDER, Opening, TargetDifference

from .address_groups import AddressGroup
from .join_networks import Joinable, join

_JOINED_MAX = 1000
"""Networks of one IP version above which joining neighbours is not tried: no group is near its quota with them."""


def whole_services(openings: Sequence[Opening], never: AddressSet) -> tuple[list[Opening], list[TargetDifference]]:
    """Return openings in which every service but DNS, hundreds of rules to AWS, is every service, and the differences.

    `{to: [internal], services: [any]}` is such an entry: the word opens no DNS. never: addresses that egress_never
    closes, which stay as they are.
    """
    whole, differences = [], []
    for opening in openings:
        missing = services.ANY - opening.services
        possible = opening.approximate == WIDER and not opening.references and not opening.addresses & never
        if not possible or not missing <= services.DNS:
            whole.append(opening)
            continue
        whole.append(replace(opening, services=services.ANY))
        own = [Box(each.addresses, each.services) for each in openings if each.entry == opening.entry]
        differences += [
            TargetDifference(
                entry=opening.entry,
                direction=WIDER,
                why="all of its services are one rule, to keep the quota of rules",
                addresses=box.addresses,
                services=box.services,
            )
            for box in subtract_boxes([Box(opening.addresses, missing)], own)
        ]
    return whole, differences


def join_networks(
    groups: Sequence[AddressGroup], limit: int, closed: AddressSet
) -> tuple[list[AddressGroup], list[TargetDifference]]:
    """Return the groups with as few additional addresses as bring them within a limit of rules, and the differences.

    Each step joins the two neighbours that cost the fewest addresses. closed: addresses that no step opens.
    """
    joined = list(groups)
    for version in (4, 6):
        networks = [[network[1:] for network in group.networks() if network[0] == version] for group in joined]
        if not limit < sum(map(len, networks)) <= _JOINED_MAX:
            continue
        joinable = [
            Joinable(
                [(first, first + (1 << (addresses.BITS[version] - length)) - 1) for first, length in pairs],
                group.wider.family(version),
                (closed - group.addresses).family(version),
            )
            for group, pairs in zip(joined, networks, strict=True)
        ]
        joined = [
            replace(group, addresses=group.addresses | (AddressSet(v4=more) if version == 4 else AddressSet(v6=more)))
            for group, more in zip(joined, join(joinable, limit), strict=True)
        ]
    return joined, list(_differences(groups, joined))


def _differences(before: Sequence[AddressGroup], after: Sequence[AddressGroup]) -> Iterator[TargetDifference]:
    for old, new in zip(before, after, strict=True):
        more = new.addresses - old.addresses
        if more:
            networks = map(addresses.parse, new.addresses.cidrs())
            grown = addresses.union(network for network in networks if network & more)
            names = dict.fromkeys(
                opening.entry for opening in old.openings if opening.approximate == WIDER and opening.addresses & grown
            )
            yield TargetDifference(
                entry=", ".join(names),
                direction=WIDER,
                why="its networks are joined to keep the quota of rules",
                addresses=more,
                services=new.key.services,
            )
