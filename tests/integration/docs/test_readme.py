# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's first screen, taken from the README and run: what it shows is what a reader gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.support.namespaces import Namespace, named_namespace
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.project import Project

README = CHECKOUT / "README.md"
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


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with named_namespace("readme") as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, namespace: Namespace) -> Project:
    """A project with the files that the README shows; its host is the namespace."""
    yaml_block = re.search(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
    assert yaml_block
    parts = re.split(r"^# (\S+\.yml)$", yaml_block[1], flags=re.MULTILINE)
    files = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert {"group_vars/all/egress.yml", "group_vars/app/egress.yml", "site.yml"} == set(files)
    made = Project(tmp_path, namespace.enter)
    for name, content in {**files, "inventory.yml": INVENTORY}.items():
        made.write(name, content)
    return made


def without_counts(text: str) -> list[str]:
    return [re.sub(r"packets \d+ bytes \d+", "packets N", line).strip() for line in text.splitlines() if line.strip()]


def test_the_first_screen_runs_and_shows_what_it_says(project: Project, namespace: Namespace) -> None:
    play = ("--limit", "app1")
    assert project.play(*play).ok().changed() == 1
    assert project.play(*play).ok().changed() == 0
    shown = re.search(r"```\n# nft list chain (.*?)\n(.*?)```", README.read_text(), re.DOTALL)
    assert shown
    listing = namespace.run("nft", "list", "chain", *shown[1].split()).stdout
    assert without_counts(listing) == without_counts(shown[2])


def test_the_mode_that_the_first_screen_names_next_is_enforce(project: Project, namespace: Namespace) -> None:
    play = ("--limit", "app1", "-e", "egress_mode=enforce")
    assert "+mode enforce" in project.play(*play, "--check", "--diff").ok().output
    project.play(*play).ok()
    assert project.play(*play).ok().changed() == 0
    assert "policy drop" in namespace.run("nft", "list", "chain", "inet", "tidegate", "egress_output").stdout
    assert "denied4" in namespace.run("nft", "list", "set", "inet", "tidegate", "denied4").stdout
