# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of rules: names become numbers, and a user who does not exist never becomes everybody."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import users
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import ChainSpec, RuleSpec, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError


def _table(*rules: RuleSpec) -> TableSpec:
    return TableSpec("inet", "t", chains=(ChainSpec("c", rules=rules),))


def test_users_become_a_condition_and_never_none() -> None:
    known = {"payd": 1003, "root": 0}
    spec = _table(
        RuleSpec("accept"),
        RuleSpec("a", ("payd",)),
        RuleSpec("b", ("payd", "ghost", "root")),
        RuleSpec("c", ("ghost", "spirit")),
    )
    resolved, missing = users.resolve(spec, known.get)
    assert [rule.text for rule in resolved.chains[0].rules or ()] == [
        "accept",
        "meta skuid 1003 a",
        "meta skuid { 0, 1003 } b",
    ]
    assert missing == ("ghost", "spirit")


def test_a_missing_user_can_be_an_error() -> None:
    with pytest.raises(EngineError, match="There is no user 'ghost'") as error:
        users.resolve(_table(RuleSpec("a", ("ghost",), "error", "rules[0]")), lambda _name: None)
    assert (error.value.reason, error.value.where) == ("bad_spec", "rules[0]")


@pytest.mark.parametrize(
    ("name", "uid"),
    [
        ("root", 0),
        ("0", 0),
        ("4294967294", 4294967294),
        ("4294967295", None),
        ("-1", None),
        ("no such user", None),
        ("a\x00b", None),
    ],
)
def test_lookup(name: str, uid: int | None) -> None:
    assert users.lookup(name) == uid
