# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question to a host that is right: what it is about, how it is sent, and what counts as an answer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import guard, unchanged
from ansible_collections.tidegate.nftables.tests.support.controller import Controller
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

REQUEST: dict[str, Any] = {"phase": "apply", "tables": [{"name": "tidegate"}], "who": "alice", "mode": "enforce"}
HOSTS = {"app": {"hosts": {"app1": {"egress_tier": "app", "egress_internal_networks": ["10.0.0.0/8"]}}}}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"who": "bob"}, True),
        ({"preflight": {"containers": True}}, True),
        ({"mode": "observe"}, False),
        ({"tests": [{"name": "t"}]}, False),
        ({"tables": [{"name": "tidegate", "flags": ["dormant"]}]}, False),
    ],
)
def test_all_that_a_host_looks_at_is_in_the_checksum(other: dict[str, Any], *, same: bool) -> None:
    assert (unchanged.digest({**REQUEST, **other}, "") == unchanged.digest(REQUEST, "")) == same
    assert unchanged.digest(REQUEST, "other guards") != unchanged.digest(REQUEST, "")


def test_another_release_of_what_runs_on_hosts_has_another_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    before = unchanged.digest(REQUEST, "")
    monkeypatch.setattr(guard, "SOURCES", "of another release")
    assert unchanged.digest(REQUEST, "") != before


def test_the_module_answers_by_the_program_that_it_is_sent(tmp_path: Path) -> None:
    """As ansible-core sends it: the marker replaced by JSON, which may have any text in it."""
    source = (CHECKOUT / "plugins" / "modules" / "egress_apply.py").read_text(encoding="utf-8")
    request = {"program": unchanged._PROGRAM, "root": str(tmp_path), "digest": '""" \' \\ \n'}
    sent = source.replace("<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>", json.dumps(request))
    assert len(sent) < 25_000
    # Where it was started there may be anything.
    (tmp_path / "json.py").write_text("raise SystemExit('a stranger')")
    done = subprocess.run([sys.executable], input=sent, text=True, capture_output=True, check=True, cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert (answer["changed"], answer["unchanged"]) == (False, False)
    assert "lock" in answer["differs"], "nothing is recorded there"


@pytest.mark.parametrize(
    ("answer", "asks_the_guard"),
    [
        ({"unchanged": True, "missing_users": [], "nft_version": "1.0.6", "counters": {}}, False),
        ({"unchanged": False, "differs": "table"}, True),
        ({"failed": True, "unchanged": True, "msg": "no Python"}, True),
        ({}, True),
    ],
)
def test_only_a_plain_yes_spares_the_guard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], *, asks_the_guard: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = []

    def host(module: str, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        asked.append(module)
        return answer if module == "egress_apply" else {"changed": False, "guard": None}

    result = Controller(tmp_path, HOSTS).run("app1", "egress_apply", {}, host)
    assert not result["changed"]
    assert result["egress"]["mode"] == "observe"
    assert asked == ["egress_apply", *(["egress_apply", "egress_guard"] if asks_the_guard else [])]
