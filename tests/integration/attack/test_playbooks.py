# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each playbook once for a good host and a hostile one, which answers every module with a generated result.

The hostile host is the first of each play, so what runs once runs for it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.attack.results import live_lines
from ansible_collections.tidegate.nftables.tests.integration.role.conftest import project as role_project
from ansible_collections.tidegate.nftables.tests.integration.role.project import COMMON, HostProject
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.project import Run

project = role_project

# In place of Python on the hostile host. The answers follow from the module and from how many were given before.
INTERPRETER = f"""#!{sys.executable}
import json, pathlib, random, sys
from ansible_collections.tidegate.nftables.tests.attack.results import TEXTS, answer
module = pathlib.Path(sys.argv[1]).stem.removeprefix("AnsiballZ_")
log = pathlib.Path(__file__).with_suffix(".log")
log.touch()
given = len(log.read_text().splitlines())
with log.open("a") as lines:
    lines.write(module + "\\n")
chosen = random.Random(f"{{module}} {{given}}")
failed = {{"failed": True, "reason": TEXTS[0], "msg": TEXTS[0] + TEXTS[1]}}
print(json.dumps(failed if given % 2 else answer(module, chosen), default=repr))
"""
POISON = {"egress_addresses": ["192.52.193.66", "8.8.8.8"], "egress_tier": "build", "egress_mode": "absent"}
ON_HOSTS: dict[str, dict[str, Any]] = {
    "preflight": {},
    "adopt": {"adopt_dest": "drafts"},
    "verify": {},
    "status": {},
    "report": {"egress_report_dir": "out"},
    "suggest": {"egress_suggest_dir": "suggested"},
    "review": {"egress_review_dir": "reviewed", "egress_review_fail": False},
    "rollback": {"rollback_to": "1"},
    "emergency": {"emergency": "end"},
    "observe": {"egress_mode": "observe"},
    "enforce": {"egress_enforce_anyway": True, "egress_serial": "100%"},
    "allow_once": {
        "allow_once_to": "10.1.2.3",
        "allow_once_services": "https",
        "allow_once_hours": 1,
        "allow_once_reason": "a test",
    },
}
"""The playbooks whose actions run modules on hosts, with their parameters."""
ON_THE_CONTROLLER: dict[str, dict[str, Any]] = {
    "explain": {"egress_explain_from": "app", "egress_explain_to": "10.10.5.1"},
    "plan": {"egress_plan_base": "HEAD"},
    "render": {"egress_target": "squid", "egress_approximate": {"squid": "narrower"}},
    "whatif": {"egress_whatif_dir": "queries"},
}
"""The playbooks that connect to no host: what a host said before is in the cache of facts."""
FOR_ALL_AT_ONCE = ("plan", "render")
"""Of these, the ones with one result for all hosts, which is none while the policy of one is not known."""
OTHERS = {"aws", "demo", "lab", "molecule_create", "molecule_destroy"}
"""aws is render with other tasks behind it; the others know no hosts but those that they make."""


def table(project: HostProject) -> str:
    """The table of the good host, in an order of its own; without the set that only the first run fills."""
    listing = project.nft("-s", "list", "table", "inet", "tidegate")
    objects = re.findall(r"^\t\w+ (?!older_connections)\S+ \{.*?^\t\}$", listing, re.DOTALL | re.MULTILINE)
    return "\n".join(sorted(objects))


@pytest.fixture
def beside_evil(project: HostProject) -> HostProject:
    """The project with a hostile host before the good one in its group."""
    evil = project.write("evil", INTERPRETER)
    evil.chmod(0o755)
    inventory = yaml.safe_load(project.read("inventory.yml"))
    own = {"ansible_python_interpreter": str(evil), "egress_root": str(project.path / "evil_root")}
    inventory["all"]["children"]["app"]["hosts"] = {"a-evil1": own, "app1": {}}
    project.write("inventory.yml", inventory)
    return project


def run(project: HostProject, name: str, parameters: dict[str, Any]) -> Run:
    """Run a playbook; nothing of the good host may fail, and nothing be printed that a terminal obeys."""
    done = project.play("--limit", "app", playbook=f"tidegate.nftables.{name}", **parameters)
    if name not in FOR_ALL_AT_ONCE:
        recap = done.recap("app1")
        assert (recap["failed"], recap["unreachable"]) == (0, 0), done.output
        assert recap["ok"] > 0, done.output
    assert [letter for letter in done.output if not letter.isprintable() and letter not in "\n\t"] == [], name
    assert "Traceback" not in done.output, done.output
    return done


def test_a_hostile_host_changes_nothing_of_the_good_one_beside_it(beside_evil: HostProject) -> None:
    project = beside_evil
    assert project.play("--limit", "app1").code == 0
    first = table(project)
    more = [*COMMON["egress_allow_base"], {"name": "more", "to": ["10.10.0.31"], "services": ["https"]}]
    project.write("group_vars/all/egress.yml", {**COMMON, "egress_allow_base": more})
    assert project.play("--limit", "app1").code == 0
    second = table(project)
    observed = second.replace("goto egress_enforced\n", "goto egress_observed\n")
    # A rollout stops where a host fails, so no host of its batch is changed.
    after = {"rollback": first, "emergency": first, "observe": observed, "enforce": observed}
    output = ""
    for name, parameters in ON_HOSTS.items():
        output += run(project, name, parameters).output
        if name != "allow_once":
            assert table(project) == after.get(name, second), name
    assert "\\x1b]0;owned" in output, "what it says is printed, and no terminal obeys it"
    assert "10.1.2.3 . tcp . 443" in table(project)
    assert "8.8.8.8" not in table(project)
    assert len((project.path / "evil.log").read_text(encoding="utf-8").splitlines()) >= len(ON_HOSTS)
    drafts = list((project.path / "drafts").glob("*.yml"))
    assert [live_lines(draft.read_text(encoding="utf-8")) for draft in drafts] == [0] * len(drafts)
    assert project.path / "drafts/app1.yml" in drafts


def test_what_a_hostile_host_said_before_changes_no_policy(beside_evil: HostProject) -> None:
    project = beside_evil
    project.environment |= {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": "facts"}
    # The second is how ansible-core 2.19 and later keep them.
    project.write("facts/a-evil1", json.dumps(POISON))
    project.write("facts/s1_a-evil1", json.dumps({"__payload__": json.dumps(POISON)}))
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        subprocess.run(["git", *words], cwd=project.path, check=True)
    for name, parameters in ON_THE_CONTROLLER.items():
        printed = run(project, name, parameters).output
        assert "egress_addresses: comes from facts of the host a-evil1" in printed, printed
        assert "facts of the host app1" not in printed
    assert not (project.path / "rendered").exists()


def test_every_playbook_is_tried() -> None:
    names = {path.stem for path in (CHECKOUT / "playbooks").glob("*.yml")}
    assert names == {*ON_HOSTS, *ON_THE_CONTROLLER, *OTHERS}
