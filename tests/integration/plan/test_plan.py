# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tidegate.nftables.plan on a repository with the lab's inventory, whose hosts do not exist."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.support.golden import Golden
from ansible_collections.tidegate.nftables.tests.support.paths import LAB
from ansible_collections.tidegate.nftables.tests.support.project import Project
from ansible_collections.tidegate.nftables.tests.support.publisher import Publisher, publisher, sends

GOLDEN = Path(__file__).with_name("plan.md")
PARTNER = "services: [https], reason: stock levels"
# What somebody writes whose group_vars stand beside the playbooks.
OWN = """
- hosts: all
  gather_facts: false
  tasks:
    - tidegate.nftables.egress_plan: {base: "{{ egress_plan_base }}"}
      run_once: true
"""


class Repository(Project):
    """A user's repository; everything but what a test writes is committed as main."""

    def git(self, *arguments: str) -> str:
        """Run git; return what it printed."""
        who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        done = subprocess.run(["git", *who, *arguments], cwd=self.path, check=True, capture_output=True, text=True)
        return done.stdout

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message={message}")

    def plan(self, *options: str, base: str = "main", playbook: str = "tidegate.nftables.plan") -> tuple[int, str]:
        """Return the exit code and the output of a plan against a commit."""
        run = self.play(*options, playbook=playbook, egress_plan_base=base)
        return run.code, run.output


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    path = tmp_path / "repository"
    path.mkdir()
    made = Repository(path)
    made.copy(LAB / "inventory.yml", LAB / "group_vars")
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit("base")
    return made


def test_an_edited_entry_is_a_readable_change_and_touches_nothing(repository: Repository, golden: Golden) -> None:
    repository.edit(
        "group_vars/app/egress.yml", "services: [https]\n    users", "services: [https, tcp/8443]\n    users"
    )
    repository.edit("group_vars/all/egress.yml", "services: [https]\n", "services: [http, https]\n")
    repository.edit("group_vars/build/egress.yml", "to: [internet], services: [ssh]", "to: [internet], services: [git]")
    code, output = repository.plan("-vvv", "-e", "egress_plan_directory=out", "-e", "egress_plan_fail_on=errors")
    assert code == 0, output
    written = repository.read("out/plan.md")
    golden.check(GOLDEN, written)
    assert written.strip() in output
    # Nobody connected to anything, and no module went anywhere. The lab's hosts do not even exist.
    assert "Using module file" not in output
    assert "ESTABLISH" not in output
    assert repository.git("status", "--porcelain").split() == [
        *("M", "group_vars/all/egress.yml", "M", "group_vars/app/egress.yml"),
        *("M", "group_vars/build/egress.yml", "??", "out/"),
    ]
    assert repository.git("worktree", "list").count("\n") == 1


def test_what_fails_a_pipeline(repository: Repository) -> None:
    assert repository.plan("-e", "egress_plan_fail_on=changes")[0] == 0
    repository.edit("group_vars/all/egress.yml", "services: [https]\n", "services: [http, https]\n")
    code, output = repository.plan("-e", "egress_plan_fail_on=changes")
    assert code == 2
    assert "The proposed commit changes what hosts can reach, see above." in output
    repository.edit("group_vars/build/egress.yml", "services: [ssh], reason", "services: [git], reason")
    code, output = repository.plan()
    assert code == 2
    assert "A policy test fails in the proposed commit" in output
    # A policy that cannot be read.
    repository.edit("group_vars/app/egress.yml", PARTNER, PARTNER.replace("https", "https, ssh"))
    code, output = repository.plan("-e", "egress_plan_fail_on=errors", "-e", "egress_plan_directory=out")
    assert code == 2
    plan = json.loads(repository.read("out/plan.json"))
    assert plan["outcome"] == "errors"
    (error,) = (remark for remark in plan["remarks"] if remark["kind"] == "error")
    assert error["origin"] == "group_vars/app/egress.yml:16:5"
    code, output = repository.plan(base="nowhere")
    assert code == 2
    assert 'there is no commit "nowhere"' in output


def test_variables_beside_a_playbook_of_ones_own_count_on_both_sides(repository: Repository) -> None:
    beside = "plays/group_vars/web.yml"
    repository.write("plays/plan.yml", OWN)
    repository.write(beside, "egress_allow_more: [{name: more, to: [10.10.9.0/25], services: [ssh]}]\n")
    repository.edit(
        "group_vars/web/egress.yml", "- {name: no-ssh, not_reach: any,", "- {name: no-ssh, not_reach: internet,"
    )
    repository.commit("beside")
    repository.edit(beside, "/25", "/24")
    code, output = repository.plan(playbook="plays/plan.yml")
    assert code == 0, output
    assert "| everybody | 10.10.9.128/25 | tcp/22 |" in output
    assert "plays/group_vars/web.yml:1" in output


def test_a_question_is_answered_with_file_and_line(repository: Repository) -> None:
    question = {"from": "app1", "to": "payments1", "service": "https", "user": "www-data"}
    variables = {f"egress_explain_{name}": value for name, value in question.items()}
    output = repository.play(playbook="tidegate.nftables.explain", **variables).ok().output
    assert "yes: app1 as www-data to 203.0.113.10, 2001:db8:113::10 with tcp/443" in output
    assert "by the entry payments, egress_allow_app[payments] (group_vars/app/egress.yml:8:5)" in output
    del variables["egress_explain_from"]
    limited = repository.play("--limit", "app1", playbook="tidegate.nftables.explain", **variables)
    assert "yes: app1 as www-data" in limited.ok().output


@pytest.fixture
def growing() -> Iterator[Publisher]:
    """A list whose content is another one at each request."""

    def grow(request: BaseHTTPRequestHandler) -> None:
        sends(f"198.51.100.{len(server.requests)}\n".encode())(request)

    with publisher() as server:
        server.behaviour = grow
        yield server


def test_a_fetched_list_is_the_same_on_both_sides(repository: Repository, growing: Publisher, tmp_path: Path) -> None:
    lists = f"egress_prefix_lists: {{partners: {{url: '{growing.url}/list.txt'}}}}\n"
    entry = "egress_allow_partners: [{name: partners, to: ['prefix_list:partners'], services: [https]}]\n"
    repository.write("group_vars/app/partners.yml", f"egress_prefix_list_cache: {tmp_path}/cache\n{lists}{entry}")
    repository.commit("list")
    repository.edit("group_vars/app/partners.yml", "services: [https]", "services: [https, http]")
    code, output = repository.plan()
    assert code == 0, output
    assert "| everybody | 198.51.100.1 | tcp/80 |" in output
    assert len(growing.requests) == 1
    assert not re.search(r"198\.51\.100\.[2-9]", output)
    assert not (tmp_path / "cache").exists()
