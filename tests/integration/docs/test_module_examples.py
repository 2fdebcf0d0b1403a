# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in the modules' documentation, run from top to bottom: each changes once and never twice."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

MODULES = sorted(path.stem for path in (Path(__file__).parents[3] / "plugins" / "modules").glob("nft_*.py"))
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
LOOKERS = ["egress_adopt", "egress_evidence", "egress_preflight"]
"""Modules that only look at a host, with a policy or without one."""
POLICY = {"egress_tier": "app", "egress_internal_networks": ["10.0.0.0/8"], "egress_dns_servers": ["auto"]}
CHANGERS = [name for name in MODULES if not name.endswith("_info")]


def examples(module: str) -> list[dict[str, Any]]:
    loaded = importlib.import_module(f"ansible_collections.tidegate.nftables.plugins.modules.{module}")
    tasks = yaml.safe_load(loaded.EXAMPLES)
    assert tasks, f"{module} has no examples"
    return list(tasks)


@pytest.fixture
def namespace() -> Iterator[str]:
    name = f"tg-examples-{uuid.uuid4().hex[:8]}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def play(
    tasks: list[dict[str, Any]], where: Path, namespace: str, *options: str, variables: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Run tasks in the namespace; returns each task's result."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **(variables or {})}
    book = [{"hosts": "localhost", "gather_facts": False, "vars": local, "tasks": tasks}]
    (where / "play.yml").write_text(yaml.safe_dump(book, sort_keys=False))
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, str(PLAYBOOK), "-i", "localhost,", "play.yml", *options],
        cwd=where,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_NOCOLOR": "1"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout[done.stdout.index("{") :])
    return [task["hosts"]["localhost"] for task in report["plays"][0]["tasks"]]


@pytest.mark.parametrize("module", CHANGERS)
def test_each_example_changes_once_and_never_twice(module: str, tmp_path: Path, namespace: str) -> None:
    tasks = [task for task in examples(module) for _ in range(2)]
    results = play(tasks, tmp_path, namespace)
    firsts, seconds = results[::2], results[1::2]
    told = [task.get("name", "") for task in examples(module)]
    assert [name for name, result in zip(told, seconds, strict=True) if result["changed"]] == []
    assert any(result["changed"] for result in firsts)
    for task, result in zip(tasks, results, strict=True):
        if f"tidegate.nftables.{module}" in task:
            returns_what_is_documented(module, result)


ANSIBLES = {"action", "changed", "failed", "invocation", "warnings", "deprecations"}
"""Keys of every module's result."""


def returns_what_is_documented(module: str, result: dict[str, Any]) -> None:
    loaded = importlib.import_module(f"ansible_collections.tidegate.nftables.plugins.modules.{module}")
    documented = yaml.safe_load(loaded.RETURN)
    returned = {key for key in result if not key.startswith("_ansible") and key not in ANSIBLES}
    always = {key for key, about in documented.items() if about["returned"] == "success"}
    assert always <= returned <= set(documented), module


def test_the_page_about_the_modules_shows_what_runs(tmp_path: Path, namespace: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "modules.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (task,) = yaml.safe_load(block)
    assert [result["changed"] for result in play([task, task], tmp_path, namespace)] == [True, False]
    assert sorted(re.findall(r"^\| `(nft_\w+)`", page, re.MULTILINE)) == MODULES


@pytest.mark.parametrize("module", [name for name in MODULES if name.endswith("_info")])
def test_an_info_module_changes_nothing(module: str, tmp_path: Path, namespace: str) -> None:
    table = {"tidegate.nftables.nft_table": {"name": "tidegate"}}
    results = play([table, *examples(module)], tmp_path, namespace)
    assert [result["changed"] for result in results[1:]] == [False] * len(examples(module))
    for task, result in zip(examples(module), results[1:], strict=True):
        if f"tidegate.nftables.{module}" in task:
            returns_what_is_documented(module, result)


@pytest.mark.parametrize("module", LOOKERS)
def test_a_module_that_looks_changes_nothing_on_the_host(module: str, tmp_path: Path, namespace: str) -> None:
    tasks = examples(module)
    results = play([*tasks, *tasks], tmp_path, namespace, variables=POLICY)
    assert not any(result.get("changed") for result in results[len(tasks) :])
    listed = subprocess.run(
        ["ip", "netns", "exec", namespace, "nft", "list", "tables"], capture_output=True, text=True, check=True
    )
    assert listed.stdout == ""
