# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""suggest.yml on one host: from what it was refused to drafts, and into the policy."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.integration.adopt.test_playbooks import named
from ansible_collections.tidegate.nftables.tests.integration.adopt.test_rollout import (
    STRANGER,
    observed,
    recorded,
    write,
)
from ansible_collections.tidegate.nftables.tests.integration.role.project import HostProject
from ansible_collections.tidegate.nftables.tests.support.project import Run

SUGGEST = "tidegate.nftables.suggest"
DAY = 86400
__all__ = ["observed"]


def suggest(project: HostProject, *options: str) -> Run:
    return named(project, SUGGEST, *(word for option in options for word in ("-e", option)))


@pytest.fixture
def refused(observed: HostProject) -> HostProject:
    """A host that was refused the same thing three times, and its records as if that had been on two days."""
    for _time in range(3):
        observed.send(*STRANGER)
    records = [{**record, "first": record["first"] - DAY} for record in recorded(observed)]
    observed.write("records.json", json.dumps(records))
    return observed


def drafted(project: HostProject, folder: str = "out") -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(project.read(f"{folder}/egress_allow_app_suggested.yml"))
    return read


def test_a_refusal_becomes_a_draft_that_allows_it(refused: HostProject) -> None:
    # On one day alone it is not evident yet.
    waiting = suggest(refused, "egress_suggest_dir=out")
    assert waiting.code == 0, waiting.output
    assert "not enough evidence yet:" in waiting.output
    assert "198.51.100.9 udp/9999 by root: seen on 1 day in 1 hour" in waiting.output
    assert "app: learning: something new" in waiting.output
    assert not (refused.path / "out/egress_allow_app_suggested.yml").exists()
    (seen,) = json.loads(refused.read("out/suggest.json"))["tiers"][0]["waiting"]
    # The counts agree: kernel, ledger, suggestion, review.
    counter = re.search(r"packets (\d+)", refused.nft("list", "counter", "inet", "tidegate", "would_deny"))
    assert counter is not None
    assert int(counter[1]) == recorded(refused)[0]["packets"] == seen["packets"] == 3
    reviewed = named(refused, "tidegate.nftables.review", "-e", "egress_review_fail=false")
    assert "app: root: would reject: 1 flow, 3 packets" in reviewed.output
    done = suggest(refused, "egress_suggest_dir=out", "egress_suggest_from=records.json")
    assert done.code == 0, done.output
    assert "# opened for root: to 198.51.100.9 with udp/9999" in done.output
    (entry,) = drafted(refused)["egress_allow_app_suggested"]
    assert entry == {
        "name": "root-198-51-100-9-udp-9999",
        "to": ["198.51.100.9"],
        "services": ["udp/9999"],
        "users": ["root"],
        "reason": "",
    }
    # Approved and written again, it is part of the policy, and nothing is refused any more.
    approved = suggest(refused, "egress_suggest_dir=group_vars/app", "egress_suggest_accept=out/suggest.json")
    assert approved.code == 0, approved.output
    # Nobody has said why yet, so the policy does not take it.
    stale = suggest(refused, "egress_suggest_dir=group_vars/app", "egress_suggest_accept=out/suggest.json")
    assert "egress_allow_app_suggested[root-198-51-100-9-udp-9999].reason: is an empty text" in stale.output
    draft = refused.read("group_vars/app/egress_allow_app_suggested.yml")
    refused.write("group_vars/app/egress_allow_app_suggested.yml", draft.replace("reason: ''", "reason: heartbeat"))
    applied = refused.play()
    assert applied.code == 0, applied.output
    (record,) = recorded(refused)
    assert record["entry"] == "root-198-51-100-9-udp-9999"
    # The policy has changed, so the same document is stale now.
    stale = suggest(refused, "egress_suggest_dir=group_vars/app", "egress_suggest_accept=out/suggest.json")
    assert stale.code != 0
    assert "The drafts for tier app were proven for another policy" in stale.output


def test_decisions_and_bad_files(refused: HostProject) -> None:
    decision = {"to": [STRANGER[0]], "reason": "a mistake", "date": "2026-11-20"}
    write(refused, egress_suggest_ignored=[decision])
    ignored = suggest(refused, "egress_suggest_from=records.json")
    assert "udp/9999 by root: ignored on 2026-11-20: a mistake" in ignored.output
    write(refused, egress_suggest_ignored=[{**decision, "reason": ""}])
    unexplained = suggest(refused, "egress_suggest_from=records.json")
    assert unexplained.code != 0
    assert "egress_suggest_ignored[0] has no reason" in unexplained.output
    write(refused)
    text = refused.read("records.json")
    refused.write("records.json", text[: len(text) // 2])
    cut = suggest(refused, "egress_suggest_from=records.json")
    assert cut.code != 0
    assert "records.json is no JSON, or was cut off" in cut.output
    unknown = suggest(refused, "egress_suggest_dir=out", "egress_suggest_accept=records.json")
    assert unknown.code != 0
    assert "Fix: name a suggest.json" in unknown.output
