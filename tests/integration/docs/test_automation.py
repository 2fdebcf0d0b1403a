# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/automation.md: its commands on the example with the installed archive, as far as they run without a network."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.integration.docs import installed
from ansible_collections.tidegate.nftables.tests.support.namespaces import Namespace, named_namespace
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.waiting import run

SITE = CHECKOUT / "docs" / "examples" / "site"
PAGE = (CHECKOUT / "docs" / "automation.md").read_text(encoding="utf-8")


@dataclass
class Controller:
    """The repository at path, and a namespace that is the host app1."""

    path: Path
    environment: dict[str, str]
    namespace: Namespace

    def run(self, *words: str) -> str:
        """Run a command in the repository, where the host is; return what it printed."""
        done = run([*self.namespace.enter, *words], check=False, env=self.environment, cwd=self.path)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def has_table(self) -> bool:
        """Return whether the host has a policy."""
        return "tidegate" in self.namespace.run("nft", "list", "tables").stdout


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """One copy of the example for all tests."""
    folder = tmp_path_factory.mktemp("automation")
    path = folder / "site"
    run(["cp", "-r", str(SITE), str(path)])
    local = {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": sys.executable,
        "egress_root": str(folder / "root"),
    }
    (path / "inventory" / "local.yml").write_text(yaml.safe_dump({"app": {"hosts": {"app1": local}}}))
    git = ("git", "-c", "user.name=ops", "-c", "user.email=ops@example.com")
    for words in (["init", "--quiet", "--initial-branch=main"], ["add", "--all"], ["commit", "--quiet", "-m", "Begin"]):
        run([*git, *words], cwd=path)
    environment = {**installed.environment(folder, "awx"), "HOME": str(folder), "ANSIBLE_HOME": str(folder / "ansible")}
    with named_namespace("automation") as namespace:
        yield Controller(path, environment, namespace)


def shown(program: str, with_: str = "") -> list[str]:
    """Return the words of the one command of a program on the page that has this text."""
    lines = re.findall(rf"^{program} .*$", PAGE, re.MULTILINE)
    (line,) = [line for line in lines if with_ in line]
    return re.findall(r'"[^"]*"|\S+', line)


def test_the_collection_declares_what_an_execution_environment_needs(controller: Controller) -> None:
    printed = controller.run("ansible-builder", "introspect", controller.environment["ANSIBLE_COLLECTIONS_PATH"])
    declared = yaml.safe_load(printed.partition("---")[2])
    ours = {
        kind: {re.split(r"[<>= ]", text)[0] for text in texts if "from collection tidegate.nftables" in text}
        for kind, texts in declared.items()
    }
    assert ours == {"python": {"jmespath", "netaddr", "duckdb"}, "system": {"git"}}


def test_the_build_context_of_the_example_is_whole(controller: Controller) -> None:
    controller.run(*shown("ansible-builder", "create"))
    context = controller.path / "context"
    assert yaml.safe_load((context / "_build/requirements.yml").read_text()) == yaml.safe_load(
        (SITE / "requirements.yml").read_text()
    )
    text = (context / "Containerfile").read_text()
    assert "introspect.py introspect" in text
    assert "ansible-core>=2.19,<2.22 ansible-runner" in text


def test_navigator_shows_the_change_and_makes_none(controller: Controller) -> None:
    words = shown("ansible-navigator", "--check")
    printed = controller.run(*words, "--execution-environment", "false", "--limit", "app1")
    assert "+allow payments for www-data: to " in printed
    assert not controller.has_table()


def test_runner_takes_the_repository_as_its_project(controller: Controller, tmp_path: Path) -> None:
    words = [word.strip('"').replace("/var/lib/runner", str(tmp_path)) for word in shown("ansible-runner")]
    assert "+allow payments for www-data: to " in controller.run(*words, "--limit", "app1")
    assert not controller.has_table()
    assert list(tmp_path.glob("artifacts/*/job_events/*.json"))


def test_a_host_pulls_its_own_policy(controller: Controller, tmp_path: Path) -> None:
    changed = {"https://git.example.com/ops/site.git": f"file://{controller.path}", '"$(hostname)"': "app1"}
    words = [changed.get(word, word) for word in shown("ansible-pull")]
    # On the host app1 nothing is there yet, not even the inventory.
    on_host = ("unshare", "--uts", "sh", "-c", 'hostname app1 && cd "$0" && exec "$@"', str(tmp_path))
    pulled = controller.run(*on_host, *words, "--directory", str(tmp_path / "pulled"))
    assert re.search(r"^app1 .*changed=1", pulled, re.MULTILINE), pulled
    assert controller.has_table()


VARIABLES: dict[str, Any] = yaml.safe_load((SITE / "awx.yml").read_text())[0]["vars"]


def test_awx_gets_arguments_that_its_collection_knows(controller: Controller) -> None:
    controller.run("ansible-playbook", "awx.yml", "--syntax-check")
    tasks = yaml.safe_load((SITE / "awx.yml").read_text())[0]["tasks"]
    modules = {key: set(task[key]) for task in tasks for key in task if key.startswith("awx.awx.")}
    assert len(modules) == len(tasks)
    documented = json.loads(controller.run("ansible-doc", "--json", *modules))
    for module, arguments in modules.items():
        assert arguments <= set(documented[module]["doc"]["options"]), module


@pytest.mark.parametrize("template", VARIABLES["templates"], ids=lambda template: template["name"])
def test_a_survey_asks_what_the_playbook_needs(template: dict[str, Any]) -> None:
    assert (SITE / template["playbook"]).exists()
    questions = [VARIABLES["observed"] if isinstance(each, str) else each for each in template.get("survey", [])]
    asked = {question["variable"]: question for question in questions}
    if template["playbook"] == "site.yml":
        assert not asked
        return
    text = (CHECKOUT / template["playbook"]).read_text()
    parameters = dict(re.findall(r"^# -e (\w+)=\S+ +(.*)$", text, re.MULTILINE))
    assert set(asked) <= set(parameters)
    required = {name for name, about in parameters.items() if about.endswith("; required")}
    assert required <= {name for name, question in asked.items() if question["required"]}
