# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with services that try one destination all the time, and a table that opens it to some of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils import unit_names
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import UNITS_SET_KEY, units_set
from ansible_collections.tidegate.nftables.tests.support.machines import Machine, machine
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

RELEASES = ("bookworm", "trixie")
"""With systemd 252, whose units run a helper of ours, and 257, which fills sets itself."""

PEER, PORT = "10.10.3.4", 4317
_NETWORK = f"""
ip link set lo up
ip link add lan type veth peer name far
ip netns add peer
ip link set far netns peer
ip addr add 10.10.3.1/24 dev lan
ip link set lan up
ip -n peer addr add {PEER}/24 dev far
ip -n peer link set far up
"""
_LISTEN = f"""#!/usr/bin/python3
import socket
server = socket.create_server(("{PEER}", {PORT}))
while True:
    server.accept()[0].close()
"""
# Counts its attempts in a file that is whole at any time.
_TRY = f"""#!/usr/bin/python3
import os, socket, sys, time
counts = {{"reached": 0, "refused": 0}}
while True:
    with socket.socket() as client:
        outcome = "refused" if client.connect_ex(("{PEER}", {PORT})) else "reached"
    counts[outcome] += 1
    file = "/run/tries/" + sys.argv[1]
    with open(file + ".new", "w") as new:
        print(outcome, *counts.values(), file=new)
    os.rename(file + ".new", file)
    time.sleep(0.01)
"""


# One attempt of whoever runs it.
_ATTEMPT = f"""#!/usr/bin/python3
import socket
with socket.socket() as client:
    print("refused" if client.connect_ex(("{PEER}", {PORT})) else "reached")
"""


class Tries(NamedTuple):
    """What a service has tried. last: the outcome of its last attempt."""

    last: str
    reached: int
    refused: int


@dataclass(frozen=True)
class Site:
    """A machine whose services try to reach PEER."""

    machine: Machine

    def run(self, *words: str, check: bool = True) -> str:
        return self.machine.run(*words, check=check)

    def systemctl(self, *words: str) -> str:
        return self.run("systemctl", *words)

    def service(self, name: str, *settings: str, command: str = "") -> None:
        """Write a service. name: also that of its file of tries, for a template with its instance."""
        start = command or f"/usr/local/bin/try {name.replace('@', '@%i')}"
        self.machine.write(
            f"/etc/systemd/system/{name}.service",
            "\n".join(["[Unit]\nStartLimitIntervalSec=0", "[Service]", f"ExecStart={start}", *settings, ""]),
        )
        self.systemctl("daemon-reload")

    def tries(self, name: str) -> Tries:
        try:
            last, reached, refused = (self.machine.root / "run/tries" / name).read_text().split()
        except FileNotFoundError:
            return Tries("", 0, 0)
        return Tries(last, int(reached), int(refused))

    def wait(self, name: str, outcome: str) -> None:
        """Wait until an attempt that begins now has this outcome."""
        seen: set[Tries] = set()

        def happened() -> bool:
            seen.add(self.tries(name))
            # The second one may have begun before, the third one began after it.
            return len(seen) > 2 and self.tries(name).last == outcome

        wait_for(happened, f"{name}: {outcome}", progress=lambda: min(len(seen), 200), instead=lambda: self.tries(name))

    def ids(self, *units: str) -> list[str]:
        """The elements of a set as nft lists them: paths of cgroups, numbers of those that are gone."""
        text = self.run("nft", "list", "set", "inet", "tidegate", units_set(units), check=False)
        _set, after, elements = text.partition("elements = { ")
        return [each.strip().strip('"') for each in elements.partition("}")[0].split(",")] if after else []

    def apply(
        self, *lists: Sequence[str], confirm: bool = True, seconds: float = 60, check: bool = True, **more: Any
    ) -> dict[str, Any]:
        """Open PEER to these lists of units, each by an entry of its own."""
        arguments = {
            "phase": "apply",
            "tables": [table(*lists)],
            "units": {units_set(each): list(each) for each in lists},
        }
        tasks: list[dict[str, Any]] = [{**arguments, "who": "alice", "timeout": seconds, **more}]
        if confirm:
            tasks.append({"phase": "confirm", "token": "{{ (run0.guard or {}).token | default('none') }}"})
        results = self.machine.module(*tasks, may_fail=True)
        assert not check or not results[0].get("failed"), results[0]["msg"]
        return results[0]


def table(*lists: Sequence[str]) -> dict[str, Any]:
    """Return a table that opens PEER to units, as the compiler makes it."""
    flow, verdict = f"ip daddr {PEER} tcp dport {PORT}", 'counter accept comment "open"'
    matches = [
        f"{flow} socket cgroupv2 level {level} @{units_set(each)} {verdict}"
        for each in lists
        for level in sorted({level for unit in each for level in unit_names.levels(unit)})
    ]
    first = ['oifname "lo" accept', "ct state established,related accept"]
    chain: Mapping[str, Any] = {
        "name": "egress_output",
        "type": "filter",
        "hook": "output",
        "priority": "filter",
        "policy": "accept",
        "rules": [*first, *matches, "counter reject"],
    }
    sets = [{"name": units_set(each), "typeof": UNITS_SET_KEY} for each in lists]
    return {"family": "inet", "name": "tidegate", "sets": sets, "chains": [chain]}


def connect(site: Site) -> None:
    """Give the machine, which has just booted, its network and its services."""
    site.machine.run("sh", "-euc", _NETWORK)
    site.run("mkdir", "-p", "--mode", "1777", "/run/tries")
    site.systemctl("start", "listen")
    # An attempt before it listens would count as refused.
    listening = ("ip", "netns", "exec", "peer", "ss", "-Hltn", "sport", "=", f":{PORT}")
    wait_for(lambda: site.run(*listening), "the listener")


@pytest.fixture(scope="module", params=RELEASES)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A machine of one release."""
    with machine(request.param, tmp_path_factory.mktemp(request.param)) as started:
        made = Site(started)
        started.write("/usr/local/bin/listen", _LISTEN, 0o755)
        started.write("/usr/local/bin/try", _TRY, 0o755)
        started.write("/usr/local/bin/attempt", _ATTEMPT, 0o755)
        made.service("listen", command="/usr/sbin/ip netns exec peer /usr/local/bin/listen")
        for name in ("agent", "other", "restic@"):
            made.service(name)
        # Without a session of PAM, which the machine does not have.
        without_pam = "[Service]\nPAMName=\nEnvironment=XDG_RUNTIME_DIR=/run/user/1000\n"
        started.write("/etc/systemd/system/user@1000.service.d/session.conf", without_pam)
        made.run("useradd", "--create-home", "--uid", "1000", "ann")
        connect(made)
        yield made
