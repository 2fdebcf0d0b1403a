# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May a host reach that?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.explain import Question, ReachExplanation, explain
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import Capabilities
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.registry import TARGETS
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import INVENTORY, build, entry

HTTPS = services.of_protocol(6, 443, 443)
PAY = entry(name="pay", to=["203.0.113.0/24"], users=["payd"], owner="team-pay")


def answer(to: str, service: str, user: str | None = None, unit: str | None = None, **changes: Any) -> ReachExplanation:
    requested = services.parse_literal(service)
    assert requested
    capabilities = {name: target.can for name, target in TARGETS.items()}
    return explain(build(**changes), Question(addresses.parse(to), requested, user, unit), capabilities)


def test_yes_by_which_entry_and_which_targets_are_exact() -> None:
    explanation = answer("203.0.113.7", "tcp/443", "payd", egress_allow_app=[PAY])
    assert (explanation.answer, explanation.entries) == ("yes", ("pay",))
    assert explanation.lines[:3] == (
        "yes: app1 as payd to 203.0.113.7 with tcp/443",
        "  by the entry pay, egress_allow_app[pay]",
        "    owner team-pay; never expires",
    )
    assert "nftables" in explanation.lines[3]
    # A security group knows no users.
    assert "aws" not in explanation.lines[3]


def test_no_and_what_would_open_it() -> None:
    explanation = answer("203.0.113.7", "tcp/443", "www-data", egress_allow_app=[PAY])
    assert explanation.answer == "no"
    assert "    the entry pay opens it to payd only, egress_allow_app[pay]" in explanation.lines
    assert "    no entry allows it" in answer("203.0.113.7", "tcp/22", "payd", egress_allow_app=[PAY]).lines
    closed = answer("203.0.113.7", "tcp/443", "payd", egress_allow_app=[PAY], egress_never=[{"to": "203.0.113.7"}])
    assert closed.answer == "no"
    assert "    egress_never closes what the entry pay opens, egress_allow_app[pay]" in closed.lines


def test_a_unit_is_asked_about_as_a_user_is() -> None:
    entries = [
        entry(name="agent", to=["203.0.113.0/25"], units=["agent@.service"]),
        entry(name="batch", to=["203.0.113.128/25"], units=["batch.slice"], users=["root"]),
    ]
    yes = answer("203.0.113.7", "tcp/443", unit="agent@x.service", egress_allow_app=entries)
    assert yes.lines[0] == "yes: app1 as everybody in agent@x.service to 203.0.113.7 with tcp/443"
    assert yes.entries == ("agent",)
    # A security group knows no units.
    assert "nftables" in yes.lines[3]
    assert "aws" not in yes.lines[3]
    no = answer("203.0.113.7", "tcp/443", "root", "nginx.service", egress_allow_app=entries)
    assert no.answer == "no"
    assert "    the entry agent opens it to agent@.service only, egress_allow_app[agent]" in no.lines
    # In which slice a service is, only the host knows.
    maybe = answer("203.0.113.200", "tcp/443", "root", "nginx.service", egress_allow_app=entries)
    assert (maybe.answer, maybe.lines[2]) == (
        "no",
        "    the entry batch opens it to root in batch.slice only, egress_allow_app[batch]",
    )
    assert answer("203.0.113.200", "tcp/443", "root", "batch-x.slice", egress_allow_app=entries).answer == "yes"


def test_a_part_of_a_network() -> None:
    explanation = answer("203.0.112.0/23", "tcp/443", "payd", egress_allow_app=[PAY], egress_mode="observe")
    assert explanation.answer == "partly"
    assert "  rejected: 203.0.112.0/24 with tcp/443" in explanation.lines
    assert explanation.lines[-1] == "  egress_mode is observe: nothing is rejected, only counted"


def test_servers_of_the_floor_and_no_policy_at_all() -> None:
    explanation = answer("10.0.0.53", "udp/53", egress_dns_servers=["10.0.0.53"])
    assert (explanation.answer, explanation.lines[1]) == ("yes", "  by egress_dns_servers, which are part of the floor")
    assert answer("192.0.2.1", "any", egress_mode="absent").answer == "yes"


def test_the_rest_of_the_floor_is_named_where_nothing_else_opens_it() -> None:
    floor = "  by the floor, the baseline rules of every host"
    assert floor in answer("203.0.113.7", "icmp", "root").lines
    assert floor not in answer("203.0.113.7", "tcp/443", "payd", egress_allow_app=[PAY]).lines
    assert floor not in answer("10.0.0.53", "udp/53", egress_dns_servers=["10.0.0.53"]).lines


def test_a_target_is_exact_only_for_what_it_knows() -> None:
    fed = replace(INVENTORY, lists={"fed": feeds.PrefixListResult("fed", external=True)})
    entries = [
        entry(name="both", to=["203.0.113.0/24", "prefix_list:fed"]),
        entry(name="six", to=["2001:db8::/64"]),
    ]
    resolved = build(fed, egress_tier="build", egress_prefix_lists={"fed": {}}, egress_allow_app=entries)
    everything = Capabilities(user=True, filled=True)
    targets = {
        "whole": everything,
        "lists-unknown": replace(everything, filled=False),
        "ipv4-only": replace(everything, families=(4,)),
        "udp-only": replace(everything, protocols=frozenset({17}), ported=frozenset({17}), any=False),
    }

    def exact(to: str) -> str:
        lines = explain(resolved, Question(addresses.parse(to), HTTPS), targets).lines
        (line,) = (line for line in lines if "exact in targets" in line)
        return line.partition(": ")[2]

    assert exact("203.0.113.7") == "whole, ipv4-only"
    assert exact("2001:db8::7") == "whole, lists-unknown"


def test_an_entry_that_names_the_name_is_named_with_who_can_hold_it() -> None:
    api = entry(name="api", to=["api.example.com"], services=["https"])
    question = Question(addresses.NOTHING, HTTPS, None, names=("api.example.com",))
    capabilities = {name: target.can for name, target in TARGETS.items()}
    explanation = explain(build(egress_allow_app=[api]), question, capabilities)
    assert (explanation.answer, explanation.entries) == ("yes", ("api",))
    (line,) = [line for line in explanation.lines if "by the entry api" in line]
    assert line.startswith("  api.example.com by the entry api, egress_allow_app[api], in targets that know names: ")
    assert "squid" in line
