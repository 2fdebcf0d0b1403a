# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that own one object of a table: what they name is as they say, the rest is as it was."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs import table_info

from .conftest import Lab

OTHERS = """
table inet t {
    comment "mine"
    counter hits { packets 5 bytes 500; }
    set fed { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 } }
    chain other { counter packets 7 bytes 700 accept comment "others own this"; }
    chain base { type filter hook input priority 0; policy accept;
        tcp dport 22 counter packets 3 bytes 300 accept comment "ssh"
        jump other
    }
}
"""


def keys(lab: Lab, name: str) -> list[str]:
    return sorted(element.canon for element in lab.elements(name))


def rules(lab: Lab, name: str = "base") -> list[str]:
    return [rule.text for rule in lab.rules(name)]


@pytest.fixture(autouse=True)
def others(lab: Lab) -> None:
    lab.load(OTHERS)


def test_table_comes_and_goes(lab: Lab) -> None:
    lab.single_predicted("table", name="new", comment="words")
    assert lab.table("new").comment == "words"
    before = lab.listing("table", "inet", "t")
    assert not lab.single("table", name="t").changed
    lab.single_predicted("table", name="new", state="absent")
    assert "new" not in lab.listing("tables")
    assert lab.listing("table", "inet", "t") == before


def test_table_comment_changes_and_nothing_is_lost(lab: Lab) -> None:
    before = lab.listing("table", "inet", "t")
    lab.single_predicted("table", name="t", comment="ours")
    assert lab.listing("table", "inet", "t") == before.replace('"mine"', '"ours"')
    lab.single_predicted("table", name="t", comment="")
    assert lab.listing("table", "inet", "t") == before.replace('\tcomment "mine"\n', "")


def test_chain_is_made_filled_emptied_and_removed(lab: Lab) -> None:
    before = lab.listing("chain", "inet", "t", "base")
    hook = {"type": "filter", "hook": "output", "priority": "filter"}
    lab.single_predicted("chain", name="c", rules=["tcp dport https counter accept", "ip daddr @fed drop"], **hook)
    assert rules(lab, "c") == ["tcp dport 443 counter packets 0 bytes 0 accept", "ip daddr @fed drop"]
    lab.single_predicted("chain", name="c", **{**hook, "priority": "5"})
    assert len(rules(lab, "c")) == 2
    lab.single_predicted("chain", name="c", rules=[], **{**hook, "priority": "5"})
    assert rules(lab, "c") == []
    lab.single_predicted("chain", name="c", state="absent")
    assert lab.table().chain("c") is None
    assert lab.listing("chain", "inet", "t", "base") == before


def test_chain_of_others_is_declared_anew_with_its_rules(lab: Lab) -> None:
    lab.single_predicted("chain", name="base", type="filter", hook="input", priority="10", policy="drop", comment="x")
    assert rules(lab) == ['tcp dport 22 counter packets 3 bytes 300 accept comment "ssh"', "jump other"]
    lab.single_predicted("chain", name="other", comment="now with words")
    assert rules(lab, "other") == ['counter packets 7 bytes 700 accept comment "others own this"']
    assert rules(lab)[1] == "jump other"


LIVE: dict[str, Any] = {
    "type": "filter", "hook": "input", "priority": -5, "policy": "drop", "comment": "theirs", "rules": ["accept"],
}  # fmt: skip
GIVEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "rules": ({"rules": ["drop"]}, {"rules": ["drop"]}),
    "policy": ({"policy": "accept"}, {"policy": "accept"}),
    "priority": ({"priority": "filter"}, {"priority": 0}),
    "type": ({"type": "nat", "policy": "accept"}, {"type": "nat", "policy": "accept"}),
    "hook": ({"hook": "forward"}, {"hook": "forward"}),
    "comment": ({"comment": "ours"}, {"comment": "ours"}),
    "no comment": ({"comment": ""}, {"comment": None}),
    "a regular chain": ({"base": False}, {"type": None, "hook": None, "priority": None, "policy": None}),
}
"""What a task says of a chain -> (arguments, what is then other than before)."""


