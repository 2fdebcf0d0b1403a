# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.rules import carry, edited
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import Position, RuleEdit, RuleSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftRule

CHAIN = (
    NftRule("accept", "accept", 1),
    NftRule('drop comment "x"', 'drop comment "x"', 2),
    NftRule("counter", "counter", 3),
)
NEW = NftRule('reject comment "n"', 'reject comment "n"')


def order(edit: RuleEdit, new: NftRule | None = NEW, chain: Sequence[NftRule] = CHAIN) -> list[str]:
    return [rule.canon for rule in edited(chain, new, edit, "here")]


def edit(comment: str | None = "n", place: Position = "", anchor: str = "", *, present: bool = True) -> RuleEdit:
    return RuleEdit(RuleSpec("reject"), comment, place, anchor, present=present)


@pytest.mark.parametrize(
    ("rule_edit", "place"),
    [
        (edit(), 3),
        (edit(place="last"), 3),
        (edit(place="first"), 0),
        (edit(place="before", anchor="x"), 1),
        (edit(place="after", anchor="x"), 2),
    ],
)
def test_place_of_a_new_rule(rule_edit: RuleEdit, place: int) -> None:
    assert order(rule_edit).index(NEW.canon) == place
    # Once there, it stays.
    there = list(edited(CHAIN, NEW, rule_edit, "here"))
    assert [rule.canon for rule in there] == order(rule_edit, NEW, there)


def test_a_rule_on_the_right_side_of_its_anchor_stays() -> None:
    chain = [NEW, *CHAIN]
    assert order(edit(place="before", anchor="x"), NEW, chain)[0] == NEW.canon
    assert order(edit(place="after", anchor="x"), NEW, chain)[2] == NEW.canon


def test_a_rule_of_the_same_comment_is_replaced_where_it_is() -> None:
    old = NftRule('accept comment "n"', 'accept comment "n"', 9)
    assert order(edit(), NEW, [CHAIN[0], old, CHAIN[2]]) == ["accept", NEW.canon, "counter"]


def test_a_rule_that_is_there_keeps_its_handle() -> None:
    chain = [*CHAIN, NftRule(NEW.canon, NEW.text, 7)]
    assert edited(chain, NEW, edit(), "here")[3].handle == 7
    assert edited(chain, NftRule("counter", "counter"), edit(None), "here")[2].handle == 3


def test_absent_takes_out_by_comment_or_by_words() -> None:
    assert order(edit("x", present=False), None) == ["accept", "counter"]
    assert order(edit(None, present=False), NftRule("counter", "counter")) == ["accept", 'drop comment "x"']
    assert order(edit("nothing", present=False), None) == [rule.canon for rule in CHAIN]


def test_missing_anchor() -> None:
    with pytest.raises(EngineError, match='no rule with the comment "y"'):
        order(edit(place="after", anchor="y"))


@pytest.mark.parametrize(
    ("text", "before", "carried"),
    [
        ("counter accept", "counter packets 5 bytes 60 accept", "counter packets 5 bytes 60 accept"),
        ("counter packets 0 bytes 0 accept", "counter packets 5 bytes 60 accept", "counter packets 5 bytes 60 accept"),
        ("counter accept", "counter packets 0 bytes 0 accept", "counter accept"),
        ("accept", "accept", "accept"),
        ("counter name h counter", 'counter name "h" counter packets 1 bytes 2',
         "counter name h counter packets 1 bytes 2"),
        ('counter comment "counter"', 'counter packets 1 bytes 2 comment "counter"',
         'counter packets 1 bytes 2 comment "counter"'),
        ("counter jump { counter; drop; }", "counter packets 1 bytes 2 jump { counter packets 3 bytes 4; drop; }",
         "counter packets 1 bytes 2 jump { counter packets 3 bytes 4; drop; }"),
        ("quota over 5 mbytes drop", "quota over 5 mbytes used 3 bytes drop", "quota over 5 mbytes used 3 bytes drop"),
        ("quota 5120 kbytes counter", "quota 5 mbytes used 9 bytes counter packets 1 bytes 9",
         "quota 5120 kbytes used 9 bytes counter packets 1 bytes 9"),
    ],
)  # fmt: skip
def test_values_are_carried(text: str, before: str, carried: str) -> None:
    assert carry(text, before) == carried
