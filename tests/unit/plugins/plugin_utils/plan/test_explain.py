# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May a host reach that?"""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.explain import Explanation, Question, explain
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.registry import TARGETS
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry

PAY = entry(name="pay", to=["203.0.113.0/24"], users=["payd"], owner="team-pay")


def asked(to: str, service: str, user: str | None = None, **changes: Any) -> Explanation:
    spoken = services.parse_literal(service)
    assert spoken
    able = {name: one.can for name, one in TARGETS.items()}
    return explain(build(**changes), Question(addresses.parse(to), spoken, user), able)


def test_yes_by_which_entry_and_where_it_can_be_said() -> None:
    found = asked("203.0.113.7", "tcp/443", "payd", egress_allow_app=[PAY])
    assert (found.answer, found.entries) == ("yes", ("pay",))
    assert found.lines[:3] == (
        "yes: app1 as payd to 203.0.113.7 with tcp/443",
        "  by the entry pay, egress_allow_app[pay]",
        "    owner team-pay; never expires",
    )
    assert "nftables" in found.lines[3]
    # A security group knows no users.
    assert "aws" not in found.lines[3]


def test_no_and_what_would_open_it() -> None:
    found = asked("203.0.113.7", "tcp/443", "www-data", egress_allow_app=[PAY])
    assert found.answer == "no"
    assert "    the entry pay opens it to payd only, egress_allow_app[pay]" in found.lines
    assert "    nothing allows it" in asked("203.0.113.7", "tcp/22", "payd", egress_allow_app=[PAY]).lines
    closed = asked("203.0.113.7", "tcp/443", "payd", egress_allow_app=[PAY], egress_never=[{"to": "203.0.113.7"}])
    assert closed.answer == "no"
    assert "    egress_never closes what the entry pay opens, egress_allow_app[pay]" in closed.lines


def test_a_part_of_a_network() -> None:
    found = asked("203.0.112.0/23", "tcp/443", "payd", egress_allow_app=[PAY], egress_mode="observe")
    assert found.answer == "partly"
    assert "  refused: 203.0.112.0/24 with tcp/443" in found.lines
    assert found.lines[-1] == "  egress_mode is observe: nothing is refused yet, only counted"


def test_servers_of_the_floor_and_no_policy_at_all() -> None:
    found = asked("10.0.0.53", "udp/53", egress_dns_servers=["10.0.0.53"])
    assert (found.answer, found.lines[1]) == ("yes", "  by egress_dns_servers, which are part of the floor")
    assert asked("192.0.2.1", "any", egress_mode="absent").answer == "yes"
