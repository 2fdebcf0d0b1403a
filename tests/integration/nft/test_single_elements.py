# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that own one set, map or element: the rest of the table is as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from .conftest import Lab
from .single import keys

pytestmark = pytest.mark.usefixtures("table_of_others")


DECLARED = ("type ipv4_addr", "flags interval,timeout", "timeout 1h", "gc-interval 5m", "size 99", 'comment "theirs"')


CHANGED: dict[str, tuple[dict[str, Any], set[str], set[str]]] = {
    "nothing": ({}, set(), set()),
    "elements": ({"elements": ["192.0.2.1"]}, set(), set()),
    "timeout": ({"timeout": 60}, {"timeout 1h"}, {"timeout 1m"}),
    "no timeout": (
        {"timeout": 0, "gc_interval": 0, "flags": ["interval"]},
        {"timeout 1h", "gc-interval 5m", "flags interval,timeout"}, {"flags interval"},
    ),
    "no garbage interval": ({"gc_interval": 0}, {"gc-interval 5m"}, set()),
    "size": ({"size": 50}, {"size 99"}, {"size 50"}),
    "no size": ({"size": 0}, {"size 99"}, set()),
    "merging": ({"auto_merge": True}, set(), {"auto-merge"}),
    "no comment": ({"comment": ""}, {'comment "theirs"'}, set()),
    "comment": ({"comment": "ours"}, {'comment "theirs"'}, {'comment "ours"'}),
}  # fmt: skip
"""What a task says of a set -> (arguments, lines that go, lines that come)."""


@pytest.mark.parametrize("what", CHANGED)
def test_what_a_task_leaves_out_of_a_set_is_as_it_was(lab: Lab, what: str) -> None:
    arguments, gone, new = CHANGED[what]
    lab.load(f"add set inet t live {{ {'; '.join(DECLARED)}; elements = {{ 198.51.100.0/24 }}; }}")
    assert lab.single("set", name="live", type="ipv4_addr", **arguments).changed == bool(arguments)
    assert not lab.single("set", name="live", type="ipv4_addr", **arguments).changed
    live = lab.table().set("live")
    assert live is not None
    assert set(live.declaration) == (set(DECLARED) - gone) | new
    # Its elements time out, so that others fill it: none is deleted without purge.
    assert "198.51.100.0/24" in {element.key for element in live.elements}


def test_set_in_use_is_not_removed(lab: Lab) -> None:
    lab.load("add rule inet t base ip saddr @fed drop")
    with pytest.raises(EngineError, match="The set fed cannot be deleted") as error:
        lab.single("set", name="fed", state="absent")
    assert error.value.reason == "busy"
    assert keys(lab, "fed") == ["192.0.2.0/24"]


def test_set_is_made_filled_and_removed(lab: Lab) -> None:
    declared: dict[str, Any] = {"name": "s", "type": "ipv4_addr", "flags": ["interval"]}
    lab.single_predicted("set", **declared, elements=["10.1.2.3/8", {"value": "192.0.2.7", "comment": "seven"}])
    assert keys(lab, "s") == ["10.0.0.0/8", '192.0.2.7 comment "seven"']
    assert not lab.single("set", **declared).changed
    lab.single_predicted("set", **declared, elements=["11.0.0.0/8"], purge=False)
    assert keys(lab, "s") == ["10.0.0.0/8", "11.0.0.0/8", '192.0.2.7 comment "seven"']
    lab.single_predicted("set", **declared, elements=[])
    assert keys(lab, "s") == []
    lab.single_predicted("set", name="s", state="absent")
    assert lab.table().set("s") is None


