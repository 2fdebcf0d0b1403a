# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts as destinations by group:NAME and tier:NAME, in tests and in entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.policy_test_packets import packets
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    INVENTORY,
    allowed,
    build,
    entry,
    errors,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.prove.policies import Alone

DATABASES = ["group:database", "tier:database"]
SECOND = entry(name="second", to=["10.20.0.2"], services=["postgresql"])


def failing(inventory: policy.Inventory = INVENTORY, **test: Any) -> list[str]:
    one = {"name": "t", "services": ["postgresql"], **test}
    return errors(inventory=inventory, egress_allow_app=[SECOND], egress_tests_app=[one])


@pytest.mark.parametrize("to", DATABASES)
def test_a_test_is_about_every_host(to: str) -> None:
    assert failing(not_reach=to, services=["mysql"]) == []
    (message,) = failing(not_reach=to)
    assert "fails: everybody reaches 10.20.0.2 with tcp/5432 by the entry second" in message
    (message,) = failing(reach=to)
    assert "fails: not everybody reaches 10.20.0.1 with tcp/5432" in message


@pytest.mark.parametrize("to", DATABASES)
def test_an_entry_opens_every_host_and_nothing_else(to: str) -> None:
    resolved = build(egress_allow_app=[entry(to=[to])])
    assert allowed(resolved, "10.20.0.1", "tcp/443")
    assert allowed(resolved, "10.20.0.2", "tcp/443")
    assert not allowed(resolved, "10.20.0.3", "tcp/443")
    resolved = build(egress_allow_app=[entry(to=["10.20.0.0/24"], **{"except": [to]})])
    assert not allowed(resolved, "10.20.0.1", "tcp/443")
    assert allowed(resolved, "10.20.0.3", "tcp/443")


@pytest.mark.parametrize("to", DATABASES)
def test_the_hosts_get_packets(to: str) -> None:
    test = {"name": "t", "not_reach": to, "services": ["mysql"]}
    sent = packets(build(egress_tests_app=[test]))
    assert [one["to"] for one in sent] == ["10.20.0.1", "10.20.0.2"]


def test_a_tier_is_not_the_group_of_its_name() -> None:
    inventory = replace(INVENTORY, tiers={"database": ["db1"]})
    assert "10.20.0.2" in str(failing(inventory, not_reach="group:database"))
    assert failing(inventory, not_reach="tier:database") == []


def test_name_servers_can_be_a_group() -> None:
    assert allowed(build(egress_dns_servers=["group:mirror"]), "10.10.0.30", "udp/53")


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("group:databse", '"group:databse": the inventory has no group "databse". Did you mean database?'),
        ("group:db1", '"group:db1": "db1" is not a group, but names hosts. Fix: write hosts:db1'),
        (
            "group:database:&region_eu",
            '"database:&region_eu" is not a group, but names hosts. Fix: write hosts:database:&region_eu',
        ),
        ("group:empty", '"group:empty": the group has no host. Fix: put hosts into it'),
        ("group:nameless", '"group:nameless": the host cloud1 has no address. Fix: set egress_addresses for cloud1'),
        ("groups:database", "Did you mean group:database?"),
        ("hosts:databse", '"hosts:databse" matches no host. Did you mean hosts:database?'),
        ("hosts:empty", '"hosts:empty" matches no host. Fix: correct the pattern'),
        ("tier:databas", '"tier:databas": unknown tier "databas". Did you mean database?'),
        ("tier:db", '"tier:db": unknown tier "db". Did you mean database?'),
        ("tier:relai", "Did you mean relay?"),
        (
            "tier:build",
            '"tier:build": no host of the inventory has egress_tier: build. Fix: set egress_tier in inventory',
        ),
        ("tier:build", "roles such as egress_web set it only within their play"),
        ("tier:", '"tier:" is not a destination'),
        ([{"tier": "web"}], 'YAML reads "tier: web" as a mapping. Fix: write tier:web without the space'),
    ],
)
@pytest.mark.parametrize("topic", ["egress_tests_app", "egress_allow_app"])
def test_who_is_not_there_is_said_with_a_guess(topic: str, to: Any, message: str) -> None:
    inventory = replace(INVENTORY, groups={**INVENTORY.groups, "empty": []})
    own = {"relay": {"extends": "app"}}
    written = {"name": "t", "not_reach" if "tests" in topic else "to": to, "services": ["https"]}
    (error,) = errors(inventory=inventory, egress_tiers=own, **{topic: [written]})
    assert error.startswith(f"{topic}[t].")
    assert message in error


def test_a_tier_that_only_other_hosts_declare_is_known() -> None:
    assert allowed(build(egress_allow_app=[entry(to="tier:mail")]), "10.10.0.30", "tcp/443")


@pytest.mark.parametrize("to", ["group:cache", "tier:cache", "tier:build"])
def test_optional_hosts_may_be_missing(to: str) -> None:
    resolved = build(egress_allow_app=[entry(to=to, optional=True)])
    assert resolved.entries == ()
    assert [notice.kind for notice in resolved.notices] == ["optional"]


class Untemplated(Alone):
    """An inventory with a tier that cannot be read."""

    @property
    def tiers(self) -> Mapping[str, Sequence[str]]:
        raise policy.PolicyErrors((policy.PolicyError("egress_tier of the host db1", "cannot be templated"),))


def test_a_tier_that_cannot_be_read_is_an_error() -> None:
    assert failing(Untemplated(), not_reach="tier:database") == ["egress_tier of the host db1: cannot be templated"]
