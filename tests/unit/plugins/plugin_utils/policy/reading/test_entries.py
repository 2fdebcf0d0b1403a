# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries: keys, names, users, dates, merging. Each case of bad input says one clear thing and changes nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.bridges import BRIDGES
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.destinations import NO_NAMES
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    INVENTORY,
    allowed,
    build,
    entry,
    errors,
)


def from_container(address: str) -> policy.Flow:
    """A new connection of a container."""
    return policy.Flow(address, "tcp", 443, container=True)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("destinations", "to"),
        ("dest", "to"),
        ("destination", "to"),
        ("port", "services"),
        ("ports", "services"),
        ("protocol", "services"),
        ("user", "users"),
        ("comment", "reason"),
        ("expiry", "expires"),
        ("exept", "except"),
        ("reasn", "reason"),
    ],
)
def test_a_wrong_key_is_told_the_right_one(wrong: str, right: str) -> None:
    (message,) = errors(egress_allow_app=[entry(**{wrong: "x", right: ...})])
    assert message == f'egress_allow_app[api]: unknown key "{wrong}". Did you mean {right}?'


def test_a_key_like_nothing_is_told_the_choice() -> None:
    (message,) = errors(egress_allow_app=[entry(zzz=1)])
    assert message.startswith(
        'egress_allow_app[api]: unknown key "zzz". Fix: write one of approximate, except, expires, for, '
    )


def test_missing_keys_are_named_together() -> None:
    assert errors(egress_allow_app=[{"services": ["https"]}]) == ["egress_allow_app[0]: name and to are missing"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"name": "api"},
            "egress_allow_app: is a mapping where a list of entries is needed. Fix: begin each entry with a dash",
        ),
        ("api", "egress_allow_app: is a text where a list of entries is needed"),
        (["api"], 'egress_allow_app[0]: "api" is not a mapping. Fix: write one with the keys name, to and services'),
        ([None], 'egress_allow_app[0]: "None" is not a mapping'),
    ],
)
def test_what_is_no_list_of_entries(value: Any, message: str) -> None:
    (error,) = errors(egress_allow_app=value)
    assert error.startswith(message)


def test_an_empty_list_is_no_entry() -> None:
    assert build(egress_allow_app=None, egress_allow_pci=[]).entries == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a" * 129, "has 129 characters; nft takes at most 128 as the comment of a rule. Fix: shorten it"),
        ("two words", '"two words" is not a name. Fix: use letters, digits, - and _'),
        ('x"; accept; } table x {', "is not a name"),
        ("x\ny", "has more than one line. Fix: write it in one line"),
        ("-x", "is not a name"),
        ("a.dns", "is not a name"),
        ("", "is an empty text"),
        (12, 'YAML reads "12" as a number. Fix: write a text in quotes'),
        (False, 'YAML reads "False" as true or false'),
    ],
)
def test_what_is_no_name(name: Any, message: str) -> None:
    (error,) = errors(egress_allow_app=[entry(name=name)])
    assert ".name: " in error
    assert message in error


def test_the_longest_name_is_taken() -> None:
    assert build(egress_allow_app=[entry(name="a" * 128)]).entries[0].name == "a" * 128


def test_users_are_the_only_ones_who_may() -> None:
    resolved = build(egress_allow_app=[entry(users=["payd", 1003])])
    assert allowed(resolved, "203.0.113.1", "tcp/443", "payd")
    assert allowed(resolved, "203.0.113.1", "tcp/443", "1003")
    assert not allowed(resolved, "203.0.113.1", "tcp/443", "www-data")
    assert not allowed(resolved, "203.0.113.1", "tcp/443", None)


def test_root_is_called_by_name_or_number() -> None:
    resolved = build(egress_allow_app=[entry(users=["root"])])
    assert allowed(resolved, "203.0.113.1", "tcp/443", "0")


