# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change is done whole, at the generation that it was made for, or not at all; and it deletes what it names."""

from __future__ import annotations

import itertools
import random

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import tables as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.sets import Element, SetChange, SetInfo
from ansible_collections.tidegate.nftables.tests.support.nft import NftCommand
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

TWO_SETS = """table inet t {
 set a { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 20.0.0.0/8, 21.0.0.0/8 }
 }
 set b { type ipv6_addr; size 3; elements = { ::1 }
 }
}
"""


@pytest.fixture
def loaded(nft: NftCommand) -> NftCommand:
    nft.load(TWO_SETS)
    return nft


def of(name: str) -> SetInfo:
    return sets.get_set("inet", "t", name)


def texts(name: str) -> set[str]:
    info = of(name)
    return {sets.show(info, element) for element in sets.dump_elements(info)}


def change(name: str, add: list[str], delete: list[str]) -> SetChange:
    info = of(name)
    return SetChange(info, sets.read_all(info, add), sets.read_all(info, delete))


def test_several_sets_change_in_one_commit(loaded: NftCommand) -> None:
    before = netlink.generation()
    made = sets.change_elements(
        [
            change("a", ["30.0.0.0/8", "20.0.0.0-20.0.0.9"], ["20.0.0.0/8"]),
            change("b", ["::2"], ["::1"]),
        ],
        generation=before,
    )
    assert made == netlink.generation() == before + 1
    assert texts("a") == {"10.0.0.0/8", "20.0.0.0-20.0.0.9", "21.0.0.0/8", "30.0.0.0/8"}
    assert texts("b") == {"::2"}
    assert "20.0.0.0-20.0.0.9" in loaded("list", "set", "inet", "t", "a")


def test_a_stale_generation_is_refused_and_nothing_is_done(loaded: NftCommand) -> None:
    seen = netlink.generation()
    planned = change("a", ["30.0.0.0/8"], ["10.0.0.0/8"])
    loaded("add", "table", "ip", "somebody_elses")
    now = netlink.generation()
    assert now == seen + 1
    listing = loaded("list", "ruleset")
    with pytest.raises(sets.StaleGeneration):
        sets.change_elements([planned], generation=seen)
    assert loaded("list", "ruleset") == listing
    assert netlink.generation() == now
    assert sets.change_elements([planned], generation=now) == now + 1


