# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tidegate.nftables.plan on a repository with the lab's inventory, whose hosts do not exist."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).resolve().parents[3]
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
COLLECTIONS = Path(sys.executable).parents[1] / "collections"
GOLDEN = Path(__file__).with_name("plan.md")
PARTNER = "services: [https], reason: stock levels"
# What somebody writes whose group_vars stand beside the playbooks.
OWN = """
- hosts: all
  gather_facts: false
  tasks:
    - tidegate.nftables.egress_policy:
      register: policies
    - tidegate.nftables.egress_plan: {policies: policies, base: "{{ egress_plan_base }}"}
      run_once: true
"""


@dataclass
class Repository:
    """A user's repository; everything but what a test writes is committed as main."""

    path: Path

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        done = subprocess.run(["git", *who, *arguments], cwd=self.path, check=True, capture_output=True, text=True)
        return done.stdout

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.path / name
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def plan(self, *options: str, base: str = "main", playbook: str = "tidegate.nftables.plan") -> tuple[int, str]:
        done = subprocess.run(
            [str(ANSIBLE), "-i", "inventory.yml", playbook, "-e", f"egress_plan_base={base}", *options],
            cwd=self.path,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    path = tmp_path / "repository"
    path.mkdir()
    for name in ("inventory.yml", "group_vars"):
        source = ROOT / "playbooks" / "lab" / name
        shutil.copytree(source, path / name) if source.is_dir() else shutil.copy(source, path / name)
    found = Repository(path)
    found.git("init", "--quiet", "--initial-branch=main")
    found.git("add", "--all")
    found.git("commit", "--quiet", "--message=base")
    return found


def test_an_edited_entry_is_a_readable_change_and_touches_nothing(repository: Repository) -> None:
    repository.edit(
        "group_vars/app/egress.yml", "services: [https]\n    users", "services: [https, tcp/8443]\n    users"
    )
    repository.edit("group_vars/all/egress.yml", "services: [https]\n", "services: [http, https]\n")
    repository.edit("group_vars/build/egress.yml", "to: [internet], services: [ssh]", "to: [internet], services: [git]")
    code, output = repository.plan("-vvv", "-e", "egress_plan_directory=out", "-e", "egress_plan_fail_on=errors")
    assert code == 0, output
    written = (repository.path / "out" / "plan.md").read_text(encoding="utf-8")
    assert written == GOLDEN.read_text(encoding="utf-8")
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
    assert "What hosts can reach changes, see above." in output
    repository.edit("group_vars/build/egress.yml", "services: [ssh], reason", "services: [git], reason")
    code, output = repository.plan()
    assert code == 2
    assert "A test is not true of what is proposed" in output
    # A policy that cannot be read.
    repository.edit("group_vars/app/egress.yml", PARTNER, PARTNER.replace("https", "https, ssh"))
    code, output = repository.plan("-e", "egress_plan_fail_on=errors", "-e", "egress_plan_directory=out")
    assert code == 2
    found = json.loads((repository.path / "out" / "plan.json").read_text(encoding="utf-8"))
    assert found["outcome"] == "errors"
    (error,) = (one for one in found["remarks"] if one["kind"] == "error")
    assert error["origin"] == "group_vars/app/egress.yml:15:5"
    code, output = repository.plan(base="nowhere")
    assert code == 2
    assert 'git knows no commit "nowhere"' in output


def test_variables_beside_a_playbook_of_ones_own_count_on_both_sides(repository: Repository) -> None:
    (repository.path / "plays" / "group_vars").mkdir(parents=True)
    (repository.path / "plays" / "plan.yml").write_text(OWN, encoding="utf-8")
    beside = repository.path / "plays" / "group_vars" / "web.yml"
    beside.write_text("egress_allow_more: [{name: more, to: [10.10.9.0/25], services: [ssh]}]\n", encoding="utf-8")
    repository.edit(
        "group_vars/web/egress.yml", "- {name: no-ssh, not_reach: any,", "- {name: no-ssh, not_reach: internet,"
    )
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message=beside")
    beside.write_text(beside.read_text(encoding="utf-8").replace("/25", "/24"), encoding="utf-8")
    code, output = repository.plan(playbook="plays/plan.yml")
    assert code == 0, output
    assert "| everybody | 10.10.9.128/25 | tcp/22 |" in output
    assert "plays/group_vars/web.yml:1" in output


def test_a_question_is_answered_with_file_and_line(repository: Repository) -> None:
    asked = ["from=app1", "to=payments1", "service=https", "user=www-data"]
    options = [text for one in asked for text in ("-e", f"egress_explain_{one}")]
    code, output = repository.plan(*options, playbook="tidegate.nftables.explain")
    assert code == 0, output
    assert "yes: app1 as www-data to 203.0.113.10, 2001:db8:113::10 with tcp/443" in output
    assert "by the entry payments, egress_allow_app[payments] (group_vars/app/egress.yml:7:5)" in output


class Growing(BaseHTTPRequestHandler):
    """A list that is another one each time that somebody asks."""

    asked = 0

    def do_GET(self) -> None:  # the name that the standard library calls
        type(self).asked += 1
        body = f"198.51.100.{type(self).asked}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the test's output free of it."""


@pytest.fixture
def growing() -> Iterator[str]:
    Growing.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Growing)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/list.txt"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_fetched_list_is_the_same_on_both_sides(repository: Repository, growing: str, tmp_path: Path) -> None:
    lists = f"egress_prefix_lists: {{partners: {{url: '{growing}'}}}}\n"
    extra = repository.path / "group_vars" / "app" / "partners.yml"
    entry = "egress_allow_partners: [{name: partners, to: ['prefix_list:partners'], services: [https]}]\n"
    extra.write_text(f"egress_prefix_list_cache: {tmp_path}/cache\n{lists}{entry}", encoding="utf-8")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message=list")
    repository.edit("group_vars/app/partners.yml", "services: [https]", "services: [https, http]")
    code, output = repository.plan()
    assert code == 0, output
    assert "| everybody | 198.51.100.1 | tcp/80 |" in output
    assert Growing.asked == 1
    assert not re.search(r"198\.51\.100\.[2-9]", output)
    assert not (tmp_path / "cache").exists()
