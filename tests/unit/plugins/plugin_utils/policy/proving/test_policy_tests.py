# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""egress_tests_<topic>, evaluated on the policy, and what is said about a policy beside errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    INVENTORY,
    build,
    entry,
    errors,
)

POLICY: dict[str, Any] = {
    "egress_tier": "web",
    "egress_dns_servers": ["10.10.0.10"],
    "egress_ntp_servers": ["1.2.3.4"],
    "egress_never": [{"to": "10.99.0.0/16"}, {"to": "10.98.0.0/16", "except_users": ["backup"]}],
    "egress_allow_base": [entry(name="mirror", to="hosts:mirror")],
    "egress_allow_web": [entry(name="acme", to="192.0.2.7", users=["certbot"])],
}


def failing(**test: Any) -> list[str]:
    return errors(**POLICY, egress_tests_web=[{"name": "t", **test}])


@pytest.mark.parametrize(
    "test",
    [
        {"reach": "hosts:mirror", "services": ["https"]},
        {"reach": ["10.1.0.0/16", "fd12:3456:789a::1"], "services": ["http", "https"]},
        {"reach": "192.0.2.7", "services": ["https"], "user": "certbot"},
        {"reach": "10.98.0.1", "services": ["https"], "user": "backup"},
        {"reach": "10.10.0.10", "services": ["dns"]},
        {"reach": "1.2.3.4", "services": ["ntp"]},
        {"not_reach": "hosts:database", "services": ["postgresql"]},
        {"not_reach": "10.99.0.0/16", "services": "any"},
        {"not_reach": "10.98.0.0/16", "services": "any", "user": "www-data"},
        {"not_reach": "192.0.2.7", "services": ["https"], "user": "www-data"},
        {"not_reach": "203.0.113.0/24", "services": "any"},
        {"not_reach": "internet", "services": ["https"]},
    ],
)
def test_what_is_true_is_no_error(test: dict[str, Any]) -> None:
    assert failing(**test) == []


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({"reach": "10.0.0.0/8", "services": ["https"]}, "not everybody reaches 10.98.0.0 with tcp/443"),
        ({"reach": "hosts:mirror", "services": ["https", "ssh"]}, "reaches 10.10.0.30 with tcp/22"),
        ({"reach": "192.0.2.7", "services": ["https"]}, "not everybody reaches 192.0.2.7 with tcp/443"),
        ({"reach": "192.0.2.7", "services": ["https"], "user": "x"}, "user x does not reach 192.0.2.7"),
        (
            {"not_reach": "internal", "services": ["https"]},
            "everybody reaches 10.0.0.0 with tcp/443 by the entry tier-internal",
        ),
        (
            {"not_reach": "192.0.2.0/24", "services": "any"},
            "user certbot reaches 192.0.2.7 with tcp/443 by the entry acme",
        ),
        ({"not_reach": "10.98.0.0/16", "services": "any"}, "user backup reaches 10.98.0.0 with tcp/80"),
        ({"not_reach": "internet", "services": "any"}, "reaches 1.2.3.4 with udp/123 by egress_ntp_servers"),
        ({"not_reach": "10.10.0.10", "services": ["dns"]}, "reaches 10.10.0.10 with tcp/53 by egress_dns_servers"),
    ],
)
def test_what_is_not_true_is_an_error_with_a_witness(test: dict[str, Any], message: str) -> None:
    (error,) = failing(**test)
    assert error.startswith("egress_tests_web[t]: fails: ")
    assert message in error


def test_except_is_what_a_test_is_not_about() -> None:
    beyond = {"not_reach": "192.0.2.0/24", "services": "any"}
    assert "reaches 192.0.2.7" in failing(**beyond)[0]
    assert failing(**beyond, **{"except": ["192.0.2.7"]}) == []
    assert "tests no address" in failing(**beyond, **{"except": ["192.0.0.0/16"]})[0]
    assert "reaches 10.98.0.0" in failing(not_reach=["10.98.0.0/16"], services="any", **{"except": ["10.98.0.1"]})[0]