def test_units_are_the_only_ones_that_may_and_both_hold() -> None:
    resolved = build(egress_allow_app=[entry(units=["b.service", "a@.service"], users=["payd"])])
    assert resolved.entries[0].units == ("a@.service", "b.service")

    def passes(user: str | None, *units: str) -> bool:
        return policy.decide(resolved, policy.Flow("203.0.113.7", "tcp", 443, user, units=units)).allowed

    assert passes("payd", "a@x.service", "system.slice")
    assert not passes("root", "a@x.service", "system.slice")
    assert not passes("payd", "c.service", "system.slice")
    assert not passes("payd")


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ([], "is an empty list. Fix: name at least one unit, or leave the key out to mean every unit"),
        ("any", '"any" is not a unit. Fix: leave the key out to mean every unit'),
        ("nginx", '"nginx" has no kind of unit at its end. Fix: write nginx.service, or a slice or scope'),
        (["a.service", 7], 'YAML reads "7" as a number. Fix: write the unit\'s name in quotes'),
        (["restic@*.service"], '"restic@*.service" is a pattern. Fix: write a template such as restic@.service, or a'),
    ],
)
def test_what_is_no_unit_never_means_every_unit(units: Any, message: str) -> None:
    (error,) = errors(egress_allow_app=[entry(units=units)])
    assert message in error


def test_units_of_containers_are_not_known_to_the_kernel() -> None:
    (message,) = errors(egress_allow_app=[entry(units=["a.service"], **{"for": ["containers"]})])
    assert message.startswith("egress_allow_app[api].units: the kernel does not know the units of forwarded packets")


@pytest.mark.parametrize(
    ("users", "message"),
    [
        ([], "is an empty list. Fix: name at least one user, or leave the key out to mean every user"),
        (None, "is empty"),
        ("any", '"any" is not a user. Fix: leave users out to mean every user'),
        ([False], 'YAML reads "False" as true or false. Fix: write the user\'s name in quotes'),
        ([4294967295], '"4294967295" is not a uid'),
        (["a, b"], '"a, b" is not a user name'),
        (["x\n"], "is not a user name"),
        ({"payd": None}, "is a mapping where a list is needed"),
    ],
)
def test_what_is_no_user_never_means_everybody(users: Any, message: str) -> None:
    (error,) = errors(egress_allow_app=[entry(users=users)])
    assert message in error


def test_for_says_whose_traffic_an_entry_is_about() -> None:
    entries = [
        entry(),
        entry(name="both", to=["203.0.113.1"], **{"for": ["containers", "host"]}),
        entry(name="inside", to=["203.0.113.2"], **{"for": ["containers"]}),
    ]
    on = build(egress_containers=True, egress_allow_app=entries)
    named = [one.name for one in on.entries if one.kind == "allow"]
    assert named == ["api", "both"]
    assert [one.name for one in on.containers or ()] == ["both", "inside"]
    assert not [str(notice) for notice in on.notices if "[inside]" in str(notice)]
    for address, host, container in (("203.0.113.9", True, False), ("203.0.113.1", True, True)):
        assert policy.decide(on, policy.Flow(address, "tcp", 443)).allowed == host
        assert policy.decide(on, from_container(address)).allowed == container
    assert policy.decide(on, from_container("203.0.113.2")).entry == "inside"
    off = build(egress_allow_app=entries)
    assert off.containers is None
    assert [one.name for one in off.entries if one.kind == "allow"] == ["api", "both"]
    (notice,) = [str(one) for one in off.notices if one.kind == "containers"]
    assert notice == "egress_allow_app[inside]: is left out: containers are not filtered on this host"
    assert policy.decide(off, from_container("192.0.2.1")).cause == "absent"


def test_what_cannot_be_said_for_containers() -> None:
    (message,) = errors(egress_allow_app=[entry(users=["payd"], **{"for": ["host", "containers"]})])
    assert message.startswith("egress_allow_app[api].users: the kernel does not know the users of forwarded packets")
    (message,) = errors(egress_allow_app=[entry(**{"for": []})])
    assert "is an empty list" in message
    (message,) = errors(egress_allow_app=[entry(**{"for": "hosts"})])
    assert 'unknown value "hosts". Did you mean host?' in message