def test_set_from_a_file(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "feed"
    file.write_text('# bad networks\n10.0.0.0/8  # private\n\n192.0.2.7 comment "a # b"\n')
    declared: dict[str, Any] = {"name": "s", "type": "ipv4_addr", "flags": ["interval"], "elements_file": str(file)}
    lab.single_predicted("set", **declared)
    assert keys(lab, "s") == ["10.0.0.0/8", '192.0.2.7 comment "a # b"']
    file.write_text("10.0.0.0/8\n10.0.0.300\n")
    with pytest.raises(EngineError, match=rf"elements_file {file}:2: '10.0.0.300' is not an IPv4 address") as error:
        lab.single("set", **declared)
    assert error.value.reason == "bad_spec"
    file.unlink()
    with pytest.raises(EngineError, match=f"{file} cannot be read: No such file"):
        lab.single("set", **declared)
    assert keys(lab, "s") == ["10.0.0.0/8", '192.0.2.7 comment "a # b"']


def test_element_comes_and_goes(lab: Lab) -> None:
    lab.single_predicted("element", set="fed", elements=["10.1.2.3/8", {"value": "192.0.3.7", "comment": "c"}])
    assert keys(lab, "fed") == ["10.0.0.0/8", "192.0.2.0/24", '192.0.3.7 comment "c"']
    lab.single_predicted("element", set="fed", elements=[{"value": "192.0.3.7", "comment": "d"}])
    assert keys(lab, "fed") == ["10.0.0.0/8", "192.0.2.0/24", '192.0.3.7 comment "d"']
    lab.single_predicted("element", set="fed", elements=["10.0.0.0/8", "172.16.0.0/12"], state="absent")
    assert keys(lab, "fed") == ["192.0.2.0/24", '192.0.3.7 comment "d"']


def test_element_with_a_time(lab: Lab) -> None:
    lab.single_predicted("set", name="s", type="ipv4_addr", flags=["timeout"])
    lab.single_predicted("element", set="s", elements=[{"value": "10.0.0.1", "timeout": "3600"}])
    assert keys(lab, "s") == ["10.0.0.1 timeout 1h"]
    # Without a time it is there already; with another it is not.
    assert not lab.single("element", set="s", elements=["10.0.0.1"]).changed
    lab.single_predicted("element", set="s", elements=["10.0.0.1 timeout 2h"])
    assert keys(lab, "s") == ["10.0.0.1 timeout 2h"]


def test_element_of_a_map(lab: Lab) -> None:
    lab.load("add map inet t m { type inet_service : verdict; elements = { 80 : accept } }")
    lab.single_predicted("element", set="m", elements=[{"value": "https", "data": "jump other"}, "22 : drop"])
    assert keys(lab, "m") == ["22 : drop", "443 : jump other", "80 : accept"]
    lab.single_predicted("element", set="m", elements=["443 : drop"])
    assert keys(lab, "m") == ["22 : drop", "443 : drop", "80 : accept"]
    lab.single_predicted("element", set="m", elements=["443", "80 : drop"], state="absent")
    assert keys(lab, "m") == ["22 : drop"]


def test_only_the_named_element_of_concatenated_intervals_goes(lab: Lab) -> None:
    lab.load(
        "add set inet t wide { type ipv4_addr . inet_proto . inet_service; flags interval; }\n"
        "add element inet t wide { 10.1.2.3 . tcp . 443 }\n"
        "add element inet t wide { 10.0.0.0/8 . tcp . 443, 10.0.0.0/8 . udp . 443 }"
    )
    # nft itself would remove 10.0.0.0/8 . udp . 443 here.
    assert not lab.single("element", set="wide", elements=["10.1.2.3 . udp . 443"], state="absent").changed
    assert len(keys(lab, "wide")) == 3
    lab.single_predicted("element", set="wide", elements=["10.1.2.3 . tcp . 443"], state="absent")
    assert keys(lab, "wide") == ["10.0.0.0/8 . tcp . 443", "10.0.0.0/8 . udp . 443"]
    lab.single_predicted("element", set="wide", elements=["10.0.0.0/8 . 6 . https"], state="absent")
    assert keys(lab, "wide") == ["10.0.0.0/8 . udp . 443"]
    lab.single_predicted("element", set="wide", elements=[{"value": "10.0.0.0/8 . udp . 443", "comment": "new"}])
    assert keys(lab, "wide") == ['10.0.0.0/8 . udp . 443 comment "new"']


def test_part_of_an_element_is_not_the_element(lab: Lab) -> None:
    result = lab.single("element", set="fed", elements=["192.0.2.5"], state="absent")
    assert not result.changed
    assert result.warnings == ("192.0.2.5 still matches set fed: the set has 192.0.2.0/24, which contains it.",)
    assert keys(lab, "fed") == ["192.0.2.0/24"]


def test_part_of_merged_elements_goes(lab: Lab) -> None:
    lab.load(
        "add set inet t m { type ipv4_addr; flags interval; auto-merge; elements = { 10.0.0.0/25, 10.0.0.128/25 } }"
    )
    assert keys(lab, "m") == ["10.0.0.0/24"]
    assert not lab.single("element", set="m", elements=["10.0.0.7"]).changed
    result = lab.single_predicted("element", set="m", elements=["10.0.0.128/25"], state="absent")
    assert result.warnings == ()
    assert keys(lab, "m") == ["10.0.0.0/25"]
    lab.single_predicted("element", set="m", elements=["10.0.0.100-10.0.0.200"])
    assert keys(lab, "m") == ["10.0.0.0-10.0.0.200"]


def test_overlapping_element_is_refused_by_name(lab: Lab) -> None:
    before = lab.listing()
    with pytest.raises(EngineError, match=r"add element inet t fed \{ 192.0.2.128/25 \}") as error:
        lab.single("element", set="fed", elements=["192.0.2.128/25"])
    assert error.value.reason == "rejected_by_nft"
    assert lab.listing() == before


def test_a_map_comes_changes_and_goes(lab: Lab) -> None:
    declared: dict[str, Any] = {"name": "ways", "type": "inet_service : verdict"}
    lab.single_predicted("map", **declared, elements=["80 : accept", {"value": 443, "data": "jump other"}])
    assert keys(lab, "ways") == ["443 : jump other", "80 : accept"]
    assert not lab.single("map", **declared).changed
    lab.single_predicted("map", **declared, elements=["80 : drop"], size=100)
    assert keys(lab, "ways") == ["80 : drop"]
    lab.single_predicted("map", name="ways", state="absent")
    assert lab.table().set("ways") is None