def test_tests_hold_for_what_enforce_would_do() -> None:
    test = {"name": "t", "not_reach": "203.0.113.0/24", "services": "any"}
    resolved = build(**{**POLICY, "egress_mode": "observe"}, egress_tests_web=[test])
    assert policy.failed_tests(resolved) == ()


def test_a_server_whose_part_of_the_floor_is_out_is_not_reached() -> None:
    test = {"name": "t", "not_reach": "192.0.2.53", "services": ["dns"]}
    servers = {"egress_dns_servers": ["192.0.2.53"], "egress_tests_web": [test]}
    assert len(errors(**servers)) == 1
    assert errors(**servers, egress_floor_without=["dns"]) == []


def test_the_witness_is_a_flow_that_contradicts_the_test() -> None:
    test = {"name": "t", "not_reach": "internal", "services": ["ssh"]}
    resolved = build(**POLICY, egress_tests_web=[test])
    wrong = replace(resolved, tests=(replace(resolved.tests[0], services=resolved.entries[-1].grants[0].services),))
    (failed,) = policy.failed_tests(wrong)
    protocol, _slash, port = failed.service.partition("/")
    verdict = policy.decide(wrong, policy.Flow(failed.address, protocol, int(port), failed.user))
    assert (verdict.allowed, failed.by) == (True, f"the entry {verdict.entry}")


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({"services": ["https"]}, "has neither reach nor not_reach. Fix: write exactly one of them"),
        (
            {"reach": "internal", "not_reach": "internal", "services": ["https"]},
            "has both reach and not_reach. Fix: write exactly one of them",
        ),
        ({"reach": "internal"}, "services is missing"),
        ({"reach": "internal", "services": []}, "is an empty list"),
        ({"reach": "internal", "services": ["https"], "user": ["a", "b"]}, "names several users"),
        ({"reach": "internal", "services": ["https"], "unit": ["a.slice", "b.slice"]}, "names several units"),
        ({"reach": "hosts:nobody", "services": ["https"]}, '"hosts:nobody" matches no host'),
        ({"unreach": "internal", "services": ["https"]}, 'unknown key "unreach". Did you mean reach?'),
    ],
)
def test_what_is_no_test(test: dict[str, Any], message: str) -> None:
    assert any(message in found for found in failing(**test))


def test_a_test_of_nothing_is_an_error() -> None:
    test = {"name": "t", "not_reach": "internal", "services": ["https"]}
    (message,) = errors(egress_mode="observe", egress_internal_networks=..., egress_tests_web=[test])
    assert (
        message
        == "egress_tests_web[t]: tests no address. Fix: set egress_internal_networks, or name other destinations"
    )


def test_a_test_that_counts_on_an_expired_entry_stops_no_deploy() -> None:
    dated = entry(name="dated", expires="2026-11-19")
    tests = [{"name": "t", "reach": "203.0.113.1", "services": ["https"]}]
    resolved = build(egress_allow_web=[dated], egress_tests_web=tests)
    assert [str(notice) for notice in resolved.notices] == [
        "egress_allow_web[dated]: is left out: it expired on 2026-11-19",
        "egress_tests_web[t]: fails: not everybody reaches 203.0.113.1 with tcp/443; the entry for it has expired",
    ]
    tests[0]["services"] = ["http"]
    assert len(errors(egress_allow_web=[dated], egress_tests_web=tests)) == 1


def kinds(**changes: Any) -> list[str]:
    return [notice.kind for notice in build(**changes).notices]


def test_an_entry_that_adds_nothing_is_said() -> None:
    wide, narrow = entry(name="wide", to="internal"), entry(name="narrow", to="10.1.1.1")
    assert kinds(egress_allow_app=[wide, narrow]) == ["redundant"]
    assert kinds(egress_allow_app=[wide, entry(name="n", to="10.1.1.1", services=["http"])]) == []
    assert kinds(egress_allow_app=[{**wide, "users": ["a"]}, narrow]) == []
    assert kinds(egress_allow_app=[wide, {**narrow, "users": ["a"]}]) == ["redundant"]
    assert kinds(egress_allow_app=[{**wide, "expires": "2030-01-01"}, narrow]) == []
    assert kinds(egress_allow_app=[entry(name="a"), entry(name="b")]) == ["redundant"]
    # A tier's own entry is no mistake of a person's.
    assert kinds(egress_tier="build", egress_allow_x=[entry(to="internet", services=["http", "https", "git"])]) == []


