# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a pattern names, and which addresses the policy takes them to have."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.addresses import AddressError

GROUPS = {
    "all": ["web1", "db-eu", "db-us", "10.9.9.9"],
    "database": ["db-eu", "db-us"],
    "region_eu": ["web1", "db-eu"],
}


def world(hostvars: dict[str, dict[str, Any]] | None = None) -> InventoryWorld:
    task_vars = {"inventory_hostname": "web1", "groups": GROUPS, "hostvars": hostvars or {}}
    return InventoryWorld(DataLoader(), task_vars)


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("database", ["db-eu", "db-us"]),
        ("database:&region_eu", ["db-eu"]),
        ("database:!region_eu", ["db-us"]),
        ("db-*", ["db-eu", "db-us"]),
        ("web1", ["web1"]),
        ("databse", []),
        ("", []),
        (" : ", []),
    ],
)
def test_a_pattern_names_hosts_as_in_a_play(pattern: str, hosts: list[str]) -> None:
    assert world().hosts(pattern) == hosts


@pytest.mark.parametrize(
    ("hostvars", "addresses"),
    [
        ({"egress_addresses": ["10.0.0.1", "fd00::1"], "ansible_host": "10.0.0.2"}, ["10.0.0.1", "fd00::1"]),
        ({"egress_addresses": "10.0.0.1"}, ["10.0.0.1"]),
        ({"ansible_host": "10.0.0.2"}, ["10.0.0.2"]),
        ({"ansible_host": "db.example"}, []),
        ({}, []),
    ],
)
def test_addresses_are_declared_or_the_address_ansible_connects_to(
    hostvars: dict[str, Any], addresses: list[str]
) -> None:
    assert world({"db-eu": hostvars}).addresses("db-eu") == addresses


def test_a_host_named_by_its_address_has_that_address() -> None:
    assert world({"10.9.9.9": {}}).addresses("10.9.9.9") == ["10.9.9.9"]


@pytest.mark.parametrize("declared", [{"v4": "10.0.0.1"}, 10, True])
def test_what_is_no_list_of_addresses_is_said(declared: Any) -> None:
    with pytest.raises(AddressError, match="is no list of addresses"):
        world({"db-eu": {"egress_addresses": declared}}).addresses("db-eu")
