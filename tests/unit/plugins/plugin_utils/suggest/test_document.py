# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document, its text and its files: bound to the policies, and no text of a host is more than a text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.tier_state import tier_state
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest import document
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.document import (
    DocumentError,
    StaleSuggestion,
    Suggestion,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.proof import Proof

from .made import evident, suggested

STATE = tier_state("app", [], silent=1, enforced=False, newest=0, now=0)


def tiers(*, accepted: bool = True, **changes: Any) -> list[dict[str, Any]]:
    drafts = suggested([*evident(**changes), *evident(port=23)])
    proof = Proof(opens=("opened",), verdict="fine", accepted=accepted, nearest=(), answered=None)
    suggestions = [Suggestion(draft=draft, proof=proof, hosts=3) for draft in drafts.drafts]
    policies = {"app1": "a" * 16, "app2": "b" * 16}
    return [document.tier_row(STATE, policies, suggestions, drafts, [0, 86400, 86401])]


def loaded(tmp_path: Path, text: str) -> dict[str, Any]:
    (tmp_path / "suggest.json").write_text(text)
    return document.load(tmp_path / "suggest.json")


def test_drafts_are_yaml_with_their_proof_and_without_a_reason() -> None:
    (name, text), *others = document.files(tiers(), "2026-11-30").items()
    assert (name, others) == ("egress_allow_app_suggested.yml", [])
    (entry,) = yaml.safe_load(text)["egress_allow_app_suggested"]
    assert (entry["to"], entry["services"], entry["users"], entry["reason"]) == (
        ["8.8.4.4"],
        ["https-alt"],
        ["payd"],
        "",
    )
    assert "  # opened, on 3 hosts\n" in text
    assert "2 of 3 hosts" in text


def test_what_the_policy_does_not_accept_is_shown_and_not_written() -> None:
    rows = tiers(accepted=False)
    assert document.files(rows, "2026-11-30") == {}
    assert "(not accepted by the policy)" in "\n".join(document.text(rows, {}))


def test_a_hostile_user_is_a_text_everywhere() -> None:
    rows = tiers(user="x\n- name: evil\n  to: [any]\x1b[2J<script>")
    for text in document.files(rows, "2026-11-30").values():
        (entry,) = yaml.safe_load(text)["egress_allow_app_suggested"]
        assert entry["to"] == ["8.8.4.4"]
        assert "\x1b" not in text


def test_a_stale_document_is_refused(tmp_path: Path) -> None:
    read = loaded(tmp_path, document.dump(tiers(), {}, "2026-11-30"))
    document.check_fresh(read, {"app1": "a" * 16, "app2": "b" * 16, "db1": "c" * 16})
    for changed in ({"app1": "a" * 16, "app2": "c" * 16}, {"app1": "a" * 16}):
        with pytest.raises(StaleSuggestion, match="app2 had b"):
            document.check_fresh(read, changed)


@pytest.mark.parametrize("place", range(0, 1000, 97))
def test_a_document_that_was_cut_off_is_an_error(tmp_path: Path, place: int) -> None:
    with pytest.raises(DocumentError, match="Fix:"):
        loaded(tmp_path, document.dump(tiers(), {}, "2026-11-30")[:place])


@pytest.mark.parametrize("key", ["tiers", "version"])
def test_a_foreign_document_is_an_error(tmp_path: Path, key: str) -> None:
    whole = json.loads(document.dump(tiers(), {}, "2026-11-30"))
    values: list[Any] = [None, [{}], 7, {"a": 1}]
    for value in values:
        with pytest.raises(DocumentError, match="Fix:"):
            loaded(tmp_path, json.dumps({**whole, key: value}))


def test_new_destinations_are_counted_by_day() -> None:
    assert tiers()[0]["new"] == {"-": 1, "1970-01-02": 2}
