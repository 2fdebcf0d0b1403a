# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be allowed for some hours, and the YAML that makes it lasting."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import temporary_allow
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build

NOW = dt.datetime(2026, 11, 20, 23, 0, tzinfo=dt.UTC)
GIVEN = {"to": ["203.0.113.7"], "services": ["https"], "hours": 4.0, "reason": "INC-7"}


def flows(**changes: Any) -> list[dict[str, Any]]:
    variables = {key: value for key, value in changes.items() if key.startswith("egress_")}
    made = temporary_allow.entry(
        {**GIVEN, **{key: changes[key] for key in changes if key not in variables}}, "alice", NOW
    )
    all_variables: dict[str, Any] = {temporary_allow.VARIABLE: [made], **variables}
    return temporary_allow.flows(build(**all_variables), made["name"])


def test_an_address_and_a_service_are_one_flow() -> None:
    assert flows() == [{"to": "203.0.113.7", "protocol": "tcp", "port": 443}]
    several = flows(to=["203.0.113.7", "2001:db8::7"], services=["tcp/8000-8001"])
    assert [(flow["to"], flow["port"]) for flow in several] == [
        ("203.0.113.7", 8000),
        ("203.0.113.7", 8001),
        ("2001:db8::7", 8000),
        ("2001:db8::7", 8001),
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"to": ["203.0.113.0/24"]}, "it is a network. Fix: name up to 64 addresses"),
        ({"services": ["icmp"]}, "name ports of tcp, udp, dccp, sctp"),
        ({"to": ["10.1.2.3"], "services": ["tcp/30000-30999"]}, "a service has 1000 ports"),
        ({"to": ["203.0.113.0/27"], "services": ["tcp/80-90"]}, "combinations of addresses and ports"),
        ({"to": []}, "no destination or no service is named"),
        ({"egress_never": [{"to": ["203.0.113.7"]}]}, "egress_never rejects 203.0.113.7 tcp/443"),
    ],
)
def test_what_cannot_be_allowed_once(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(temporary_allow.TemporaryAllowError, match=said):
        flows(**changes)


def test_it_ends_with_its_day_in_the_policy_and_lasts_without_it_in_the_yaml() -> None:
    made = temporary_allow.entry(GIVEN, "alice", NOW)
    assert made["expires"] == "2026-11-21"
    assert yaml.safe_load(temporary_allow.lasting(made)) == [
        {
            "name": "once-203-0-113-7",
            "to": ["203.0.113.7"],
            "services": ["https"],
            "reason": "INC-7",
            "owner": "alice",
        }
    ]


def test_what_is_for_one_unit_says_so_and_asks_what_holds_for_it() -> None:
    made = temporary_allow.entry({**GIVEN, "unit": "agent.service"}, "alice", NOW)
    assert yaml.safe_load(temporary_allow.lasting(made))[0]["units"] == ["agent.service"]
    never = [{"to": ["203.0.113.7"], "except_units": ["agent.service"]}]
    assert flows(unit="agent.service", egress_never=never) == flows()
    with pytest.raises(temporary_allow.TemporaryAllowError, match=r"egress_never rejects 203\.0\.113\.7 tcp/443"):
        flows(unit="other.service", egress_never=never)


@pytest.mark.parametrize(
    ("name", "found", "opened"),
    [
        ("api.example.com", ["1.1.1.1", "2606:4700::1"], ["1.1.1.1", "2606:4700::1"]),
        ("api.example.com", [], "api.example.com has no address that the controller finds"),
        ("api.example.com", ["1.1.1.1", "10.1.2.3"], "api.example.com leads to 10.1.2.3, which is not of the internet"),
        ("api.example.com", ["169.254.169.254"], "which is not of the internet"),
        ("api.example.com", ["9.9.9.9"], "egress_never rejects 9.9.9.9 tcp/443"),
        ("*.example.com", ["1.1.1.1"], "nobody can ask for every name below"),
    ],
)
def test_a_name_is_what_it_leads_to_now(name: str, found: list[str], opened: list[str] | str) -> None:
    made = temporary_allow.entry({**GIVEN, "to": [name]}, "alice", NOW)
    variables: dict[str, Any] = {temporary_allow.VARIABLE: [made], "egress_never": [{"to": ["9.9.9.9"]}]}
    resolved = build(**variables)
    if isinstance(opened, str):
        with pytest.raises(temporary_allow.TemporaryAllowError, match=re.escape(opened)):
            temporary_allow.flows(resolved, made["name"], lambda _name: found)
        return
    flows_of_name = temporary_allow.flows(resolved, made["name"], lambda _name: found)
    assert [flow["to"] for flow in flows_of_name] == opened


def test_a_name_is_looked_up_where_the_operator_is() -> None:
    assert "127.0.0.1" in temporary_allow.look_up("localhost")
    assert temporary_allow.look_up("nothing.invalid") == []
