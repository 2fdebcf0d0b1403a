# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redundant entries: the same as by comparing each entry with each other one, in time that grows with their number."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import EntryKind, Sender
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.redundancy import closed, redundant
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    Grant,
    ResolvedEntry,
    ResolvedNever,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.boxes import Box, minus
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry

DAY = dt.date(2027, 1, 1)
NETWORKS = [
    "10.0.0.0/8",
    "10.0.0.0/9",
    "10.0.0.0/30",
    "10.0.0.0/31",
    "10.0.0.2/31",
    "10.0.0.1-10.0.0.6",
    "10.0.0.5",
    "203.0.113.0/24",
    "2001:db8::/32",
    "2001:db8::/64",
    "0.0.0.0/0",
]


def naive(entries: Sequence[ResolvedEntry]) -> list[ResolvedEntry | None]:
    """Compare each entry with each other one: the first reading of the rule, kept as the oracle."""
    return [_naive(each, entries) for each in entries]


def _naive(entry: ResolvedEntry, others: Sequence[ResolvedEntry]) -> ResolvedEntry | None:
    for other in others:
        if entry.kind == "base" and other.kind == "tier":
            continue
        if other is entry or not _holds_for(other, entry) or not _covered(entry, other.grants):
            continue
        if _holds_for(entry, other) and _covered(other, entry.grants) and entry.name < other.name:
            continue
        return other
    return None


def _holds_for(wide: ResolvedEntry, narrow: ResolvedEntry) -> bool:
    lasts = wide.expires is None or (narrow.expires is not None and narrow.expires <= wide.expires)
    everybody = wide.users is None or (narrow.users is not None and set(narrow.users) <= set(wide.users))
    in_units = wide.units in (None, narrow.units) or (wide.units, narrow.units) == (("a.slice",), ("a-b.slice",))
    return in_units and lasts and everybody and set(narrow.for_) <= set(wide.for_)


def _covered(entry: ResolvedEntry, by: Sequence[Grant | ResolvedNever]) -> bool:
    rest = [Box(grant.addresses, grant.services) for grant in entry.may]
    for other in by:
        rest = [piece for box in rest for piece in minus(box, Box(other.addresses, other.services))]
    return not rest


def resolved(
    name: str,
    grants: Sequence[tuple[Sequence[str], ServiceSet]],
    *,
    kind: EntryKind = "allow",
    users: tuple[str, ...] | None = None,
    units: tuple[str, ...] | None = None,
    expires: dt.date | None = None,
    for_: tuple[Sender, ...] = ("host",),
    more: str = "",
) -> ResolvedEntry:
    """An entry. more: "external" or "names", for grants that are only possible."""
    possible = (Grant(addresses.EVERYTHING, services.of_protocol(6, 443, 443), more),) if more else ()
    return ResolvedEntry(
        name=name,
        kind=kind,
        grants=tuple(Grant(addresses.union(map(addresses.parse, texts)), allowed) for texts, allowed in grants),
        to=("x",),
        service_texts=("x",),
        where=name,
        users=users,
        units=units,
        expires=expires,
        for_=for_,
        external=possible if more == "external" else (),
        by_name=possible if more == "names" else (),
    )


port_sets = st.sampled_from(
    [
        services.of_protocol(6, 443, 443),
        services.of_protocol(6, 443, 444),
        services.of_protocol(6),
        services.of_protocol(17, 53, 53),
        services.ICMP_BOTH,
        services.ANY,
    ]
)
grants = st.lists(
    st.tuples(st.lists(st.sampled_from(NETWORKS), min_size=1, max_size=2), port_sets), min_size=1, max_size=2
)


@st.composite
def entry_lists(draw: st.DrawFn) -> list[ResolvedEntry]:
    """Entries that overlap, some the same, in random order; names are unique, as in a policy."""
    shapes = draw(st.lists(grants, min_size=1, max_size=4))
    names = draw(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=8, unique=True))
    return [
        resolved(
            name,
            draw(st.sampled_from(shapes)),
            kind=draw(st.sampled_from(["allow", "allow", "allow", "base", "tier", "raise"])),
            users=draw(st.sampled_from([None, None, ("a",), ("a", "b"), ("b", "c")])),
            units=draw(st.sampled_from([None, None, ("a.slice",), ("a-b.slice",), ("c.service",)])),
            expires=draw(st.sampled_from([None, None, DAY, DAY + dt.timedelta(days=1)])),
            for_=draw(st.sampled_from([("host",), ("host",), ("containers",), ("host", "containers")])),
            more=draw(st.sampled_from(["", "", "", "external", "names"])),
        )
        for name in names
    ]