def test_a_ceiling_holds_for_containers_too() -> None:
    wide = entry(name="wide", to=["internet"], services=["any"], **{"for": ["containers"]})
    assert any("wide" in message for message in errors(egress_containers=True, egress_allow_app=[wide]))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"egress_containers": False, "egress_container_interfaces": ["docker0"]}, None),
        ({"egress_containers": True}, BRIDGES),
        ({"egress_containers": True, "egress_container_interfaces": []}, BRIDGES),
        ({"egress_containers": True, "egress_container_interfaces": ["lxdbr0", "lxdbr0", "x*"]}, ("lxdbr0", "x*")),
    ],
)
def test_the_bridges_that_containers_are_behind(given: Any, expected: Any) -> None:
    resolved = build(**given)
    assert resolved.container_interfaces == (expected or ())
    assert (resolved.containers is None) == (expected is None)


@pytest.mark.parametrize("name", ["*", "", "a b", 'br"', "br-*x", "sixteen-letters-", 5, None])
def test_what_is_no_interface(name: Any) -> None:
    (message,) = errors(egress_containers=True, egress_container_interfaces=[name])
    assert message.startswith("egress_container_interfaces[0]: ")
    assert "is not the name of an interface. Fix: write a name such as docker0" in message


def test_required_keys_are_required_of_people_and_not_of_tiers() -> None:
    tiers = {"mail": {"extends": "relay", "allow": [entry(name="mx", to="internet", services=["smtp"])]}}
    messages = errors(
        egress_require=["reason", "owner"],
        egress_tier="mail",
        egress_tiers=tiers,
        egress_allow_base=[entry(name="mirror", to="10.1.1.1", reason="packages")],
        egress_allow_app=[entry(reason="payments", owner="pay", services=["smtp"])],
    )
    assert messages == ["egress_allow_base[mirror]: owner is missing"]


def test_what_cannot_be_required() -> None:
    (message,) = errors(egress_require=["reason", "ownr"])
    assert message == 'egress_require[1]: unknown value "ownr". Did you mean owner?'


@pytest.mark.parametrize("day", [dt.date(2026, 11, 20), "2026-11-20"])
def test_an_entry_holds_on_its_last_day_and_not_after(day: Any) -> None:
    entries = [entry(expires=day)]
    assert build(today=dt.date(2026, 11, 20), egress_allow_app=entries).entries
    later = build(today=dt.date(2026, 11, 21), egress_allow_app=entries)
    assert later.entries == ()
    assert [str(notice) for notice in later.notices] == ["egress_allow_app[api]: is left out: it expired on 2026-11-20"]


def test_an_expired_entry_stops_no_deploy_although_its_group_is_gone() -> None:
    assert build(egress_allow_app=[entry(to="hosts:gone", expires="2020-01-01")]).entries == ()


@pytest.mark.parametrize("day", ["31.3.2027", "2027-02-30", 20270331, True, dt.datetime(2027, 3, 31, 12)])  # noqa: DTZ001
def test_what_is_no_day(day: Any) -> None:
    (message,) = errors(egress_allow_app=[entry(expires=day)])
    assert "egress_allow_app[api].expires: " in message
    assert "is not a date. Fix: write it as 2027-03-31" in message


def test_topics_are_merged() -> None:
    resolved = build(
        egress_allow_base=[entry(name="mirror", to="hosts:mirror")],
        egress_allow_app=[entry(name="one")],
        egress_allow_pci=[entry(name="two", to="198.51.100.7")],
    )
    assert {(one.name, one.kind) for one in resolved.entries} == {
        ("mirror", "base"),
        ("one", "allow"),
        ("two", "allow"),
    }


def test_the_same_entry_of_two_groups_is_one() -> None:
    assert len(build(egress_allow_app=[entry()], egress_allow_pci=[entry()]).entries) == 1