def test_the_kernel_itself_refuses_a_stale_generation(loaded: NftCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody commits after our own look at the generation."""
    from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import element_changes

    def late(_kernel: object, target: SetChange) -> SetChange:
        loaded("add", "table", "ip", "somebody_elses")
        return target

    planned = change("a", ["30.0.0.0/8"], [])
    monkeypatch.setattr(element_changes, "_prepare", late)
    with pytest.raises(sets.StaleGeneration, match="nothing was changed"):
        sets.change_elements([planned], generation=netlink.generation())
    assert "30.0.0.0/8" not in texts("a")


def test_a_set_that_was_made_again_is_not_taken_for_the_old_one(loaded: NftCommand) -> None:
    planned = change("b", ["::2"], [])
    loaded.load("delete set inet t b\nadd set inet t b { type ipv6_addr; }\n")
    with pytest.raises(sets.StaleGeneration, match="made again"):
        sets.change_elements([planned])
    assert texts("b") == set()


@pytest.mark.parametrize(
    ("name", "add", "delete", "kind", "says"),
    [
        ("a", ["10.1.0.0/16"], [], sets.AlreadyExists, "element 10.1.0.0/16 exists already or overlaps"),
        ("a", ["9.0.0.0-10.0.0.0"], [], sets.AlreadyExists, "element 9.0.0.0-10.0.0.0 exists already"),
        ("a", ["10.0.0.0/8"], [], sets.AlreadyExists, "element 10.0.0.0/8 exists already"),
        ("a", ["5.0.0.0-15.0.0.0"], [], sets.AlreadyExists, "element 5.0.0.0-15.0.0.0 exists already or overlaps"),
        ("a", ["15.0.0.0-255.255.255.255"], [], sets.AlreadyExists, "overlaps"),
        ("a", [], ["10.0.0.0/9"], sets.NoSuchObject, "element 10.0.0.0/9 does not exist"),
        ("a", [], ["20.0.0.0/7"], sets.NoSuchObject, "no element 20.0.0.0/7 to delete"),
        ("a", [], ["20.5.0.0/16"], sets.NoSuchObject, "no element 20.5.0.0/16 to delete"),
        ("a", [], ["99.0.0.1"], sets.NoSuchObject, "no element 99.0.0.1 to delete"),
        ("b", ["::1"], [], sets.AlreadyExists, "element ::1 exists already"),
        ("b", [], ["::7"], sets.NoSuchObject, "element ::7 does not exist"),
        ("b", ["::2", "::3", "::4"], [], sets.NetlinkError, "::4: the set is full"),
    ],
)
def test_a_refusal_names_the_element_and_nothing_is_done(
    loaded: NftCommand, name: str, add: list[str], delete: list[str], kind: type[sets.NetlinkError], says: str
) -> None:
    listing, before = loaded("list", "ruleset"), netlink.generation()
    good = {"a": change("b", ["::9"], []), "b": change("a", ["9.9.9.9"], [])}
    with pytest.raises(kind, match=says):
        sets.change_elements([good[name], change(name, add, delete)])
    assert loaded("list", "ruleset") == listing
    assert netlink.generation() == before


def test_flush_and_refill_in_one_commit(loaded: NftCommand) -> None:
    info, before = of("a"), netlink.generation()
    desired = ["10.0.0.0/9", "0.0.0.0/8", "255.0.0.0/8"]
    sets.change_elements([SetChange(info, sets.read_all(info, desired), flush=True)])
    assert texts("a") == set(desired)
    assert netlink.generation() == before + 1
    sets.change_elements([SetChange(info, flush=True)])
    assert texts("a") == set()
    assert "elements" not in loaded("list", "set", "inet", "t", "a")


def test_a_comment_is_changed_by_delete_and_add(loaded: NftCommand) -> None:
    info = of("a")
    desired = [element._replace(comment="new") for element in sets.dump_elements(info)]
    add, delete = sets.difference(info, sets.dump_elements(info), desired)
    sets.change_elements([SetChange(info, add, delete)])
    assert loaded("list", "set", "inet", "t", "a").count('comment "new"') == 3


def test_a_table_that_another_process_owns_is_named(nft: NftCommand) -> None:
    with nft.owner("add table inet owned { flags owner; }\nadd set inet owned s { type ipv4_addr; }") as owner:
        info = wait_for(_owned_set, "the set of the owner", process=owner)
        with pytest.raises(sets.NetlinkError, match="owned by another process"):
            sets.change_elements([SetChange(info, sets.read_all(info, ["10.0.0.1"]))])
        assert sets.dump_elements(info) == []


def _owned_set() -> SetInfo | None:
    try:
        return sets.get_set("inet", "owned", "s")
    except sets.NoSuchObject:
        return None


def test_random_changes_of_intervals_do_what_arithmetic_says(nft: NftCommand) -> None:
    """A set of 256 keys, so that edges meet all the time; every third change asks for something impossible."""
    nft.load("table inet t {\n set s { type inet_proto; flags interval; }\n}\n")
    info = of("s")
    dice = random.Random(20261120)
    have: set[tuple[int, int]] = set()
    done = 0
    for _turn in range(250):
        add, delete, flush = _random_change(dice, have)
        remain = set() if flush else have - delete
        row = sorted(remain | add)
        apart = all(pair[1] < following[0] for pair, following in itertools.pairwise(row))
        possible = delete <= have and apart and not remain & add
        try:
            sets.change_elements([SetChange(info, list(map(_element, add)), list(map(_element, delete)), flush)])
        except (sets.AlreadyExists, sets.NoSuchObject, sets.BadElement):
            assert not possible, (sorted(have), delete, add, flush)
        else:
            assert possible, (sorted(have), delete, add, flush)
            have = remain | add
            done += 1
        assert {(element.start[0], element.end[0]) for element in sets.dump_elements(info)} == have
        elements = sets.get_elements(info, [bytes([key]) for key in range(256)])
        assert [element and (element.start[0], element.end[0]) for element in elements] == [
            next((pair for pair in have if pair[0] <= key <= pair[1]), None) for key in range(256)
        ]
    assert 80 < done < 220


def _element(pair: tuple[int, int]) -> Element:
    return Element(bytes([pair[0]]), bytes([pair[1]]))


def _random_pair(dice: random.Random) -> tuple[int, int]:
    first = dice.randint(*dice.choice([(0, 255), (0, 10), (245, 255)]))
    return first, min(255, first + dice.choice([0, 0, 1, 2, 5, 30, 255]))


def _random_change(
    dice: random.Random, have: set[tuple[int, int]]
) -> tuple[set[tuple[int, int]], set[tuple[int, int]], bool]:
    delete = set(dice.sample(sorted(have), dice.randint(0, min(3, len(have)))))
    if have and dice.random() < 0.3:
        first, last = dice.choice(sorted(have))[0], dice.choice(sorted(have))[1]
        delete.add((first, last) if first <= last else _random_pair(dice))
    add = {_random_pair(dice) for _number in range(dice.randint(0, 2))}
    flush = dice.random() < 0.03
    return add, set() if flush else delete, flush
