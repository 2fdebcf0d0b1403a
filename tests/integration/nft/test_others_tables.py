# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever table nft can list, nft_info says in nft_ruleset's words; said back, it is unchanged, and rebuilt alike."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs import table_info

from .conftest import Lab
from .others_tables import TABLES, Written


def loaded(lab: Lab, what: str) -> Written:
    written = TABLES[what]
    if lab.version < written.oldest:
        pytest.fail(f"{what} is not for nft {lab.version}")
    lab.load(f"table {written.family} {written.name} {{\n{written.text}\n}}\n")
    return written


def described(lab: Lab, written: Written) -> dict[str, Any]:
    """The table as nft_info gives it to nft_ruleset, on its way through JSON as it is in Ansible."""
    description: dict[str, Any] = json.loads(json.dumps(table_info.written(lab.table(written.name, written.family))))
    return description


def readable(lab: Lab) -> list[str]:
    return [what for what, written in TABLES.items() if lab.version >= written.oldest]


def test_described_is_unchanged(lab: Lab) -> None:
    for what in readable(lab):
        written = loaded(lab, what)
        lab.settled(described(lab, written))


def test_gone_and_described_is_the_same_again(lab: Lab) -> None:
    for what in readable(lab):
        written = loaded(lab, what)
        desired = described(lab, written)
        before = shape(lab.table(written.name, written.family))
        lab.load(f"delete table {written.family} {written.name}")
        lab.predicted(desired)
        if what == "a ban tool that counts":
            assert desired["sets"][0]["elements"] == ['2001:db8::2 comment "mine: timeout 1h"']
            continue
        assert shape(lab.table(written.name, written.family)) == before, what


def test_an_edit_changes_one_thing(lab: Lab) -> None:
    for what in readable(lab):
        written = loaded(lab, what)
        desired = edited(described(lab, written), *written.edit)
        before = handles(lab.table(written.name, written.family))
        result = lab.predicted(desired)
        kinds = sorted((change.action, change.kind) for change in result.changes)
        assert kinds == [("add", "rule"), ("delete", "rule")], (what, result.transaction)
        after = handles(lab.table(written.name, written.family))
        assert len(before - after) == 1, what
        shown = [line for line in result.after.splitlines() if line not in result.before.splitlines()]
        assert len(shown) == 1, (what, shown)


def handles(table: NftTable) -> set[tuple[str, int | None, str]]:
    """Every rule with its handle and what it counted."""
    return {(chain.name, rule.handle, rule.text) for chain in table.chains for rule in chain.rules}


def edited(spec: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    copied = copy.deepcopy(spec)
    places = 0
    for chain in copied["chains"]:
        for at, rule in enumerate(chain["rules"]):
            if old in rule:
                chain["rules"][at] = rule.replace(old, new)
                places += 1
    assert places == 1, (places, old)
    return copied


def shape(table: NftTable) -> Any:
    """What a table declares, without handles, and without the order that only its history has."""
    return (
        table.comment,
        table.flags,
        sorted((item.kind, item.name, item.declaration) for item in table.objects),
        sorted(
            (
                nft_set.kind,
                nft_set.name,
                sorted(nft_set.declaration),
                sorted(element.canon for element in nft_set.elements),
            )
            for nft_set in table.sets
        ),
        sorted((chain.name, str(chain.hook), [rule.canon for rule in chain.rules]) for chain in table.chains),
    )