@pytest.mark.parametrize("change", [{"to": "203.0.113.1"}, {"services": ["http"]}, {"reason": "other"}])
def test_two_entries_of_one_name_are_an_error(change: dict[str, Any]) -> None:
    messages = errors(egress_allow_app=[entry()], egress_allow_pci=[entry(**change)])
    cause = "another entry is called api, too (egress_allow_app[api])"
    assert messages == [f"egress_allow_pci[api]: {cause}. Fix: give one of them another name"]


def test_a_name_is_taken_for_all_lists_of_entries() -> None:
    inside = entry(to="10.1.1.1")
    assert len(errors(egress_allow_base=[inside], egress_allow_app=[inside])) == 1


def test_tests_of_one_name_with_two_contents_are_an_error() -> None:
    tests = [{"name": "t", "not_reach": "internet", "services": any_} for any_ in (["https"], ["http"])]
    (message,) = errors(egress_tests_app=tests[:1], egress_tests_web=tests[1:])
    assert "another entry is called t, too" in message


def test_every_error_is_said_at_once() -> None:
    with pytest.raises(policy.PolicyErrors) as raised:
        policy.build(
            {
                "egress_tier": "ap",
                "egress_mod": "enforce",
                "egress_allow_app": [{"name": "a b", "to": ["10.0.0.300", "intrenal"], "port": 443}],
                "egress_never": [{"to": "cloud"}],
                "egress_tests_app": [{"name": "t", "reach": "x.y", "services": "htps"}],
            },
            INVENTORY,
        )
    name = "use letters, digits, - and _, and begin with a letter or digit"
    addresses = "write the addresses or networks, or hosts:PATTERN for hosts of the inventory"
    assert str(raised.value).splitlines() == [
        "9 errors in the policy:",
        "  egress_mod: unknown variable. Did you mean egress_mode?",
        '  egress_tier: unknown tier "ap". Did you mean app?',
        '  egress_allow_app[0]: unknown key "port". Did you mean services?',
        f'  egress_allow_app[0].name: "a b" is not a name. Fix: {name}.',
        '  egress_allow_app[0].to[0]: "10.0.0.300" is not an IP address.',
        '  egress_allow_app[0].to[1]: "intrenal" is not a destination. Did you mean internal?',
        '  egress_never[0].to: "cloud" is not a destination. Did you mean cloud-metadata?',
        f'  egress_tests_app[t].reach: "x.y": {NO_NAMES}. Fix: {addresses}.',
        '  egress_tests_app[t].services: "htps" is not a service. Did you mean https?',
        "Nothing was changed.",
    ]


def test_one_error_is_one_sentence_that_says_what_did_not_happen() -> None:
    with pytest.raises(policy.PolicyErrors) as raised:
        build(egress_allow_pci=[entry(name="payments-api", to=["203.0.113.1", "10.0.0.300"])])
    assert str(raised.value) == (
        'egress_allow_pci[payments-api].to[1]: "10.0.0.300" is not an IP address. Nothing was changed.'
    )


def test_origins_come_before_the_place() -> None:
    variables = {"egress_tier": "app", "egress_allow_pci": [entry(name="p", to=["203.0.113.1", "10.0.0.300"])]}
    seen = []

    def origin(path: tuple[str | int, ...]) -> str | None:
        seen.append(path)
        return "group_vars/pci/egress.yml:3"

    with pytest.raises(policy.PolicyErrors) as raised:
        policy.build(variables, INVENTORY, origins=origin)
    where = "group_vars/pci/egress.yml:3 egress_allow_pci[p].to[1]"
    assert raised.value.errors == (policy.PolicyError(where, '"10.0.0.300" is not an IP address'),)
    assert ("egress_allow_pci", 0, "to", 1) in seen
    with pytest.raises(policy.PolicyErrors) as raised:
        policy.build(variables, INVENTORY, origins={"egress_allow_pci": "group_vars/pci"})
    assert raised.value.errors[0].where == "group_vars/pci egress_allow_pci[p].to[1]"
