# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mode, networks, servers, the floor, and variables that nobody reads."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    INVENTORY,
    allowed,
    build,
    entry,
    errors,
)


def test_observe_is_the_default() -> None:
    assert build(egress_mode=...).mode == "observe"


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("enforced", "Did you mean enforce?"),
        ("audit", "Did you mean observe?"),
        (False, 'unknown value "off". Did you mean absent?'),
        (True, 'unknown value "on". Did you mean enforce?'),
        (["enforce"], "Did you mean enforce?"),
        (3, "Fix: write one of absent, enforce, observe"),
    ],
)
def test_what_is_no_mode(mode: Any, message: str) -> None:
    (error,) = errors(egress_mode=mode)
    assert error.startswith("egress_mode: ")
    assert message in error


def test_absent_does_not_ask_whether_the_policy_is_right() -> None:
    resolved = policy.build({"egress_mode": "absent", "egress_allow_app": [{"name": 1}], "egress_foo": 2}, INVENTORY)
    assert resolved.mode == "absent"
    assert policy.decide(resolved, policy.Flow("1.1.1.1", "tcp", 1)).allowed


def test_enforce_needs_internal_networks_and_observe_does_not() -> None:
    (message,) = errors(egress_internal_networks=...)
    assert message == (
        "egress_internal_networks: is needed to enforce. "
        "Fix: list your networks, such as [10.0.0.0/8]; the mode observe works without them"
    )
    resolved = build(egress_mode="observe", egress_internal_networks=[], egress_tier="web")
    assert [notice.kind for notice in resolved.notices] == ["no_internal_networks"] * 2
    assert resolved.entries == ()


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        (
            ["internal"],
            'egress_internal_networks[0]: "internal" is not a network. Fix: write networks such as 10.0.0.0/8',
        ),
        (["10.0.0.1/8"], "has host bits set. Fix: write 10.0.0.0/8"),
        (["hosts:mirror"], "is not a network"),
        ({"10.0.0.0/8": None}, "is a mapping where a list is needed"),
    ],
)
def test_what_is_no_internal_network(networks: Any, message: str) -> None:
    assert any(message in error for error in errors(egress_internal_networks=networks))


def test_dns_and_ntp_go_to_the_named_servers_and_nowhere_else() -> None:
    resolved = build(egress_dns_servers=["10.10.0.10", "hosts:db1"], egress_ntp_servers="10.10.0.20")
    for address in ("10.10.0.10", "10.20.0.1"):
        assert allowed(resolved, address, "udp/53")
        assert allowed(resolved, address, "tcp/853")
        assert not allowed(resolved, address, "tcp/443")
    assert not allowed(resolved, "10.10.0.11", "udp/53")
    assert allowed(resolved, "10.10.0.20", "udp/123")
    assert not allowed(resolved, "10.10.0.10", "udp/123")


@pytest.mark.parametrize(
    ("servers", "message"),
    [
        (["internal"], '"internal" is not a server. Fix: write addresses, or hosts:PATTERN'),
        (["10.10.0.0/24"], '"10.10.0.0/24" is not a server. Fix: write addresses, or hosts:PATTERN'),
        (["10.0.0.300"], '"10.0.0.300" is not an IP address'),
        (["hosts:nobody"], '"hosts:nobody" matches no host'),
    ],
)
@pytest.mark.parametrize("name", ["egress_dns_servers", "egress_ntp_servers"])
def test_what_is_no_server(name: str, servers: Any, message: str) -> None:
    (error,) = errors(**{name: servers})
    assert error.startswith(name)
    assert message in error


FLOOR_FLOWS = {
    "icmp-errors": policy.Flow("1.1.1.1", "icmp", 3),
    "neighbours": policy.Flow("fe80::1", "icmp", 135),
    "memberships": policy.Flow("224.0.0.22", 2),
    "dhcp": policy.Flow("255.255.255.255", "udp", 67, source_port=68),
    "dns": policy.Flow("10.10.0.10", "udp", 53),
    "ntp": policy.Flow("10.10.0.20", "udp", 123),
}
SERVERS: dict[str, Any] = {"egress_dns_servers": ["10.10.0.10"], "egress_ntp_servers": ["10.10.0.20"]}


@pytest.mark.parametrize("part", FLOOR_FLOWS)
def test_a_part_of_the_floor_is_there_until_it_is_taken_out(part: str) -> None:
    assert policy.decide(build(**SERVERS), FLOOR_FLOWS[part]) == policy.Verdict(allowed=True, entry=None, cause="floor")
    without = build(**SERVERS, egress_floor_without=[part])
    for other, flow in FLOOR_FLOWS.items():
        assert policy.decide(without, flow).allowed == (other != part)


def test_what_the_floor_does_not_open() -> None:
    resolved = build(**SERVERS)
    for flow in (
        policy.Flow("1.1.1.1", "icmp", 8),
        policy.Flow("1.1.1.1", "icmp"),
        policy.Flow("2606:4700::1", "icmp", 128),
        policy.Flow("1.1.1.1", "udp", 67, source_port=67),
        policy.Flow("1.1.1.1", "udp", 67),
        policy.Flow("2606:4700::1", "udp", 547, source_port=546),
        policy.Flow("1.1.1.1", 2),
        policy.Flow("2606:4700::1", "icmp", 143),
        policy.Flow("10.10.0.10", "udp", 123),
    ):
        assert not policy.decide(resolved, flow).allowed