HTTPS = services.of_protocol(6, 443, 443)


@example([resolved(name, [(["10.0.0.5"], HTTPS)]) for name in "cab"])
@example([resolved("b", [(["0.0.0.0/0"], HTTPS)]), resolved("a", [(["10.0.0.5"], HTTPS)])])
@settings(max_examples=250, deadline=None)
@given(entry_lists())
def test_the_index_finds_what_comparing_all_with_all_finds(entries: list[ResolvedEntry]) -> None:
    expected = naive(entries)
    event(f"redundant: {sum(other is not None for other in expected)}")
    others = redundant(entries)
    assert [other and other.name for other in others] == [other and other.name for other in expected]


@settings(max_examples=150, deadline=None)
@given(entry_lists(), st.lists(st.tuples(st.sampled_from(NETWORKS), port_sets, st.booleans()), max_size=4))
def test_what_never_closes_is_found_as_by_comparing_all_with_all(
    entries: list[ResolvedEntry], closings: list[tuple[str, ServiceSet, bool]]
) -> None:
    never = [
        ResolvedNever(addresses.parse(text), closing, ("root",) if excepted else ())
        for text, closing, excepted in closings
    ]
    assert closed(entries, never) == [
        any(_covered(each, [one]) for one in never if not one.excepts) for each in entries
    ]


def of_one_port(count: int) -> list[dict[str, Any]]:
    """Entries for one service to different addresses, which is what long policies are made of."""
    return [entry(name=f"e{number}", to=[f"10.{number // 250}.{number % 250}.0/24"]) for number in range(count)]


def of_one_address(count: int) -> list[dict[str, Any]]:
    return [entry(name=f"e{number}", to=["10.0.0.1"], services=[f"tcp/{number + 1}"]) for number in range(count)]


def of_one_user_each(count: int) -> list[dict[str, Any]]:
    return [entry(name=f"e{number}", to=["10.0.0.1"], users=[f"u{number}"]) for number in range(count)]


def beside_a_wide_one(count: int) -> list[dict[str, Any]]:
    return [entry(name="wide", to=["10.0.0.0/8"], services=["ssh"]), *of_one_port(count - 1)]


def all_the_same(count: int) -> list[dict[str, Any]]:
    """Entries that open the same, the last name first: each is compared with all before it that do not count."""
    return [entry(name=f"e{99999 - number}", to=["10.0.0.1"]) for number in range(count)]


SHAPES = [of_one_port, of_one_address, of_one_user_each, beside_a_wide_one, all_the_same]


def seconds(entries: list[dict[str, Any]]) -> float:
    """Processor time of one build, the smallest of three: other work on the machine only adds to it."""
    times = []
    for _round in range(3):
        before = time.process_time()
        build(egress_allow_app=entries)
        times.append(time.process_time() - before)
    return min(times)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_time_grows_with_the_number_of_entries_and_not_with_its_square(
    shape: Callable[[int], list[dict[str, Any]]],
) -> None:
    count = 300
    one, two, four = (seconds(shape(factor * count)) for factor in (1, 2, 4))
    print(f"{shape.__name__}: {count} {2 * count} {4 * count} entries: {one:.3f} {two:.3f} {four:.3f} s")
    # Linear is 4, the square 16.
    assert four / one < 8


def test_notices_of_a_long_policy_name_the_first_entry_that_opens_all() -> None:
    entries = [*of_one_port(300), entry(name="again", to=["10.0.7.0/25"]), entry(name="wide", to=["10.1.0.0/16"])]
    notices = {notice.where: notice.text for notice in build(egress_allow_app=entries).notices}
    assert notices.pop("egress_allow_app[again]") == "adds nothing: the entry e7 opens all of it"
    assert notices == {
        f"egress_allow_app[e{number}]": "adds nothing: the entry wide opens all of it" for number in range(250, 300)
    }


def test_the_oracle_agrees_on_a_real_policy() -> None:
    entries = build(egress_allow_app=[*of_one_port(60), entry(name="wide", to=["10.0.0.0/10"])]).entries
    assert redundant(entries) == naive(entries)