def test_an_entry_that_never_covers_is_said() -> None:
    assert kinds(egress_never=[{"to": "203.0.113.0/24"}], egress_allow_app=[entry()]) == ["closed_by_never"]
    never = [{"to": "203.0.113.0/24", "except_users": ["root"]}]
    assert kinds(egress_never=never, egress_allow_app=[entry()]) == []


def test_what_closes_soon_and_what_was_to_be_reviewed_is_said() -> None:
    assert kinds(egress_allow_app=[entry(expires="2026-12-04")]) == ["expires"]
    assert kinds(egress_allow_app=[entry(expires="2026-12-05")]) == []
    assert kinds(egress_allow_app=[entry(review_by="2026-11-19")]) == ["review_due"]
    assert kinds(egress_allow_app=[entry(review_by="2026-11-20")]) == []


def test_internal_networks_with_a_metadata_service_are_said() -> None:
    (notice,) = build(egress_internal_networks=["fd00::/8"]).notices
    assert notice.kind == "metadata_inside"
    assert "fd00:42::42/128" in notice.text


def test_entries_that_reach_the_internet_are_counted() -> None:
    resolved = build(egress_tier="build", egress_allow_base=[entry(name="mirror", to="hosts:mirror")])
    assert resolved.reaching_internet() == ("tier-internet",)


@pytest.mark.parametrize(
    ("to", "counts"),
    [
        ("203.0.113.0/24", True),
        ("2001:db8::/48", True),
        ("8.8.8.8", True),
        ("192.168.1.1", True),
        ("10.1.1.1", False),
        ("64:ff9b::a01:101", False),
        ("64:ff9b::808:808", True),
        ("fd12:3456:789a::1", False),
        ("169.254.169.254", False),
        ("fd00:ec2::254", False),
        ("fe80::1", False),
        ("224.0.0.18", False),
        ("multicast", False),
        ("127.0.0.1", False),
    ],
)
def test_what_counts_as_reaching_the_internet(to: str, counts: bool) -> None:
    resolved = build(egress_allow_app=[entry(to=[to])], egress_nat64_prefix="64:ff9b::/96")
    assert ("api" in resolved.reaching_internet()) is counts


def test_users_that_somebody_wrote_down_are_named_and_no_others() -> None:
    resolved = build(
        egress_ntp_servers="pool",
        egress_allow_app=[entry(users=["payd"])],
        egress_never=[{"to": "cloud-metadata", "except_users": ["root"]}],
    )
    assert resolved.named_users() == {"payd", "root"}


@pytest.mark.parametrize(
    ("users", "tested", "fails"),
    [
        (["33"], "www-data", True),
        (["www-data"], "33", True),
        (["mail"], "www-data", False),
        (["34"], "33", False),
        (["33"], "root", False),
        (["root"], "33", False),
        (["0"], "www-data", False),
    ],
)
def test_a_name_may_be_any_uid_of_the_policy_and_a_uid_any_name(users: list[str], tested: str, fails: bool) -> None:
    test = {"name": "t", "not_reach": "203.0.113.0/24", "services": ["https"], "user": tested}
    messages = errors(egress_allow_app=[entry(users=users)], egress_tests_app=[test])
    assert len(messages) == fails
    if fails:
        assert f"user {tested} may be {users[0]}, who reaches 203.0.113.0 with tcp/443 by the entry api" in messages[0]
    # What must be reached is not proven by a perhaps.
    reach = {"name": "t", "reach": "203.0.113.0/24", "services": ["https"], "user": tested}
    assert errors(egress_allow_app=[entry(users=users)], egress_tests_app=[reach])


BY_UNIT = {"egress_internal_services": [], "egress_never": [{"to": "203.0.113.9", "except_units": ["b.slice"]}]}


