# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which answers open what: the order, the names, the addresses, the lifetimes. With real unbound and real sets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.configuration import CANARY
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.record import names
from ansible_collections.tidegate.nftables.tests.support.authority import (
    AAAA,
    CNAME,
    HTTPS,
    NXDOMAIN,
    SERVFAIL,
    A,
    Reply,
    addresses,
    numbered,
)
from ansible_collections.tidegate.nftables.tests.support.resolver import (
    TABLE,
    add_huge_set,
    connects,
    fill_ledger,
    policy_changing,
    raw,
    refused,
)
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

from .conftest import World

FRESH = 1000
BESIDE = 200
_numbers = count(100_000)

INSIDE = {
    "metadata": ["169.254.169.254"],
    "inside": ["10.1.2.3"],
    "azure": ["168.63.129.16"],
    "shared": ["100.100.100.200"],
    "one-of-two": ["50.1.1.1", "10.1.2.3"],
    "unique-local": ["fd00:ec2::254"],
    "mapped": ["::ffff:10.1.2.3"],
    "compatible": ["::10.1.2.3"],
    "nat64": ["64:ff9b::10.1.2.3"],
    "6to4": ["2002:a01:203::1"],
}


def fresh_name(below: str = "example.net") -> tuple[str, str, str]:
    """Return a name that nobody asked for yet, and its addresses."""
    number = next(_numbers)
    return (f"n{number}.{below}", *numbered(number))


@pytest.mark.parametrize("kind", [A, AAAA])
def test_a_connection_right_after_the_answer_is_never_refused(world: World, kind: int) -> None:
    for _turn in range(FRESH if kind == A else BESIDE):
        (address,) = world.resolver.addresses(name := fresh_name()[0], kind)
        assert connects(address), name


def test_other_names_resolve_and_open_nothing(world: World) -> None:
    for below in ("example.org", "sub.api.example.com", "notexample.net"):
        name, address, _v6 = fresh_name(below)
        assert world.resolver.addresses(name) == [address]
        assert not connects(address)


def test_every_address_has_the_name_that_was_asked_for(world: World) -> None:
    named, other = fresh_name(), fresh_name("example.org")
    for name, *_both in (named, other):
        world.resolver.addresses(name)
    path = world.resolver.paths.resolver_record
    wait_for(lambda: names(path).keys() >= {named[1], other[1]}, "a record of both")
    assert [names(path)[address] for _name, address, _v6 in (named, other)] == [named[0], other[0]]


def test_a_huge_set_of_somebody_else_changes_nothing(world: World) -> None:
    add_huge_set(world.resolver.nft)
    try:
        assert not refused(world.resolver, (fresh_name()[0] for _turn in range(BESIDE)))
    finally:
        world.resolver.nft("delete", "table", "inet", "other")


def test_a_full_ledger_and_a_policy_that_changes_refuse_nobody(world: World) -> None:
    fill_ledger()
    with policy_changing(world.resolver.nft):
        assert not refused(world.resolver, (fresh_name()[0] for _turn in range(BESIDE)))


@pytest.mark.parametrize("texts", INSIDE.values(), ids=INSIDE)
def test_an_answer_with_an_address_inside_never_leaves(world: World, texts: list[str]) -> None:
    name, before = f"x{next(_numbers)}.example.net", all_elements(world)
    world.authority.replies[name] = addresses(*texts)
    kind = AAAA if ":" in texts[0] else A
    for _again in range(2):
        answer = world.resolver.ask(name, kind)
        assert (answer.rcode, answer.records) == (SERVFAIL, [])
    assert set(all_elements(world)) <= set(before)


def test_a_chain_that_ends_inside_never_leaves(world: World) -> None:
    name = f"x{next(_numbers)}.example.net"
    world.authority.replies[name] = Reply([("", CNAME, "meta.cdn.example", 30)])
    world.authority.replies["meta.cdn.example"] = addresses("169.254.169.254")
    assert world.resolver.ask(name).rcode == SERVFAIL


def test_a_chain_opens_for_the_name_that_was_asked(world: World) -> None:
    name, end = f"x{next(_numbers)}.example.net", f"x{next(_numbers)}.cdn.example"
    world.authority.replies[name] = Reply([("", CNAME, f"edge.{end}", 30)])
    world.authority.replies[f"edge.{end}"] = Reply([("", CNAME, end, 30)])
    world.authority.replies[end] = addresses("50.2.0.1")
    assert not connects("50.2.0.1")
    assert world.resolver.addresses(name) == ["50.2.0.1"]
    assert connects("50.2.0.1")


