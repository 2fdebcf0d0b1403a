# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labs for tests: a small net of namespaces, and the whole playbook on a copy of its inventory."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
LAB = ROOT / "playbooks" / "lab"
PLAYBOOK = ROOT / "playbooks" / "lab.yml"
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
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


def labnet(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the lab's network program as the playbook does."""
    return subprocess.run(
        [sys.executable, "-B", "-m", "labnet", *arguments],
        cwd=LAB,
        input=given,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )


def namespaces(keeper: int) -> list[str]:
    """The namespaces that a keeper's lab still has."""
    return sorted(entry.name for entry in NETNS.iterdir() if entry.name.startswith(f"tg-lab{keeper}-"))


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait for a condition; whether it came true in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


@dataclass
class Net:
    """A lab's net, and the process that it belongs to."""

    keeper: int
    names: dict[str, str]
    owner: subprocess.Popen[bytes]

    def run(self, host: str, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ip", "netns", "exec", self.names[host], *command],
            input=given,
            text=True,
            capture_output=True,
            timeout=60,
            check=True,
        )

    def probe(self, host: str, *probes: dict[str, Any], timeout: float = 1.0) -> list[tuple[str, str | None]]:
        """Outcome and errno of each probe, tried from a host by the module's own code."""
        code = (
            "import json, sys\n"
            "from ansible_collections.tidegate.nftables.plugins.module_utils.probe.model import Probe\n"
            "from ansible_collections.tidegate.nftables.plugins.module_utils.probe.run import probe_all\n"
            "probes, timeout = json.load(sys.stdin)\n"
            "results = probe_all([Probe(**probe) for probe in probes], timeout, 64)\n"
            "print(json.dumps([[result.outcome, result.errno] for result in results]))\n"
        )
        done = self.run(host, sys.executable, "-c", code, given=json.dumps([probes, timeout]))
        return [(outcome, number) for outcome, number in json.loads(done.stdout)]

    @property
    def alive(self) -> bool:
        """Whether the keeper runs; one that has ended may wait a while for init to notice."""
        try:
            return Path(f"/proc/{self.keeper}/cmdline").read_text() != ""
        except FileNotFoundError:
            return False


@pytest.fixture
def net() -> Iterator[Net]:
    # A job in the background ignores SIGINT, and so would all that it starts.
    owner = subprocess.Popen(["env", "--default-signal", "sleep", "300"])
    try:
        done = labnet("up", "--owner", str(owner.pid), given=json.dumps(SPEC))
        assert done.returncode == 0, done.stderr
        made = json.loads(done.stdout)
        yield Net(made["keeper"], made["namespaces"], owner)
    finally:
        owner.kill()
        owner.wait()
    assert eventually(lambda: not namespaces(made["keeper"]))


@dataclass
class Run:
    """What one run of the lab printed and returned."""

    code: int
    output: str

    def block(self, host: str) -> str:
        """The rows of a host in the first table, without its title."""
        title = re.compile(r"^(?=\w+ \(\w+\)$|$)", re.MULTILINE)
        begins = self.output.index("\n", self.output.index(f"\n{host} (") + 1)
        return self.output[begins + 1 :][: next(title.finditer(self.output[begins + 1 :])).start()]

    def row(self, host: str, service: str) -> dict[str, str]:
        """What the first table says a host reaches of a service: destination to word."""
        lines = self.output.splitlines()
        header = next(line for line in lines if line.split()[:2] == ["dns1", "ntp1"])
        columns = header.split()
        starts = [header.index(f" {name}") + 1 for name in columns] + [len(header) + 20]
        row = next(line for line in self.block(host).splitlines() if line.lstrip("> ").startswith(f"{service} "))
        return {name: row[starts[place] : starts[place + 1]].strip() for place, name in enumerate(columns)}


@dataclass
class Lab:
    """A copy of the lab's inventory and group_vars that a test edits as a user would."""

    path: Path

    def edit(self, name: str, old: str, new: str) -> None:
        target = self.path / name
        text = target.read_text()
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {name}"
        target.write_text(text.replace(old, new))

    def command(self, *options: str) -> list[str]:
        return [str(ANSIBLE), "-i", str(self.path / "inventory.yml"), str(PLAYBOOK), *options]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_LOCALHOST_WARNING": "0"}

    def run(self, *options: str) -> Run:
        done = subprocess.run(
            self.command(*options),
            cwd=self.path,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        return Run(done.returncode, done.stdout)

    def start(self) -> subprocess.Popen[bytes]:
        """Start a run in a session of its own, as a terminal does with a job."""
        return subprocess.Popen(
            self.command(),
            cwd=self.path,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    for name in ("inventory.yml", "group_vars"):
        source = LAB / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    return Lab(tmp_path)


def labs() -> dict[int, list[str]]:
    """Every lab that there is on this machine, by its keeper."""
    found: dict[int, list[str]] = {}
    for entry in NETNS.iterdir() if NETNS.is_dir() else ():
        keeper, dash, host = entry.name.removeprefix("tg-lab").partition("-")
        if entry.name.startswith("tg-lab") and dash and keeper.isdecimal():
            found.setdefault(int(keeper), []).append(host)
    return found


def end(process: subprocess.Popen[bytes]) -> None:
    """Whatever a test left of a run."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
