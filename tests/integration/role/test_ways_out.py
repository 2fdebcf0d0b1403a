# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks for a bad night, by their names, on a host that is a network namespace."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape
from ansible_collections.tidegate.nftables.tests.integration.role.project import HostProject
from ansible_collections.tidegate.nftables.tests.support.project import Run
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

PLACE = ("--limit", "app1")
ONCE = {
    "allow_once_to": "198.51.100.7",
    "allow_once_services": "https",
    "allow_once_hours": "4",
    "allow_once_reason": "INC-7: new endpoint",
}


def play(project: HostProject, playbook: str, *options: str, **variables: str) -> Run:
    return project.play(*options, "-e", json.dumps(variables), playbook=playbook)


def history(project: HostProject) -> list[dict[str, Any]]:
    text = Paths(str(project.root)).journal.read_text()
    return [json.loads(line) for line in text.splitlines()]


def table(project: HostProject) -> str:
    """The table but for counters and the order in which its sets were made."""
    return shape(project.nft("list", "table", "inet", "tidegate"), ("temporary_allow4", "temporary_allow6"))


def test_rollback_returns_to_the_policy_before_or_to_a_named_one(project: HostProject) -> None:
    texts = []
    for port in ("tcp/8443", "tcp/8444", "tcp/8445"):
        entries = [{"name": "erp", "to": ["203.0.113.10"], "services": [port]}]
        project.write("group_vars/app/egress.yml", {"egress_tier": "app", "egress_allow_app": entries})
        assert project.play().code == 0
        texts.append(table(project))
    assert history(project)[0]["what"] == "first policy of tier app: mode enforce, 2 entries"
    opened = "opened for everybody: to 203.0.113.10 with tcp/8444 (by erp (changed))"
    assert history(project)[1]["what"].startswith(opened)
    returned = play(project, "tidegate.nftables.rollback", *PLACE, rollback_reason="payments are down")
    assert returned.code == 0, returned.output
    assert returned.module_runs == ["egress_apply", "egress_apply"]
    assert table(project) == texts[1]
    assert re.search(r"^app1: back to the policy of 20\S+Z \(opened for everybody", returned.output, re.MULTILINE), (
        returned.output
    )
    assert "the next run of the role applies the newer policy again" in returned.output.replace("\n", " ")
    assert history(project)[-1]["event"] == "confirmed"
    assert f": payments are down; {opened}; closed for everybody: to 203.0.113.10" in history(project)[-1]["what"]
    assert opened in returned.output
    # The history is now: 1 the third, 2 the second, 3 the first.
    further = play(project, "tidegate.nftables.rollback", *PLACE, rollback_to="3")
    assert further.code == 0, further.output
    assert table(project) == texts[0]
    unknown = play(project, "tidegate.nftables.rollback", *PLACE, rollback_to="yesterday")
    assert unknown.code != 0
    assert "matches none of the earlier policies" in unknown.output
    assert table(project) == texts[0]


