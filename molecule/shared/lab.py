# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab of the scenarios' tests: its machines, and how to send packets from one of them.

Read from the inventory that Ansible uses. A flow is tried over IPv4 and IPv6 and has one name for each of them:
``mirror`` becomes ``mirror/4`` and ``mirror/6``.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from testinfra.backend import BACKENDS
from testinfra.backend.base import CommandResult
from testinfra.backend.podman import PodmanBackend

from ansible_collections.tidegate.nftables.tests.support.containers import inside

SHARED = Path(__file__).resolve().parent
CHECKOUT = SHARED.parents[1]
TIERS = ("web", "app", "database", "bastion")
NFT_VERSION = {"bullseye": "0.9.8", "bookworm": "1.0.6", "trixie": "1.1.3"}


@dataclass(frozen=True)
class Machine:
    """A host of the inventory. tier: its group; addresses: IPv4 and IPv6."""

    name: str
    tier: str
    release: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt: "open", "refused" or "silent", after so many milliseconds."""

    result: str
    milliseconds: int


def _inventory(path: str) -> Any:
    return yaml.safe_load((SHARED / "inventory" / path).read_text(encoding="utf-8"))


def _machines() -> dict[str, Machine]:
    children = _inventory("hosts.yml")["all"]["children"]
    groups = {**children["containers"]["children"], "elsewhere": children["elsewhere"]}
    return {
        name: Machine(name, tier, variables.get("release", ""), tuple(variables["egress_addresses"]))
        for tier, group in groups.items()
        for name, variables in group["hosts"].items()
    }


MACHINES = _machines()
_FLOWS = _inventory("group_vars/containers/flows.yml")["lab_flows"]
FLOWS: dict[str, str] = {
    f"{name}/{6 if ':' in address else 4}": f"{flow['service']}@{address}"
    for name, flow in _FLOWS.items()
    for address in MACHINES[flow["to"]].addresses
}
TCP = frozenset(name for name, attempt in FLOWS.items() if attempt.startswith("tcp/"))


def both(*flows: str) -> frozenset[str]:
    """Return the names of flows over IPv4 and IPv6. Raise KeyError for an unknown name."""
    unknown = [flow for flow in flows if flow not in _FLOWS]
    if unknown:
        message = f"no such flow: {', '.join(unknown)}"
        raise KeyError(message)
    return frozenset(f"{flow}/{version}" for flow in flows for version in (4, 6))


def to_itself(machine: Machine) -> frozenset[str]:
    """Return the flows to the machine itself: they take the loopback interface, which no policy closes."""
    return both(*(name for name, flow in _FLOWS.items() if flow["to"] == machine.name))


class Backend(PodmanBackend):  # type: ignore[misc]  # testinfra's is of no type here
    """Runs what podman's does by the container's namespaces, see `inside`."""

    def run(self, command: str, *args: str, **_kwargs: Any) -> CommandResult:
        """Run a command in the container."""
        line = self.get_command(command, *args)
        result = self.run_local(shlex.join([*inside(self.name), "/bin/sh", "-c", line]))
        result.command = self.encode(line)
        return result


BACKENDS["inside"] = f"{Backend.__module__}.{Backend.__name__}"


def targets(*groups: str) -> list[str]:
    """Return the machines of the groups as pytest-testinfra's testinfra_hosts."""
    lab = "tidegate-" + hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8]
    return [f"inside://{lab}-{machine.name}" for machine in MACHINES.values() if machine.tier in groups]


def machine_of(host: Any) -> Machine:
    """Return the machine of a host of testinfra."""
    return MACHINES[host.backend.name.rsplit("-", 1)[1]]


def attempt(host: Any, user: str, flows: dict[str, str]) -> dict[str, Outcome]:
    """Send the packets of flows from the host as the user, all at once."""
    command = " ".join(["runuser", "-u", user, "--", "python3", "/opt/lab/reach.py", *flows.values()])
    outcomes = json.loads(host.check_output(command))
    return {name: Outcome(*outcomes[attempted]) for name, attempted in flows.items()}


def reached(outcomes: dict[str, Outcome]) -> set[str]:
    """Return the names of the flows that were answered."""
    return {name for name, outcome in outcomes.items() if outcome.result == "open"}


def counter(host: Any, name: str) -> int:
    """Return the packets of a named counter of the collection's table."""
    listing = json.loads(host.check_output(f"nft -j list counter inet tidegate {name}"))
    (packets,) = (item["counter"]["packets"] for item in listing["nftables"] if "counter" in item)
    return int(packets)


def ledger(host: Any, name: str) -> set[tuple[str, str, int, int]]:
    """Return the lines of a ledger set: address, protocol, port, uid."""
    listing = json.loads(host.check_output(f"nft -j list set inet tidegate {name}"))
    (elements,) = (item["set"]["elem"] for item in listing["nftables"] if "set" in item)
    return {tuple(element["elem"]["val"]["concat"]) for element in elements}


def standing(host: Any) -> str:
    """Return the collection's table in a form that can be compared, "" for none."""
    return str(host.check_output("python3 /opt/lab/standing.py")).strip()


def status(host: Any) -> dict[str, Any]:
    """Return the state of the host's policy."""
    state: dict[str, Any] = json.loads(host.run("tidegate status --json").stdout)
    return state


def events(host: Any) -> list[str]:
    """Return the events of the host's policy, oldest first."""
    journal = host.check_output("cat /var/lib/tidegate/journal.jsonl")
    return [json.loads(line)["event"] for line in journal.splitlines()]


def ssh(address: str) -> None:
    """Log in from the controller over a new connection and become root; an error when that is not possible."""
    folder = CHECKOUT / "build/molecule-ssh"
    options = ["-F", str(folder / "config"), "-o", "ControlPath=none", "-o", "ConnectTimeout=60"]
    enter = ["nsenter", f"--target={(folder / 'world').read_text().strip()}", "--net", "--"]
    subprocess.run([*enter, "ssh", *options, address, "sudo", "true"], check=True, stdin=subprocess.DEVNULL)


def files_like(host: Any, pattern: str) -> list[str]:
    """Return every file or directory of the host whose name matches the pattern."""
    everywhere = "find / -ignore_readdir_race -path /proc -prune -o -path /sys -prune -o"
    return str(host.check_output(f"{everywhere} -name '{pattern}' -print")).splitlines()