@pytest.mark.parametrize(
    ("without", "message"),
    [
        (
            ["loopback"],
            '"loopback" cannot be left out of the floor: it lets through what never leaves the host. Fix: remove',
        ),
        (["replies"], '"replies" cannot be left out of the floor'),
        (
            [["dhcp"]],
            'is a list inside a list. Fix: write it without the outer brackets, or join lists: "{{ these + those }}"',
        ),
        (["dhpc"], 'unknown value "dhpc". Did you mean dhcp?'),
    ],
)
def test_what_cannot_be_taken_out_of_the_floor(without: list[str], message: str) -> None:
    (error,) = errors(egress_floor_without=without)
    assert error.startswith("egress_floor_without[0]: ")
    assert message in error


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("64:ff9b::/64", '"64:ff9b::/64" is not an IPv6 prefix of length 96. Fix: write it as "64:ff9b::/96"'),
        ("10.0.0.0/8", "is not an IPv6 prefix of length 96"),
        ("64:ff9b::1/96", "has host bits set"),
        (64, 'YAML reads "64" as a number'),
    ],
)
def test_what_is_no_nat64_prefix(prefix: Any, message: str) -> None:
    (error,) = errors(egress_nat64_prefix=prefix)
    assert message in error


def test_nat64_opens_and_closes_both_spellings() -> None:
    resolved = build(
        egress_nat64_prefix="64:ff9b::/96",
        egress_dns_servers=["10.10.0.10"],
        egress_never=[{"to": "203.0.113.9"}],
        egress_allow_app=[entry()],
    )
    assert allowed(resolved, "203.0.113.1", "tcp/443")
    assert allowed(resolved, "64:ff9b::203.0.113.1", "tcp/443")
    assert not allowed(resolved, "64:ff9b::203.0.113.9", "tcp/443")
    assert not allowed(resolved, "64:ff9b::203.0.114.1", "tcp/443")
    assert allowed(resolved, "64:ff9b::10.10.0.10", "udp/53")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("egress_alow_app", "Did you mean egress_allow_app?"),
        ("egress_test_app", "Did you mean egress_tests_app?"),
        ("egress_internal_network", "Did you mean egress_internal_networks?"),
        ("egress_dns", "Did you mean egress_dns_servers?"),
        ("egress_foo", "Fix: look the variable up in docs/policy.md"),
        ("egress_allow", "write egress_allow_TOPIC, where TOPIC is a name such as your group's"),
        ("egress_tests", "write egress_tests_TOPIC"),
        ("egress_ceiling_raise", "write egress_ceiling_raise_TOPIC"),
        ("egress_test", "Did you mean egress_tests_TOPIC?"),
        ("egress_allow_", "Did you mean egress_allow_TOPIC?"),
    ],
)
def test_an_unknown_variable_is_an_error_with_a_guess(name: str, message: str) -> None:
    (error,) = errors(**{name: []})
    assert error.startswith(f"{name}: unknown variable. ")
    assert message in error


def test_known_variables_and_those_of_others_are_no_error() -> None:
    assert errors(egress_addresses=["10.1.1.1"], egress_package="nftables", ansible_host="x", my_own=1) == []


def test_what_would_be_ignored_is_refused() -> None:
    assert errors(egress_containers=False, egress_prefix_lists={"s3": {"aws": "S3"}}) == []
    assert "is neither true nor false" in errors(egress_containers="yes")[0]
    assert "egress_prefix_lists: is not a mapping" in errors(egress_prefix_lists=["s3"])[0]


@pytest.mark.parametrize(("port", "expected"), [(..., 22), (2222, 2222), ("2222", 2222)])
def test_the_port_that_ansible_uses(port: Any, expected: int) -> None:
    assert build(ansible_port=port).ansible_port == expected


@pytest.mark.parametrize("port", ["ssh", 0, 70000, True])
def test_what_is_no_port(port: Any) -> None:
    (message,) = errors(ansible_port=port)
    assert message == f'ansible_port: "{port}" is not a port. Fix: write a number from 1 to 65535'


@pytest.mark.parametrize(("words", "expected"), [(..., "skip"), ("error", "error"), ("skip", "skip")])
def test_missing_users(words: Any, expected: str) -> None:
    assert build(egress_missing_users=words).missing_users == expected
    (message,) = errors(egress_missing_users="ignore")
    assert message == 'egress_missing_users: unknown value "ignore". Fix: write one of error, skip'