def test_a_chain_to_a_name_of_the_policy_opens_nothing_for_others(world: World) -> None:
    name, address, _v6 = fresh_name()
    world.authority.replies["evil.example.org"] = Reply([("", CNAME, name, 30), (name, A, address, 30)])
    assert world.resolver.addresses("evil.example.org") == [address]
    assert not connects(address)


def test_a_name_may_lead_inside_where_its_entry_says_so(world: World) -> None:
    world.authority.replies["db.corp.example"] = addresses("10.9.8.7")
    assert world.resolver.addresses("db.corp.example") == ["10.9.8.7"]
    assert "10.9.8.7" in world.resolver.elements("names_corp4")
    assert "10.9.8.7" not in world.resolver.elements()


def test_an_inside_domain_resolves_and_opens_nothing(world: World) -> None:
    world.authority.replies["intern.example"] = addresses("10.9.8.6")
    assert world.resolver.addresses("intern.example") == ["10.9.8.6"]
    assert "10.9.8.6" not in all_elements(world)


def test_a_name_in_two_entries_opens_both(world: World) -> None:
    assert world.resolver.addresses("api.example.com") == ["50.0.7.1", "50.3.0.1"]
    assert {"50.0.7.1", "50.3.0.1"} <= set(world.resolver.elements())
    corp = world.resolver.elements("names_corp4")
    assert "50.0.7.1" in corp
    assert "50.3.0.1" not in corp


@pytest.mark.parametrize(
    ("asked", "opens"),
    [
        ("example.net", False),
        ("both.example.org", True),
        ("x.both.example.org", True),
        ("x.y.example.net", True),
        ("UPPER.Example.NET", True),
        ("api.example.com.example.org", False),
        ("evil\\.example.net", False),
        ("api.example.com\\000.example.org", False),
        ("api.example.com\\000", False),
        ("\\000api.example.com", False),
        ("api\\.example.com", False),
        ("x.example\\000.net", False),
        (" api.example.com", False),
        ("api?example.com", False),
    ],
)
def test_the_grammar_holds_for_every_spelling(world: World, asked: str, opens: bool) -> None:
    reply = world.authority.replies.setdefault(asked.lower(), addresses(fresh_name()[1]))
    assert reply is not None
    ((_owner, _kind, address, _ttl),) = reply.records
    assert socket.inet_aton(address) in raw(asked)
    assert connects(address) == opens


def test_an_address_stays_longer_than_any_client_keeps_it(world: World) -> None:
    """Also where another name with the same address has a shorter TTL."""
    address = fresh_name()[1]
    for ttl in (86_400, 2**31, 2**32 - 1, 30):
        name = f"x{next(_numbers)}.example.net"
        world.authority.replies[name] = addresses(address, ttl=ttl)
        ((_key, kept),) = world.resolver.ask(name).records
        assert kept <= min(ttl, 3600)
        assert 3600 < world.resolver.elements()[address] <= 3600 + 120


def test_a_cached_answer_renews(world: World) -> None:
    name, address, _v6 = fresh_name()
    # Cached for longer than a busy machine takes.
    world.authority.replies[name] = addresses(address, ttl=3600)
    world.resolver.ask(name)
    world.resolver.nft("delete", "element", "inet", "tidegate", "names_api4", f"{{ {address} }}")
    assert not connects(address)

    def renewed() -> bool:
        world.resolver.ask(name)
        return connects(address)

    wait_for(renewed, "the element of a cached answer")
    assert world.authority.asked[name, A] == 1


def test_addresses_that_change_stay_for_the_floor(world: World) -> None:
    name = f"x{next(_numbers)}.example.net"
    seen = []
    for turn in range(100):
        texts = [f"50.4.{turn}.{each}" for each in range(1, 11)]
        world.authority.replies[name] = addresses(*texts, ttl=0)
        assert world.resolver.addresses(name) == sorted(texts)
        seen += texts
    assert set(seen) <= set(world.resolver.elements())


