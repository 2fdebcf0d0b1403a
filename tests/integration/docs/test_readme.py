# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's first screen, taken from the README and run: what it shows is what a reader gets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

README = Path(__file__).parents[3] / "README.md"
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
INVENTORY = """
all:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    egress_root: "{{ inventory_dir }}/root"  # what a host of its own would have below /
  children:
    app: {hosts: {app1: {}}}
    database: {hosts: {db1: {egress_addresses: [10.10.5.1]}}}
    web: {}
    bastion: {}
    build: {}
"""

Command = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Command]:
    """Run a command in a namespace of its own, in a directory with the files that the README shows."""
    yaml_block = re.search(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
    assert yaml_block
    parts = re.split(r"^# (\S+\.yml)$", yaml_block[1], flags=re.MULTILINE)
    files = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert {"group_vars/all/egress.yml", "group_vars/app/egress.yml", "site.yml"} == set(files)
    for name, content in {**files, "inventory.yml": INVENTORY}.items():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    namespace = f"tg-readme-{uuid.uuid4().hex[:8]}"
    subprocess.run(["ip", "netns", "add", namespace], check=True)

    def command(*words: str) -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", namespace, *words],
            cwd=tmp_path,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    try:
        yield command
    finally:
        subprocess.run(["ip", "netns", "delete", namespace], check=True)


def without_counts(text: str) -> list[str]:
    return [re.sub(r"packets \d+ bytes \d+", "packets N", line).strip() for line in text.splitlines() if line.strip()]


def test_the_first_screen_runs_and_shows_what_it_says(run: Command) -> None:
    play = (str(PLAYBOOK), "-i", "inventory.yml", "site.yml", "--limit", "app1")
    assert "changed=1" in run(*play)
    assert "changed=0" in run(*play)
    shown = re.search(r"```\n# nft list chain (.*?)\n(.*?)```", README.read_text(), re.DOTALL)
    assert shown
    assert without_counts(run("nft", "list", "chain", *shown[1].split())) == without_counts(shown[2])


def test_the_mode_that_the_first_screen_names_next_is_enforce(run: Command) -> None:
    play = (str(PLAYBOOK), "-i", "inventory.yml", "site.yml", "--limit", "app1", "-e", "egress_mode=enforce")
    assert "policy drop" in run(*play, "--check", "--diff")
    run(*play)
    assert "changed=0" in run(*play)
    assert "policy drop" in run("nft", "list", "chain", "inet", "tidegate", "egress_output")
    assert "denied4" in run("nft", "list", "set", "inet", "tidegate", "denied4")
