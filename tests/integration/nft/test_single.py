# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that own one object of a table: what they name is as they say, the rest is as it was."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs import table_info

from .conftest import Lab
from .single import rules

pytestmark = pytest.mark.usefixtures("table_of_others")


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


def test_chain_in_use_is_not_removed(lab: Lab) -> None:
    before = lab.listing()
    with pytest.raises(
        EngineError, match=r"The chain other cannot be deleted: the rule .jump other. of chain base"
    ) as error:
        lab.single("chain", name="other", state="absent")
    assert (error.value.reason, error.value.where) == ("busy", "name")
    assert lab.listing() == before


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
