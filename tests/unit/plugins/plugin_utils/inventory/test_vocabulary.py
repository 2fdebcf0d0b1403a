# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose an address is, and which bundles and lists an entry may name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory import vocabulary
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError

ADDRESSES = {"db1": ["10.2.0.1", "2001:DB8::1"], "db2": ["10.2.0.1"], "web1": []}


def addresses(host: str) -> list[str]:
    if host == "broken":
        raise AddressError("is none")
    return ADDRESSES[host]


def test_an_address_is_that_of_one_host_and_errors_of_others_do_not_matter() -> None:
    groups = {"db": ["db2", "db1"], "all": ["db1", "db2", "web1", "broken"]}
    world: Any = SimpleNamespace(groups=groups, addresses=addresses)
    assert vocabulary.hosts_by_address(world) == {"10.2.0.1": "db1", "2001:db8::1": "db1"}


def test_bundles_are_the_shipped_ones_and_the_own_ones() -> None:
    own: dict[str, Any] = {"billing": {"names": ["api.billing.example"], "services": ["https"]}}
    known = vocabulary.bundles({"egress_known": own}, lambda value: value)
    assert known["billing"] == (("api.billing.example",), services.expand(services.catalogue(), "https"))
    assert "github.com" in " ".join(known["github"][0])
    assert "aws-REGION" not in known


def test_lists_are_the_declared_ones() -> None:
    assert vocabulary.declared_lists({"egress_prefix_lists": {"b": {}, "a": {}}}) == ["a", "b"]
    assert vocabulary.declared_lists({"egress_prefix_lists": "x"}) == []
