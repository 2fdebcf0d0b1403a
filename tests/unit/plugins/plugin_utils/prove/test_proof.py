# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets beside the policy: what differs, which tests hold, what the policy names."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, get_args

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.decide import Cause
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedTest
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.probe_flows import ProbeFlow
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.probe_inputs import named_ports, server_probes
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.proof import CAUSES, probe_results, probes, proof
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.prove.policies import app

PAYMENTS = ProbeFlow("pay1", "203.0.113.10", "tcp", 443, "payd")
AS_ROOT = ProbeFlow("pay1", "203.0.113.10", "tcp", 443, "root")
RESOLVER = ProbeFlow("dns1", "10.0.0.53", "udp", 53, "root")


def prove(resolved: policy.ResolvedPolicy, *outcomes: tuple[ProbeFlow, str]) -> dict[str, Any]:
    flows = [flow for flow, _outcome in outcomes]
    return proof(resolved, probe_results(resolved, flows, [{"outcome": outcome} for _flow, outcome in outcomes]))


def test_a_kernel_that_does_what_the_policy_says() -> None:
    result = prove(app(), (PAYMENTS, "answered"), (AS_ROOT, "refused"), (RESOLVER, "answered"))
    assert result["differences"] == []
    assert (result["flows"], result["allowed"], result["answered"], result["refused"]) == (3, 2, 2, 1)


def test_a_difference_says_who_where_and_why() -> None:
    result = prove(app(), (PAYMENTS, "refused"), (AS_ROOT, "answered"), (RESOLVER, "silent"))
    assert result["differences"] == [
        "payd to pay1 (203.0.113.10) tcp/443: the policy allows it (entry payments), the packet was refused",
        "root to pay1 (203.0.113.10) tcp/443: the policy rejects it (no entry allows it), the packet was answered",
        "root to dns1 (10.0.0.53) udp/53: the policy allows it (the floor), the packet was silent",
    ]


def test_a_difference_where_only_the_host_knows_its_name_servers() -> None:
    host = app(egress_dns_servers=["auto"])
    differences = prove(host, (RESOLVER, "answered"))["differences"]
    (difference,) = differences
    assert difference == (
        "root to dns1 (10.0.0.53) udp/53: the policy rejects it (only the host knows its name servers),"
        " the packet was answered"
    )


def test_every_cause_of_a_verdict_has_words() -> None:
    assert set(CAUSES) | {"entry"} == set(get_args(Cause))


def test_observe_refuses_nothing_and_counts_what_it_would() -> None:
    right = prove(app("observe"), (PAYMENTS, "answered"), (AS_ROOT, "answered"))
    assert (right["differences"], right["would_be_refused"]) == ([], 1)
    assert len(prove(app("observe"), (AS_ROOT, "refused"))["differences"]) == 1


def test_enforce_lets_nothing_through_that_it_would_refuse() -> None:
    assert prove(app(), (AS_ROOT, "refused"))["would_be_refused"] == 0


def with_test(
    resolved: policy.ResolvedPolicy, reach: bool, to: str, service: str = "tcp/443", user: str | None = None
) -> Any:
    """The policy with one test, which build would refuse where the policy itself does not agree with it."""
    spoken = services.parse_literal(service)
    assert spoken is not None
    test = ResolvedTest(
        name="one",
        where="egress_tests_app[one]",
        reach=reach,
        addresses=addresses.parse(to),
        services=spoken,
        user=user or None,
    )
    return dataclasses.replace(resolved, tests=(test,))


@pytest.mark.parametrize(
    ("test", "outcomes", "complaint"),
    [
        ({"reach": True, "user": "payd"}, [(PAYMENTS, "answered"), (AS_ROOT, "refused")], None),
        ({"reach": True, "user": "payd"}, [(PAYMENTS, "refused")], "payd to pay1 .* should be reached"),
        ({"reach": True}, [(PAYMENTS, "answered"), (AS_ROOT, "refused")], "root to pay1"),
        ({"reach": False, "user": "root"}, [(PAYMENTS, "answered"), (AS_ROOT, "refused")], None),
        ({"reach": False, "user": "root"}, [(AS_ROOT, "answered")], "should not be reached"),
        ({"reach": False, "user": "root"}, [(AS_ROOT, "silent")], "silent"),
        ({"reach": False, "to": "198.51.100.1"}, [(AS_ROOT, "refused")], "was not tried"),
        ({"reach": True, "user": "nobody"}, [(PAYMENTS, "answered")], "was not tried"),
        ({"reach": True, "service": "tcp/80"}, [(PAYMENTS, "answered")], "was not tried"),
    ],
)
def test_hand_written_tests_are_checked_against_packets(
    test: dict[str, Any], outcomes: list[tuple[ProbeFlow, str]], complaint: str | None
) -> None:
    result = prove(with_test(app(), **{"to": "203.0.113.10", **test}), *outcomes)
    assert result["tests"] == 1
    if complaint is None:
        assert result["complaints"] == []
    else:
        assert [bool(re.search(f"egress_tests_app.*{complaint}", said)) for said in result["complaints"]] == [True]


def test_hand_written_tests_are_about_enforce() -> None:
    result = prove(with_test(app("observe"), reach=False, to="203.0.113.10", user="root"), (AS_ROOT, "answered"))
    assert (result["tests"], result["complaints"]) == (0, [])


def test_hand_written_tests_of_units_are_not_about_packets_from_elsewhere() -> None:
    resolved = with_test(app(), reach=True, to="203.0.113.10")
    of_unit = dataclasses.replace(resolved, tests=(dataclasses.replace(resolved.tests[0], unit="agent.service"),))
    result = prove(of_unit, (PAYMENTS, "answered"), (AS_ROOT, "refused"))
    assert (result["tests"], result["complaints"]) == (0, [])


def test_probes_are_what_the_module_takes_in_the_same_order() -> None:
    assert probes([RESOLVER, PAYMENTS]) == [
        {"to": "10.0.0.53", "protocol": "udp", "port": 53, "user": "root", "name": "dns1"},
        {"to": "203.0.113.10", "protocol": "tcp", "port": 443, "user": "payd", "name": "pay1"},
    ]


def test_a_policy_names_both_ends_of_its_ranges_and_the_ports_of_its_tests() -> None:
    assert named_ports(with_test(app(), reach=False, to="192.0.2.1", service="tcp/9")) == [9, 443, 8000, 8010]
    assert named_ports(with_test(app(), reach=False, to="192.0.2.1", service="any")) == [443, 8000, 8010]


def test_the_first_packets_go_to_dns_and_time_servers() -> None:
    assert server_probes(app()) == [
        {"to": "10.0.0.53", "protocol": "udp", "port": 53},
        {"to": "10.0.0.53", "protocol": "tcp", "port": 53},
        {"to": "fd12:3456:789a::53", "protocol": "udp", "port": 53},
        {"to": "fd12:3456:789a::53", "protocol": "tcp", "port": 53},
        {"to": "10.0.0.123", "protocol": "udp", "port": 123},
    ]
