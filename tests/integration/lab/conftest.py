# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labs for tests: a small net of namespaces, and the whole playbook on a copy of its inventory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT, LAB
from ansible_collections.tidegate.nftables.tests.support.project import Project, Run
from ansible_collections.tidegate.nftables.tests.support.waiting import is_running, run, wait_for

PLAYBOOK = CHECKOUT / "playbooks" / "lab.yml"
NETNS = Path("/run/netns")

SPEC: dict[str, Any] = {
    "networks": {
        "inside": ["10.10.0.1/16", "fd12:3456:789a::1/64"],
        "outside": ["203.0.113.1/24", "2001:db8:113::1/64"],
    },
    "hosts": {
        "web1": ["10.10.1.10", "fd12:3456:789a::1:10"],
        "dns1": ["10.10.0.10", "fd12:3456:789a::10"],
        "api1": ["203.0.113.10", "2001:db8:113::10"],
    },
    "ports": [53, 123, 443],
}


def labnet(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run the lab's network program as the playbook does. text: its standard input."""
    return run([sys.executable, "-B", "-m", "labnet", *arguments], cwd=LAB, text=text, check=False)


def namespaces(keeper: int) -> list[str]:
    """The namespaces that a keeper's lab still has."""
    return sorted(entry.name for entry in NETNS.iterdir() if entry.name.startswith(f"tg-lab{keeper}-"))


@dataclass
class Net:
    """A lab's net, and the process that it belongs to."""

    keeper: int
    names: dict[str, str]
    owner: subprocess.Popen[bytes]

    def run(self, host: str, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command on a host. text: its standard input."""
        return run(["ip", "netns", "exec", self.names[host], *command], text=text)

    def probe(self, host: str, *probes: dict[str, Any], timeout: float = 60.0) -> list[tuple[str, str | None]]:
        """Return outcome and errno of each probe, tried from a host by the module's own code. timeout: seconds."""
        code = (
            "import json, sys\n"
            "from ansible_collections.tidegate.nftables.plugins.module_utils.probe.model import Probe\n"
            "from ansible_collections.tidegate.nftables.plugins.module_utils.probe.run import probe_all\n"
            "probes, timeout = json.load(sys.stdin)\n"
            "results = probe_all([Probe(**probe) for probe in probes], timeout, 64)\n"
            "print(json.dumps([[result.outcome, result.errno] for result in results]))\n"
        )
        done = self.run(host, sys.executable, "-c", code, text=json.dumps([probes, timeout]))
        return [(*result,) for result in json.loads(done.stdout)]

    @property
    def alive(self) -> bool:
        """Return whether the keeper runs."""
        return is_running(self.keeper)


@pytest.fixture
def net() -> Iterator[Net]:
    owner = subprocess.Popen(["sleep", "infinity"])
    try:
        done = labnet("up", "--owner", str(owner.pid), text=json.dumps(SPEC))
        assert done.returncode == 0, done.stderr
        up = json.loads(done.stdout)
        yield Net(up["keeper"], up["namespaces"], owner)
    finally:
        owner.kill()
        owner.wait()
    wait_for(lambda: not namespaces(up["keeper"]), "the end of the lab's namespaces")


class LabRun(Run):
    """What one run of the lab printed, with the tables in it."""

    def block(self, host: str) -> str:
        """Return the rows of a host in the first table, without its title."""
        title = re.compile(r"^(?=\w+ \(\w+\)$|$)", re.MULTILINE)
        begins = self.output.index("\n", self.output.index(f"\n{host} (") + 1)
        return self.output[begins + 1 :][: next(title.finditer(self.output[begins + 1 :])).start()]

    def row(self, host: str, service: str) -> dict[str, str]:
        """Return what the first table shows that a host reaches of a service: destination to cell."""
        lines = self.output.splitlines()
        header = next(line for line in lines if line.split()[:2] == ["dns1", "ntp1"])
        columns = header.split()
        starts = [header.index(f" {name}") + 1 for name in columns] + [len(header) + 20]
        row = next(line for line in self.block(host).splitlines() if line.lstrip("> ").startswith(f"{service} "))
        return {name: row[starts[place] : starts[place + 1]].strip() for place, name in enumerate(columns)}


class Lab(Project):
    """A copy of the lab's inventory and group_vars that a test edits as a user would."""

    def run(self, *options: str) -> LabRun:
        """Run the lab's playbook to its end."""
        run = self.play(*options, playbook=str(PLAYBOOK))
        return LabRun(run.code, run.output)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    # The unbound of Debian 12, unpacked: none is installed for the tests.
    unbound = CHECKOUT / "build" / "unbound" / "1.17.1"
    lab = Lab(tmp_path, environment={"PATH": f"{unbound}:{os.environ['PATH']}"})
    lab.copy(LAB / "inventory.yml", LAB / "group_vars")
    return lab


MARK = f"TIDEGATE_TESTS={os.getpid()}"
"""In the environment of every process that these tests start: others have labs at the same time."""


@pytest.fixture(autouse=True)
def _mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*MARK.split("="))


def labs() -> dict[int, list[str]]:
    """Return the hosts of every lab that these tests began, and of labs whose keeper has ended, by the keeper."""
    hosts: dict[int, list[str]] = {}
    for entry in NETNS.iterdir() if NETNS.is_dir() else ():
        keeper, dash, host = entry.name.removeprefix("tg-lab").partition("-")
        if entry.name.startswith("tg-lab") and dash and keeper.isdecimal() and not _is_of_others(int(keeper)):
            hosts.setdefault(int(keeper), []).append(host)
    return hosts


def _is_of_others(keeper: int) -> bool:
    try:
        environment = Path(f"/proc/{keeper}/environ").read_bytes()
    except OSError:
        return False
    # That of a process which is about to end is empty.
    return bool(environment) and MARK.encode() not in environment.split(b"\0")
