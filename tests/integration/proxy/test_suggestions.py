# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request that the proxy rejected, or would, to the entry that opens it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import groups, sources
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.read import read
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.recorder import COLUMNS, Recorder
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.sources import read_file
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.drafts import Draft, drafts, refused
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.words import Vocabulary
from ansible_collections.tidegate.nftables.tests.support import proxy
from ansible_collections.tidegate.nftables.tests.support.proxy import Proxy
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.suggest.made import DAY, tier

from .conftest import APP, ENTRIES, OBSERVED, policy_of
from .test_requests import connect, curl


def records(world: Proxy, client: str, folder: Path, **changes: Any) -> list[dict[str, Any]]:
    """Return the records of a client out of the log, as if all of it had happened on the day before, too."""
    lines = world.log()
    twice = [{**line, "time": line["time"] - before} for before in (0, DAY) for line in lines]
    (folder / "access.log").write_text("".join(f"{json.dumps(line)}\n" for line in twice), encoding="utf-8")
    read(sources.parse([{"squid": "access.log"}], folder), folder / "grouped")
    recorder = Recorder(policy_of(**changes))
    made = list(recorder.of_logs(groups.of_host("app1", [client], folder / "grouped", COLUMNS)))
    # Through a file, as a person hands them to suggest and report.
    (folder / "records.json").write_text(json.dumps(made), encoding="utf-8")
    return [recorder.again(record) for data in read_file(folder / "records.json") for record in data.records]


def is_logged(world: Proxy, client: str, before: int = 0) -> bool:
    """Return whether the log has a request of a client for other.example, beyond so many lines."""
    return ("other.example", client) in {(line["name"], line["client"]) for line in world.log()[before:]}


def suggested(of_client: list[dict[str, Any]]) -> dict[str, Draft]:
    known = tier(hosts=1, vocabulary=Vocabulary(names=True))
    return {draft.to: draft for draft in drafts(refused(of_client), known).drafts}


@pytest.mark.parametrize(("client", "mode"), [(APP, "enforce"), (OBSERVED, "observe")])
def test_a_rejected_name_becomes_a_draft_of_this_name(world: Proxy, tmp_path: Path, client: str, mode: str) -> None:
    before = len(world.log())
    curl(world, client, "https://other.example/")
    curl(world, client, "https://api.pay.example/")
    connect(client, "localhost:443")  # no entry can have it
    # Of a tunnel the line that counts comes when it ends.
    wait_for(lambda: sum(line["peer"] == "50.0.0.1" for line in world.log()[before:]) >= 1 + (mode == "observe"))
    wait_for(lambda: is_logged(world, client, before))
    seen = {record["destination"]: record for record in records(world, client, tmp_path, egress_mode=mode)}
    decision = "rejected" if mode == "enforce" else "would_reject"
    assert (seen["other.example"]["decision"], seen["other.example"]["cause"]) == (decision, "unlisted")
    assert (seen["api.pay.example"]["decision"], seen["api.pay.example"]["entry"]) == ("allowed", "pay")
    assert "localhost" not in seen
    drafted = suggested(list(seen.values()))["other.example"]
    assert drafted.entry == {
        "name": "other-example-https",
        "to": ["other.example"],
        "services": ["https"],
        "reason": "",
    }


def test_the_draft_makes_the_request_pass(world: Proxy, tmp_path: Path) -> None:
    assert connect(APP, "other.example:443").startswith("HTTP/1.1 403 ")
    wait_for(lambda: is_logged(world, APP))
    drafted = suggested(records(world, APP, tmp_path))["other.example"].entry
    with_draft = [*ENTRIES, {**drafted, "reason": "shop"}]
    world.write([proxy.client("app1", policy_of(egress_allow_app=with_draft), APP)])
    assert world.parse().returncode == 0
    world.reload()
    code, _status, printed = curl(world, APP, "https://other.example/")
    assert (code, "hello" in printed) == (0, True), printed
    # Judged by the policy that has it, nothing is left to suggest.
    again = refused(records(world, APP, tmp_path, egress_allow_app=with_draft))
    assert "other.example" not in {record["destination"] for record in again}