@pytest.mark.parametrize(
    ("units", "tested", "message"),
    [
        (["a.service"], {"not_reach": "203.0.113.0/24", "unit": "b.service"}, ""),
        (
            ["a.service"],
            {"not_reach": "203.0.113.0/24", "unit": "a.service"},
            "everybody in a.service reaches 203.0.113.0",
        ),
        (["a.service"], {"not_reach": "203.0.113.0/24"}, "everybody in a.service reaches 203.0.113.0"),
        (["a.service"], {"reach": "203.0.113.1", "unit": "a.service"}, ""),
        (["a.service"], {"reach": "203.0.113.1"}, "not everybody reaches 203.0.113.1"),
        # Only the host knows in which slice a service is.
        (
            ["b.slice"],
            {"not_reach": "203.0.113.0/24", "unit": "a.service"},
            "everybody in a.service in b.slice reaches",
        ),
        (["b.slice"], {"reach": "203.0.113.1", "unit": "a.service"}, "not everybody in a.service reaches 203.0.113.1"),
        (["b.slice"], {"reach": "203.0.113.1", "unit": "b-c.slice"}, ""),
        (["b-c.slice"], {"reach": "203.0.113.1", "unit": "b.slice"}, "not everybody in b.slice reaches 203.0.113.1"),
        (["t@.service"], {"reach": "203.0.113.1", "unit": "t@x.service"}, ""),
        (["t@x.service"], {"reach": "203.0.113.1", "unit": "t@.service"}, "not everybody in t@.service reaches"),
        (["t@x.service"], {"not_reach": "203.0.113.1", "unit": "t@.service"}, "everybody in t@x.service reaches"),
        (
            ["a.service"],
            {"reach": "203.0.113.9", "unit": "a.service"},
            "not everybody in a.service reaches 203.0.113.9",
        ),
        (["b.slice"], {"reach": "203.0.113.9", "unit": "b.slice"}, ""),
    ],
)
def test_a_test_about_a_unit_is_about_every_place_where_it_may_be(
    units: list[str], tested: dict[str, Any], message: str
) -> None:
    test = {"name": "t", "services": ["https"], **tested}
    messages = errors(**BY_UNIT, egress_allow_app=[entry(units=units)], egress_tests_app=[test])
    assert [message in each for each in messages] == ([True] if message else [])


def test_a_test_about_a_user_in_a_unit() -> None:
    test = {"name": "t", "not_reach": "203.0.113.1", "services": ["https"], "user": "payd", "unit": "a.service"}
    assert errors(egress_allow_app=[entry(units=["a.service"], users=["root"])], egress_tests_app=[test]) == []
    (message,) = errors(egress_allow_app=[entry(units=["a.service"], users=["payd"])], egress_tests_app=[test])
    assert "user payd in a.service reaches 203.0.113.1 with tcp/443 by the entry api" in message


def test_a_user_of_two_names_has_what_each_opens_and_is_excepted_from() -> None:
    test = {"name": "t", "not_reach": "203.0.113.0/24", "services": ["https"], "user": "www-data"}
    never = [{"to": "203.0.113.0/24", "except_users": ["www-data"]}]
    assert errors(egress_never=never, egress_allow_app=[entry(users=["33"])], egress_tests_app=[test])


def test_what_stays_on_the_host_is_no_matter_of_tests() -> None:
    # db1 is in the group and is the host itself; db2 is only reached because an entry opens it.
    inventory = replace(INVENTORY, host="db1")
    reach = {"name": "all", "reach": "hosts:database", "services": ["postgresql"]}
    variables: dict[str, Any] = {
        "egress_tier": "database",
        "egress_allow_db": [entry(to="10.20.0.2", services=["postgresql"])],
    }
    resolved = build(inventory, **variables, egress_tests_db=[reach, {**reach, "name": "lo", "reach": "127.0.0.1"}])
    assert policy.failed_tests(resolved) == ()
    not_reach = {"name": "none", "not_reach": "10.20.0.1", "services": ["https"]}
    assert policy.failed_tests(build(inventory, egress_tier="database", egress_tests_db=[not_reach])) == ()
    with pytest.raises(policy.PolicyErrors, match=r"not everybody reaches 10\.20\.0\.1 with tcp/5432"):
        build(INVENTORY, **variables, egress_tests_db=[reach])