def test_ipv6_lives_where_ipv4_goes(world: World) -> None:
    name, v4, v6 = fresh_name()
    world.authority.replies[name] = addresses(v4, v6, ttl=0)
    assert (world.resolver.addresses(name), world.resolver.addresses(name, AAAA)) == ([v4], [v6])
    world.authority.replies[name] = addresses(v6, ttl=0)
    assert (world.resolver.addresses(name), world.resolver.addresses(name, AAAA)) == ([], [v6])
    assert connects(v6)


def test_twenty_addresses_over_tcp(world: World) -> None:
    name, texts = f"x{next(_numbers)}.example.net", [f"50.5.0.{each}" for each in range(20)]
    world.authority.replies[name] = addresses(*texts)
    world.authority.truncate = True
    try:
        assert world.resolver.addresses(name) == sorted(texts)
    finally:
        world.authority.truncate = False
    assert all(map(connects, texts))


def test_three_thousand_addresses_over_tcp(world: World) -> None:
    """All of them are open or, where unbound itself takes no such answer (1.26), none is; other names resolve."""
    name, texts = f"x{next(_numbers)}.example.net", [f"50.7.{each >> 8}.{each & 255}" for each in range(3000)]
    world.authority.replies[name] = addresses(*texts, ttl=0)
    world.authority.truncate = True
    try:
        found = world.resolver.addresses(name)
    finally:
        world.authority.truncate = False
    assert len(found) in (0, len(texts))
    assert set(found) == set(texts) & world.resolver.elements().keys()
    assert not refused(world.resolver, [fresh_name()[0]])


def test_https_records_are_empty_for_names_of_the_policy(world: World) -> None:
    hint = "000100" + "0004000432010203"
    for name in ("x.example.net", "x.example.org"):
        world.authority.replies[name] = Reply([("", HTTPS, hint, 30)])
    assert counted_answers("x.example.net", HTTPS) == (0, 0)
    assert counted_answers("x.example.org", HTTPS) == (0, 1)
    assert not world.authority.asked["x.example.net", HTTPS]


@pytest.mark.parametrize("name", [CANARY, "dns.google", "sub.cloudflare-dns.com"])
def test_nobody_finds_a_way_around_the_resolver_by_it(world: World, name: str) -> None:
    world.authority.replies[name] = addresses("50.6.0.1")
    assert world.resolver.ask(name).rcode == NXDOMAIN
    assert not world.authority.asked[name, A]


def test_private_reverse_zones_are_asked_for(world: World) -> None:
    world.resolver.ask("7.2.1.10.in-addr.arpa")
    assert world.authority.asked["7.2.1.10.in-addr.arpa", A]


def test_a_full_set_fails_closed_and_heals(world: World) -> None:
    world.authority.replies["full.corp.example"] = addresses(*(f"10.200.0.{n}" for n in range(32)), ttl=0)
    world.resolver.nft("flush", "set", "inet", "tidegate", "names_corp4")
    assert world.resolver.ask("full.corp.example").rcode == SERVFAIL
    wait_for(lambda: "is full" in world.resolver.record().get("last", {}).get("why", ""), "a record of it")
    # Others are served meanwhile.
    name, address, _v6 = fresh_name()
    assert world.resolver.addresses(name) == [address]
    assert connects(address)
    world.authority.replies["full.corp.example"] = addresses("10.200.0.1", ttl=0)
    assert world.resolver.addresses("full.corp.example") == ["10.200.0.1"]


@contextmanager
def without_table(world: World) -> Iterator[None]:
    world.resolver.nft("delete", "table", "inet", "tidegate")
    try:
        yield
    finally:
        world.resolver.nft.load(TABLE)


def test_without_a_table_the_host_has_dns_and_what_comes_later_is_opened(world: World) -> None:
    name, address, _v6 = fresh_name()
    with without_table(world):
        assert world.resolver.addresses(name) == [address]
    assert not connects(address)

    def opened() -> bool:
        world.resolver.ask(name)
        return connects(address)

    wait_for(opened, "the element of a cached answer")


def all_elements(world: World) -> dict[str, float]:
    sets = ("names_api4", "names_api6", "names_corp4", "names_corp6")
    return {key: seconds for name in sets for key, seconds in world.resolver.elements(name).items()}


def counted_answers(name: str, kind: int) -> tuple[int, int]:
    """Return code and number of records of the resolver's answer."""
    message = raw(name, kind)
    return message[3] & 0xF, int.from_bytes(message[6:8], "big")