@pytest.mark.parametrize("what", GIVEN)
def test_what_a_task_leaves_out_of_a_chain_is_as_it_was(lab: Lab, what: str) -> None:
    arguments, changed = GIVEN[what]
    hook = "type filter hook input priority -5; policy drop;"
    lab.load(f'table inet t {{ chain live {{ comment "theirs"; {hook} accept; }}; }}')
    assert lab.single("chain", name="live", **arguments).changed == bool(arguments)
    assert not lab.single("chain", name="live", **arguments).changed
    (facts,) = [chain for chain in table_info.table(lab.table(), elements=False)["chains"] if chain["name"] == "live"]
    live = {key: facts[key] for key in LIVE if key != "rules"}
    live["rules"] = [rule["rule"] for rule in facts["rules"]]
    assert live == {**LIVE, **changed}


def test_a_new_base_chain_says_what_it_needs(lab: Lab) -> None:
    for arguments in ({"policy": "drop"}, {"base": True}, {"type": "filter", "hook": "input"}):
        with pytest.raises(
            EngineError, match=r"is a base chain and needs type, hook and priority; '(type|priority)' is"
        ):
            lab.single("chain", name="new", **arguments)
    with pytest.raises(EngineError, match="'policy' is a base chain, which 'base: false' excludes"):
        lab.single("chain", name="base", base=False, policy="drop")
    assert lab.table().chain("new") is None


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


def test_chain_in_use_is_not_removed(lab: Lab) -> None:
    before = lab.listing()
    with pytest.raises(
        EngineError, match=r"The chain other cannot be deleted: the rule .jump other. of chain base"
    ) as error:
        lab.single("chain", name="other", state="absent")
    assert (error.value.reason, error.value.where) == ("busy", "name")
    assert lab.listing() == before


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


def test_rule_found_by_comment(lab: Lab) -> None:
    lab.single_predicted("rule", chain="base", rule="tcp dport https accept", comment="web", position="first")
    assert rules(lab)[0] == 'tcp dport 443 accept comment "web"'
    lab.single_predicted("rule", chain="base", rule="tcp dport { http, https } accept", comment="web")
    assert rules(lab)[0] == 'tcp dport { 80, 443 } accept comment "web"'
    lab.single_predicted("rule", chain="base", rule="tcp dport { 80, 443 } accept", comment="web", after="ssh")
    assert rules(lab)[1] == 'tcp dport { 80, 443 } accept comment "web"'
    assert not lab.single("rule", chain="base", rule="tcp dport { 80, 443 } accept", comment="web").changed
    lab.single_predicted("rule", chain="base", rule="tcp dport { 80, 443 } accept", comment="web", before="ssh")
    assert rules(lab)[0] == 'tcp dport { 80, 443 } accept comment "web"'
    lab.single_predicted("rule", chain="base", rule="tcp dport { 80, 443 } accept", comment="web", position="last")
    assert rules(lab)[2] == 'tcp dport { 80, 443 } accept comment "web"'
    lab.single_predicted("rule", chain="base", comment="web", state="absent")
    assert rules(lab) == ['tcp dport 22 counter packets 3 bytes 300 accept comment "ssh"', "jump other"]


def test_rule_found_by_what_it_says(lab: Lab) -> None:
    lab.single_predicted("rule", chain="base", rule="udp dport {53, 123} counter accept")
    assert rules(lab)[2] == "udp dport { 53, 123 } counter packets 0 bytes 0 accept"
    assert not lab.single("rule", chain="base", rule="udp dport { domain, ntp } counter accept").changed
    lab.single_predicted("rule", chain="base", rule="udp dport { ntp,domain } counter accept", state="absent")
    assert len(rules(lab)) == 2


MERGED = {
    "ip saddr { 10.1.0.0/24, 10.1.1.0/24 }": "ip saddr { 10.1.0.0/23 }",
    "udp dport { 137-138, 139 }": "udp dport 137-139",
    'iifname { "eth*", "eth1" }': 'iifname "eth*"',
}
"""Rules whose elements nft merges to a single one -> the same, spelled otherwise."""


@pytest.mark.parametrize("merged", MERGED)
def test_a_rule_of_elements_that_merge_is_the_rule_of_the_one_element(lab: Lab, merged: str) -> None:
    if "*" in merged and lab.version < (1, 0):
        return  # 0.9.8 crashes on it
    lab.single_predicted("rule", chain="base", rule=f"{merged} accept")
    count = len(rules(lab))
    spelled = merged if lab.version < (1, 0) else MERGED[merged]
    assert not lab.single("rule", chain="base", rule=f"{spelled} accept").changed
    lab.single_predicted("chain", name="base", priority="7")
    assert len(rules(lab)) == count
    assert not lab.single("rule", chain="base", rule=f"{merged} accept").changed
    lab.single_predicted("rule", chain="base", rule=f"{spelled} accept", state="absent")
    assert len(rules(lab)) == count - 1


