# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a pattern names, and which addresses the policy takes them to have."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible.parsing.dataloader import DataLoader

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError

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


def test_a_group_is_known_by_its_name_alone() -> None:
    assert world().groups["database"] == ["db-eu", "db-us"]
    assert "db-*" not in world().groups


def test_hosts_are_known_by_their_tier() -> None:
    hostvars: dict[str, dict[str, Any]] = {
        "web1": {"egress_tier": "web"},
        "db-us": {"egress_tier": "database"},
        "db-eu": {"egress_tier": "database"},
        "10.9.9.9": {},
    }
    assert world(hostvars).tiers == {"web": ["web1"], "database": ["db-eu", "db-us"]}


class Broken(dict[str, Any]):
    """The variables of a host whose templates fail."""

    def get(self, key: str, *_default: Any) -> Any:
        raise AnsibleUndefinedVariable(f"{key} needs region")


def test_a_tier_that_cannot_be_templated_names_its_host() -> None:
    hostvars = {"web1": {"egress_tier": "{{ kind }}"}, "db-us": {}, "db-eu": Broken(), "10.9.9.9": {}}
    with pytest.raises(policy.PolicyErrors) as raised:
        _tiers = world(hostvars).tiers
    first, second = (str(error) for error in raised.value.errors)
    assert first.startswith("egress_tier of the host db-eu: cannot be templated: ")
    assert second == "egress_tier of the host web1: '{{ kind }}' cannot be templated. Fix: define it for web1"


@pytest.mark.parametrize("declared", [{"v4": "10.0.0.1"}, 10, True])
def test_what_is_no_list_of_addresses_is_said(declared: Any) -> None:
    with pytest.raises(AddressError, match="is not a list of addresses"):
        world({"db-eu": {"egress_addresses": declared}}).addresses("db-eu")


def test_an_address_that_others_do_not_reach_it_by_is_none_of_a_host() -> None:
    with pytest.raises(policy.PolicyErrors) as raised:
        world({"db-eu": {"ansible_host": "127.0.0.1", "ansible_port": 2222}}).address_set("db-eu")
    (error,) = raised.value.errors
    assert str(error) == (
        "egress_addresses of the host db-eu: 127.0.0.1 is a loopback address, by which no other host reaches this one. "
        "Fix: set egress_addresses of the host to the addresses it has in your network"
    )
