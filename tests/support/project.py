# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away Ansible project: inventory, group_vars and playbooks in a folder, run as a user runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from .paths import ANSIBLE_PLAYBOOK, COLLECTIONS
from .waiting import finish

LOCAL = MappingProxyType({"ansible_connection": "local", "ansible_python_interpreter": sys.executable})
"""Variables of a host whose modules run where Ansible runs."""


@dataclass
class Run:
    """The exit code of one ansible-playbook run, and what it printed, errors included."""

    code: int
    output: str

    def ok(self) -> Run:
        """Return the run, which must have ended well."""
        assert self.code == 0, self.output
        return self

    @property
    def module_runs(self) -> list[str]:
        """Names of the modules that were sent to a host, in order (needs ``-vvv``)."""
        return [Path(path).stem for path in re.findall(r"Using module file (\S+)", self.output)]

    def recap(self, host: str) -> dict[str, int]:
        """Return the counts of a host: ok, changed, unreachable, failed and so on."""
        row = re.search(rf"^{host}\s+:(.*)$", self.output, re.MULTILINE)
        assert row, self.output
        return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", row[1])}

    def changed(self, host: str = "app1") -> int:
        """Return how many tasks changed a host."""
        return self.recap(host)["changed"]


@dataclass
class Project:
    """A folder with everything that ansible-playbook reads.

    prefix: the words before each run, such as those that enter a namespace.
    inventory: what follows -i. environment: more of it for the runs.
    """

    path: Path
    prefix: tuple[str, ...] = ()
    inventory: str = "inventory.yml"
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, content: Any) -> Path:
        """Write a file, as YAML unless it is text; return its path."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
        target.write_text(text, encoding="utf-8")
        return target

    def read(self, name: str) -> str:
        """Return the text of a file."""
        return (self.path / name).read_text(encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that a file has once."""
        text = self.read(name)
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {name}:\n{text}"
        self.write(name, text.replace(old, new))

    def copy(self, *sources: Path) -> None:
        """Copy files and folders of the same name into the project."""
        for source in sources:
            target = self.path / source.name
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copy(source, target)

    def command(self, playbook: str, *options: str) -> list[str]:
        """Return the command of a run."""
        return [*self.prefix, str(ANSIBLE_PLAYBOOK), "-i", self.inventory, playbook, *options]

    def start(
        self, *options: str, playbook: str = "site.yml", env: Mapping[str, str] | None = None, **streams: Any
    ) -> subprocess.Popen[str]:
        """Start a run in a session of its own, as a terminal does with a job. streams: in place of one pipe."""
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            **self.environment,
            **(env or {}),
        }
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **streams}
        return subprocess.Popen(
            self.command(playbook, *options), cwd=self.path, env=environment, text=True,
            stdin=subprocess.DEVNULL, start_new_session=True, **output,
        )  # fmt: skip

    def play(self, *options: str, playbook: str = "site.yml", **variables: object) -> Run:
        """Run a playbook to its end. variables: extra variables of this run."""
        extra = ("-e", json.dumps(variables)) if variables else ()
        with self.start(*options, *extra, playbook=playbook) as process:
            output, _errors = finish(process)
        # ansible-core 2.17 and 2.18 print a message that failed a task as JSON.
        return Run(process.returncode, output.replace('\\"', '"'))


def run_tasks(
    folder: Path,
    tasks: list[dict[str, Any]],
    *options: str,
    host: str = "localhost",
    variables: Mapping[str, Any] = LOCAL,
    prefix: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    may_fail: bool = False,
    **play: Any,
) -> list[dict[str, Any]]:
    """Run tasks on a host without an inventory of its own; return the result of each task that ran.

    play: more keywords of the play. may_fail: a task that fails ends the play, and its result is the last.
    """
    project = Project(folder, prefix, f"{host},")
    project.write("play.yml", [{"hosts": host, "gather_facts": False, "vars": {**variables}, "tasks": tasks, **play}])
    json_output = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", **(env or {})}
    with project.start(*options, playbook="play.yml", env=json_output, stderr=subprocess.PIPE) as process:
        out, errors = finish(process)
    assert may_fail or process.returncode == 0, out + errors
    report = json.loads(out[out.index("{") :])
    return [task["hosts"][host] for task in report["plays"][0]["tasks"]]