@pytest.mark.parametrize("servers", ["auto", ["auto"], ["10.10.0.10", "auto"]])
def test_servers_that_the_host_uses_are_filled_in_there_and_nobody_claims_to_know_them(servers: Any) -> None:
    resolved = build(egress_dns_servers=servers, egress_never=[{"to": ["192.0.2.0/24"]}])
    assert resolved.host_dns
    assert bool(resolved.dns) == (len(servers) == 2)
    for address in ("1.1.1.1", "192.0.2.1"):
        verdict = policy.decide(resolved, policy.Flow(address, "udp", 53))
        assert (verdict.allowed, verdict.cause) == (False, "resolvers")
    assert policy.decide(resolved, policy.Flow("192.0.2.1", "tcp", 443)).cause == "never"
    assert policy.decide(resolved, policy.Flow("1.1.1.1", "tcp", 443)).cause == "unlisted"
    sets = {one["name"]: one for one in compile_table(resolved)["sets"]}
    assert [sets[f"floor_dns{version}"]["elements_from"] for version in (4, 6)] == ["resolvers"] * 2
    without = build(egress_dns_servers=servers, egress_floor_without=["dns"])
    assert policy.decide(without, policy.Flow("1.1.1.1", "udp", 53)).cause == "unlisted"
    assert not any("elements_from" in one for one in compile_table(without)["sets"])


def test_no_test_of_dns_alone_can_rule_out_the_servers_that_only_the_host_knows() -> None:
    def messages(way: str, *services: str, auto: bool = True) -> list[str]:
        test = {"name": "t", way: ["198.51.100.0/24"], "services": list(services)}
        return errors(egress_dns_servers=["auto"] if auto else ["10.10.0.10"], egress_tests_all=[test])

    assert "by egress_dns_servers: [auto], which only the host knows" in messages("not_reach", "dns")[0]
    assert messages("not_reach", "dns", auto=False) == []
    assert messages("not_reach", "any") == []
    assert "not everybody reaches 198.51.100.0 with" in messages("reach", "dns")[0]


@pytest.mark.parametrize("servers", ["auto", ["auto"]])
def test_time_servers_are_written_down(servers: Any) -> None:
    assert (
        "works only in egress_dns_servers. Fix: write the addresses of the servers"
        in errors(egress_ntp_servers=servers)[0]
    )


@pytest.mark.parametrize(("given", "percent"), [(..., 25), (0, 0), (100, 100), ("100", 100), (" 7 ", 7)])
def test_the_share_that_a_run_may_close(given: Any, percent: int) -> None:
    resolved = build(egress_max_removed=given)
    assert resolved.max_removed == percent
    assert compile_table(resolved)["max_removed"] == {"percent": percent, "sets": "allow_*"}


@pytest.mark.parametrize("given", [101, -1, "25%", True, [25], 2.5])
def test_what_is_no_share(given: Any) -> None:
    (message,) = errors(egress_max_removed=given)
    assert message.startswith("egress_max_removed: ")
    assert "is not a percentage. Fix: write a whole number from 0 to 100; 100 switches the guard off" in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"egress_observe": ["inside"]},
            'egress_observe[0]: "inside" cannot be observed by itself. Did you mean internal?',
        ),
        ({"egress_observe": "web"}, '"web" cannot be observed by itself. Fix: write one of internal, internet'),
        ({"egress_observe": ["10.0.0.0/8"]}, "Fix: write one of internal, internet"),
        ({"egress_observe": {"internal": True}}, "is a mapping where a list is needed"),
        ({"egress_established": "check"}, 'egress_established: unknown value "check". Did you mean recheck?'),
        ({"egress_established": True}, 'unknown value "on"'),
        ({"egress_untracked": "drop"}, "Fix: write one of accept, reject"),
    ],
)
def test_what_is_no_strictness(changes: dict[str, Any], message: str) -> None:
    (error,) = errors(**changes)
    assert message in error


@pytest.mark.parametrize(
    ("words", "observed"),
    [
        (["internal"], {"10.9.9.9"}),
        ("internet", {"1.1.1.1"}),
        (["internet", "internal"], {"10.9.9.9", "1.1.1.1"}),
        ([], set()),
    ],
)
def test_what_is_observed_while_the_rest_is_enforced(words: Any, observed: set[str]) -> None:
    resolved = build(egress_observe=words, egress_never=[{"to": "10.99.0.0/16"}])
    for address in ("10.9.9.9", "1.1.1.1", "169.254.169.254", "224.0.0.9"):
        verdict = policy.decide(resolved, policy.Flow(address, "tcp", 9))
        assert (verdict.allowed, verdict.rejected) == (address in observed, True)
    # Who observes inside observes what is never reached there, too.
    assert allowed(resolved, "10.99.0.1", "tcp/443") == ("10.9.9.9" in observed)


def test_what_is_observed_inside_is_observed_as_nat64_translates_it() -> None:
    resolved = build(egress_observe=["internal"], egress_nat64_prefix="64:ff9b::/96")
    for address, is_observed in (("64:ff9b::a09:909", True), ("10.9.9.9", True), ("64:ff9b::101:101", False)):
        verdict = policy.decide(resolved, policy.Flow(address, "tcp", 9))
        assert (verdict.allowed, verdict.rejected) == (is_observed, True)
    (named,) = [spec for spec in compile_table(resolved)["sets"] if spec["name"] == "observed_internal6"]
    assert "64:ff9b::a00:0/104" in named["elements"]