def test_a_rule_that_nft_cannot_read_again_is_refused_at_once(lab: Lab) -> None:
    """nft lists these two comparisons in a row as one range."""
    rule = "tcp option maxseg size < 1300 frag id > 55 accept"
    before = lab.listing()
    for check in (True, False):
        with pytest.raises(EngineError, match="cannot read its own listing of this rule") as error:
            lab.single("rule", check=check, chain="base", rule=rule)
        assert (error.value.reason, error.value.where) == ("rejected_by_nft", "rule")
    assert lab.listing() == before


def test_moved_rule_takes_its_counter_along(lab: Lab) -> None:
    lab.single_predicted("rule", chain="base", rule="tcp dport ssh counter accept", comment="ssh", position="last")
    assert rules(lab) == ["jump other", 'tcp dport 22 counter packets 3 bytes 300 accept comment "ssh"']


def test_rule_beside_a_missing_anchor(lab: Lab) -> None:
    with pytest.raises(EngineError, match='no rule with the comment "nothing" to insert the rule after') as error:
        lab.single("rule", chain="base", rule="accept", after="nothing")
    assert error.value.reason == "bad_spec"


def test_rule_whose_comment_is_not_unique(lab: Lab) -> None:
    lab.load('add rule inet t base tcp dport 23 accept comment "ssh"')
    with pytest.raises(EngineError, match='2 rules of the chain have the comment "ssh"'):
        lab.single("rule", chain="base", rule="accept", comment="ssh")
    lab.single_predicted("rule", chain="base", comment="ssh", state="absent")
    assert rules(lab) == ["jump other"]


OBJECTS: dict[str, tuple[str, str]] = {
    "counter": ("", ""),
    "quota": ("over 10 mbytes", "over 20 mbytes"),
    "limit": ("rate 10/second", "rate 20/second"),
    "ct helper": ('type "ftp" protocol tcp; l3proto ip', 'type "tftp" protocol udp; l3proto ip'),
    "ct timeout": (
        "protocol tcp; l3proto ip; policy = { established : 100 }",
        "protocol tcp; l3proto ip; policy = { established : 200 }",
    ),
    "ct expectation": (
        "protocol udp; dport 9876; timeout 2m; size 12; l3proto ip",
        "protocol udp; dport 9877; timeout 2m; size 12; l3proto ip",
    ),
    "synproxy": ("mss 1460; wscale 7", "mss 1400; wscale 7"),
}
"""By kind: what an object says, and something else."""


@pytest.mark.parametrize("kind", OBJECTS)
def test_an_object_comes_changes_and_goes(lab: Lab, kind: str) -> None:
    before = lab.listing("chain", "inet", "t", "base")
    first, second = OBJECTS[kind]
    arguments: dict[str, Any] = {"kind": kind, "name": "mine"}
    if lab.nft.load(f"table inet has {{ {kind} mine {{ {first}; }}; }}\n".replace("{ ; }", "{ }")).code:
        pytest.skip(f"this kernel has no {kind}")
    assert lab.single("object", text=first or None, **arguments).changed
    assert not lab.single("object", text=first or None, **arguments).changed
    assert lab.table().object(kind, "mine") is not None
    if second:
        lab.single_predicted("object", text=second, **arguments)
        lab.load("delete table inet has")
        assert not lab.single("object", text=second, **arguments).changed
    lab.single_predicted("object", state="absent", **arguments)
    assert lab.table().object(kind, "mine") is None
    assert lab.listing("chain", "inet", "t", "base") == before


def test_a_quota_keeps_what_is_used_and_a_comment_that_is_left_out(lab: Lab) -> None:
    lab.load("add quota inet t daily { over 10 mbytes used 3 mbytes; }")
    lab.single_predicted("object", kind="quota", name="daily", text="over 20 mbytes")
    assert "over 20 mbytes used 3 mbytes" in lab.listing("quota", "inet", "t", "daily")
    if lab.version >= (1, 0):
        lab.single_predicted("object", kind="counter", name="hits", comment="words")
        assert not lab.single("object", kind="counter", name="hits").changed
        assert 'comment "words"' in lab.listing("counter", "inet", "t", "hits")
        assert "packets 5 bytes 500" in lab.listing("counter", "inet", "t", "hits")
        lab.single_predicted("object", kind="counter", name="hits", comment="")
        assert "words" not in lab.listing("counter", "inet", "t", "hits")


