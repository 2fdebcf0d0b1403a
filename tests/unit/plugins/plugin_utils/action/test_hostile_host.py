# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one hostile host answers stays its own: no other host, no screen and no draft is changed by it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.attack import results
from ansible_collections.tidegate.nftables.tests.support.controller import Controller
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

RESULTS = 150
ABOUT_THE_FLEET = {"egress_report", "egress_review", "egress_status", "egress_suggest"}
"""These say in the fleet's table why a host gave no data; they fail for no single host."""


@pytest.mark.parametrize("seed", [1, 2])
def test_generated_results_change_nothing_of_others(tmp_path: Path, monkeypatch: Any, seed: int) -> None:
    monkeypatch.chdir(tmp_path)
    figures = asdict(results.attack(RESULTS, seed, tmp_path))
    assert figures.pop("results") == RESULTS
    assert set(figures.values()) == {0}, figures


@pytest.mark.parametrize("action", sorted(results.ACTIONS))
def test_a_module_that_fails_fails_its_task_with_what_it_says(tmp_path: Path, monkeypatch: Any, action: str) -> None:
    monkeypatch.chdir(tmp_path)
    controller = Controller(tmp_path, results.inventory())
    arguments = {**results.ACTIONS[action], **({"dest": "drafts"} if action == "egress_adopt" else {})}
    failed = {"failed": True, "msg": "The module says why."}
    result = controller.run(results.HOSTILE, action, arguments, lambda *_asked: failed)
    assert result.get("failed", False) == (action not in ABOUT_THE_FLEET)
    assert "The module says why." in (str(result) if action in ABOUT_THE_FLEET else result["msg"])


def test_every_action_that_runs_a_module_is_attacked() -> None:
    sources = {path.stem: path.read_text(encoding="utf-8") for path in (CHECKOUT / "plugins" / "action").glob("*.py")}
    runs = {name for name, source in sources.items() if "_module(" in source or "_and_confirm(" in source}
    runs |= {name for name, source in sources.items() if "UploadAction" in source} - {"nft_set"}
    assert runs <= results.ACTIONS.keys()


@pytest.mark.parametrize("comment", results.TEXTS)
def test_a_comment_of_a_rule_never_becomes_a_live_line_of_a_draft(tmp_path: Path, comment: str) -> None:
    chain = {"family": "inet", "table": "filter", "name": "out", "type": "filter", "hook": "output", "prio": 0}
    payload = {"payload": {"protocol": "ip", "field": "daddr"}}
    port = {"payload": {"protocol": "tcp", "field": "dport"}}
    match = [
        {"match": {"op": "==", "left": left, "right": right}} for left, right in ((payload, "10.0.0.9"), (port, 5432))
    ]
    rule = {"family": "inet", "table": "filter", "chain": "out", "handle": 2, "comment": comment}
    odd = {**rule, "expr": [{"xt": {"type": "match", "name": comment}}, {"drop": None}]}
    objects = [
        {"table": {"family": "inet", "name": "filter", "handle": 1}},
        {"chain": {**chain, "handle": 1, "policy": "drop"}},
        {"rule": odd},
        {"rule": {**rule, "expr": [*match, {"accept": None}]}},
    ]
    live = {"kind": "nft", "where": comment, "family": "inet", "name": "filter", "objects": objects}
    rules = {"live": [live], "stored": [], "unread": [comment], "own": False}
    controller = Controller(tmp_path, results.inventory())
    controller.run(results.HOSTILE, "egress_adopt", {"dest": str(tmp_path)}, lambda *_asked: {"rules": rules})
    draft = (tmp_path / f"{results.HOSTILE}.yml").read_text(encoding="utf-8")
    assert results.live_lines(draft) == 0
    assert not any(
        letter for letter in draft + "".join(controller.printed) if not (letter.isprintable() or letter == "\n")
    )
    entries = yaml.safe_load(draft)["egress_allow_adopted"]
    assert [entry["to"] for entry in entries] in ([], [["10.0.0.9"]])


@pytest.mark.parametrize(
    ("draft", "lines"),
    [
        ("egress_allow_adopted: []\n", 0),
        ("# x\negress_mode: absent\negress_allow_adopted: []\n", 1),
        ("egress_allow_adopted: [\n", 1),
    ],
)
def test_live_lines_are_counted(draft: str, lines: int) -> None:
    assert results.live_lines(draft) == lines