def test_allow_once_opens_one_destination_and_the_next_run_leaves_it(project: HostProject) -> None:
    project.cable()
    assert project.play().code == 0
    before = table(project)
    assert not project.lets_out("198.51.100.7", 443)
    opened = play(project, "tidegate.nftables.allow_once", *PLACE, **ONCE)
    assert opened.code == 0, opened.output
    assert project.lets_out("198.51.100.7", 443)
    assert not project.lets_out("198.51.100.7", 80)
    assert not project.lets_out("198.51.100.8", 443)
    assert "timeout 4h" in project.nft("list", "set", "inet", "tidegate", "temporary_allow4")
    for text in ("name: once-198-51-100-7", "- 198.51.100.7", "- https", "reason:", "To keep it, add this entry"):
        assert text in opened.output, text
    again = project.play()
    assert (again.changed(), again.module_runs) == (0, ["egress_apply"])
    assert project.lets_out("198.51.100.7", 443)
    event = history(project)[-1]
    assert (event["event"], event["why"]) == ("allowed", "INC-7: new endpoint")
    assert event["what"].startswith("198.51.100.7 tcp/443 until ")
    assert project.tidegate("why", "198.51.100.7", "443").startswith(
        "198.51.100.7 tcp/443 as root: allowed by a temporary opening"
    )
    status = project.tidegate("status")
    assert "as confirmed" in status
    assert re.search(
        r"^allowed +198\.51\.100\.7 tcp/443 until 20\S+Z, by \S+@\S+: INC-7: new endpoint$", status, re.MULTILINE
    ), status
    # The kernel ends it by itself.
    renewed = play(project, "tidegate.nftables.allow_once", *PLACE, **{**ONCE, "allow_once_hours": "0.01"})
    assert renewed.code == 0, renewed.output
    assert "timeout 1m" in project.nft("list", "set", "inet", "tidegate", "temporary_allow4")
    project.nft("flush", "set", "inet", "tidegate", "temporary_allow4")
    assert "198.51.100.7" not in project.tidegate("status").partition("events")[0]
    assert table(project) == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"allow_once_to": "internet"}, "above the ceiling|exceeds|ceiling"),
        ({"allow_once_to": "203.0.113.0/24"}, "it is a network|combinations"),
        ({"allow_once_services": "icmp"}, "name ports of tcp"),
        ({"allow_once_to": "10.0.0.300"}, "10.0.0.300"),
        ({"allow_once_reason": ""}, "allow_once_reason"),
        ({"allow_once_hours": "soon"}, "allow_once_hours"),
    ],
)
def test_allow_once_refuses_what_no_entry_may_say(project: HostProject, given: dict[str, str], said: str) -> None:
    project.write("site.yml", project.site)
    run = play(project, "tidegate.nftables.allow_once", *PLACE, **{**ONCE, **given})
    assert run.code != 0
    assert any(part in run.output for part in said.split("|")), run.output
    assert "Nothing was changed" in run.output
    assert "Traceback" not in run.output
    assert run.module_runs == []


def test_emergency_opens_ends_by_itself_and_blocks_the_role_meanwhile(project: HostProject) -> None:
    project.cable()
    assert project.play().code == 0
    before = table(project)
    opened = play(
        project,
        "tidegate.nftables.emergency",
        *PLACE,
        emergency="open",
        emergency_minutes="5",
        emergency_reason="INC-7",
    )
    assert opened.code == 0, opened.output
    assert project.lets_out("198.51.100.9", 25)
    refused = project.play()
    assert refused.code != 0
    assert "is under way on this host (open for 5 minutes: INC-7)" in refused.output
    over = play(project, "tidegate.nftables.emergency", *PLACE, emergency="end")
    assert over.code == 0, over.output
    assert table(project) == before
    assert not project.lets_out("198.51.100.9", 25)
    closed = play(project, "tidegate.nftables.emergency", *PLACE, emergency="close", emergency_minutes="1")
    assert closed.code == 0, closed.output
    assert "payments-api" not in table(project)
    assert project.tidegate("rollback").startswith("Ended the emergency (close for 1 minute)")
    assert table(project) == before


@pytest.mark.parametrize(
    ("name", "variables", "options"),
    [
        ("tidegate.nftables.emergency", {"emergency": "open", "emergency_minutes": "5"}, ()),
        ("tidegate.nftables.emergency", {"emergency": "open"}, PLACE),
        ("tidegate.nftables.emergency", {}, PLACE),
        ("tidegate.nftables.rollback", {}, ()),
        ("tidegate.nftables.allow_once", {}, PLACE),
    ],
)
def test_what_is_missing_is_said_before_anything_is_touched(
    project: HostProject, name: str, variables: dict[str, str], options: tuple[str, ...]
) -> None:
    run = play(project, name, *options, **variables)
    assert run.code != 0
    assert "Fix: name the hosts" in run.output.replace("\n", " ")
    assert "Nothing was changed." in run.output
    assert run.module_runs == []


def test_a_change_that_nobody_confirms_is_put_back(project: HostProject) -> None:
    """The controller is killed once the change is loaded, and with it all that it started but the guard."""
    assert project.play().code == 0
    before = table(project)
    project.write("group_vars/app/egress.yml", {"egress_tier": "app", "egress_allow_app": []})
    killed = project.kill_after_apply("-e", "egress_confirm_timeout=15", "-e", "egress_max_removed=100")
    assert killed
    assert table(project) != before
    wait_for(lambda: history(project)[-1]["event"] == "restored", "the rollback")
    assert table(project) == before