def test_an_object_without_its_text_is_an_error(lab: Lab) -> None:
    with pytest.raises(EngineError, match="A quota needs 'text'") as error:
        lab.single("object", kind="quota", name="daily")
    assert error.value.where == "text"


def test_a_map_comes_changes_and_goes(lab: Lab) -> None:
    declared: dict[str, Any] = {"name": "ways", "type": "inet_service : verdict"}
    lab.single_predicted("map", **declared, elements=["80 : accept", {"value": 443, "data": "jump other"}])
    assert keys(lab, "ways") == ["443 : jump other", "80 : accept"]
    assert not lab.single("map", **declared).changed
    lab.single_predicted("map", **declared, elements=["80 : drop"], size=100)
    assert keys(lab, "ways") == ["80 : drop"]
    lab.single_predicted("map", name="ways", state="absent")
    assert lab.table().set("ways") is None


def test_a_rule_of_users_follows_them(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.load("add chain inet t sent { type filter hook output priority 0; }")
    uids = {"payd": 3001}
    monkeypatch.setattr("pwd.getpwnam", lambda name: SimpleNamespace(pw_uid=uids[name]))
    task: dict[str, Any] = {
        "chain": "sent",
        "rule": "tcp dport 443 accept",
        "users": ["payd", "root2"],
        "comment": "pay",
    }
    result = lab.single_predicted("rule", **task)
    assert result.missing_users == ("root2",)
    assert rules(lab, "sent") == ['meta skuid 3001 tcp dport 443 accept comment "pay"']
    uids["root2"] = 3002
    lab.single_predicted("rule", **task)
    assert rules(lab, "sent") == ['meta skuid { 3001, 3002 } tcp dport 443 accept comment "pay"']
    uids.clear()
    with pytest.raises(EngineError, match="There is no user 'payd' on this host"):
        lab.single("rule", **task, missing_users="error")
    # Without any of its users the rule goes: it never becomes one for everybody.
    assert lab.single("rule", **task).missing_users == ("payd", "root2")
    assert rules(lab, "sent") == []


MISSING: dict[str, tuple[str, dict[str, Any], str]] = {
    "table of a chain": ("chain", {"table": "no", "name": "c"}, "create it with nft_table"),
    "table of a set": ("set", {"table": "no", "name": "s", "type": "mark"}, "create it with nft_table"),
    "table of an element": ("element", {"table": "no", "set": "s", "elements": ["1"]}, "create it with nft_table"),
    "table of a rule": ("rule", {"table": "no", "chain": "c", "rule": "accept"}, "create it with nft_table"),
    "chain of a rule": ("rule", {"chain": "no", "rule": "accept"}, "create it with nft_chain"),
    "table of an object": ("object", {"table": "no", "kind": "counter", "name": "c"}, "create it with nft_table"),
    "table of a map": ("map", {"table": "no", "name": "m", "type": "mark : verdict"}, "create it with nft_table"),
    "set of an element": ("element", {"set": "no", "elements": ["1"]}, "create it with nft_set"),
}


@pytest.mark.parametrize("what", MISSING)
def test_missing_parent_says_who_makes_it(lab: Lab, what: str) -> None:
    kind, arguments, message = MISSING[what]
    with pytest.raises(EngineError, match=message) as error:
        lab.single(kind, **arguments)
    assert error.value.reason == "bad_spec"


@pytest.mark.parametrize("what", MISSING)
def test_missing_parent_may_come_from_an_earlier_task_in_check_mode(lab: Lab, what: str) -> None:
    kind, arguments, message = MISSING[what]
    before = lab.listing()
    checked = lab.single(kind, check=True, **arguments)
    assert checked.changed
    assert any(message in warning and "Check mode" in warning for warning in checked.warnings)
    assert lab.listing() == before


@pytest.mark.parametrize("what", MISSING)
def test_absent_from_a_missing_parent_is_absent(lab: Lab, what: str) -> None:
    kind, arguments, _message = MISSING[what]
    before = lab.listing()
    lab_result = lab.single(kind, **arguments, state="absent")
    assert not lab_result.changed
    assert lab.listing() == before
