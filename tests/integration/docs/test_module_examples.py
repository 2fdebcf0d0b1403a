# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in the modules' documentation, run from top to bottom: each changes once and never twice."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.support.namespaces import Namespace, named_namespace
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.project import LOCAL, run_tasks

MODULES = sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("nft_*.py"))
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
def namespace() -> Iterator[Namespace]:
    with named_namespace("examples") as made:
        yield made


@pytest.mark.parametrize("module", CHANGERS)
def test_each_example_changes_once_and_never_twice(module: str, tmp_path: Path, namespace: Namespace) -> None:
    tasks = [task for task in examples(module) for _time in range(2)]
    results = run_tasks(tmp_path, tasks, prefix=namespace.enter)
    firsts, seconds = results[::2], results[1::2]
    names = [task.get("name", "") for task in examples(module)]
    assert [name for name, result in zip(names, seconds, strict=True) if result["changed"]] == []
    assert any(result["changed"] for result in firsts)
    for task, result in zip(tasks, results, strict=True):
        if f"tidegate.nftables.{module}" in task:
            returns_what_is_documented(module, result)


KEYS_OF_ANSIBLE = {"action", "changed", "failed", "invocation", "warnings", "deprecations"}
"""Keys of every module's result."""


def returns_what_is_documented(module: str, result: dict[str, Any]) -> None:
    loaded = importlib.import_module(f"ansible_collections.tidegate.nftables.plugins.modules.{module}")
    documented = yaml.safe_load(loaded.RETURN)
    returned = {key for key in result if not key.startswith("_ansible") and key not in KEYS_OF_ANSIBLE}
    always = {key for key, about in documented.items() if about["returned"] == "success"}
    assert always <= returned <= set(documented), module


def test_the_page_about_the_modules_shows_what_runs(tmp_path: Path, namespace: Namespace) -> None:
    page = (CHECKOUT / "docs" / "modules.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (task,) = yaml.safe_load(block)
    # Applied as it stands, it must not end the connection of who applies it.
    ((chain,),) = [table["chains"] for table in task["tidegate.nftables.nft_ruleset"]["tables"]]
    assert "tcp dport ssh accept" in chain["rules"]
    assert [result["changed"] for result in run_tasks(tmp_path, [task, task], prefix=namespace.enter)] == [True, False]
    assert sorted(re.findall(r"^\| `(nft_\w+)`", page, re.MULTILINE)) == MODULES


@pytest.mark.parametrize("module", [name for name in MODULES if name.endswith("_info")])
def test_an_info_module_changes_nothing(module: str, tmp_path: Path, namespace: Namespace) -> None:
    table = {"tidegate.nftables.nft_table": {"name": "tidegate"}}
    results = run_tasks(tmp_path, [table, *examples(module)], prefix=namespace.enter)
    assert [result["changed"] for result in results[1:]] == [False] * len(examples(module))
    for task, result in zip(examples(module), results[1:], strict=True):
        if f"tidegate.nftables.{module}" in task:
            returns_what_is_documented(module, result)


@pytest.mark.parametrize("module", LOOKERS)
def test_a_module_that_looks_changes_nothing_on_the_host(module: str, tmp_path: Path, namespace: Namespace) -> None:
    tasks = examples(module)
    results = run_tasks(tmp_path, [*tasks, *tasks], prefix=namespace.enter, variables={**LOCAL, **POLICY})
    assert not any(result.get("changed") for result in results[len(tasks) :])
    assert namespace.run("nft", "list", "tables").stdout == ""
