# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unchanged role beside Ansible's own ping, on hosts that are network namespaces of this machine (as root).

namespaces.py HOSTS ROUNDS prints a table in Markdown: median seconds and how many times those of ping.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from ansible_collections.tidegate.nftables.tests.bench.controller import COMMON, ENVIRONMENT, LIMIT
from ansible_collections.tidegate.nftables.tests.bench.costs import Cost, markdown, measured
from ansible_collections.tidegate.nftables.tests.support.project import Project

TIERS = ("web", "app", "database", "bastion", "build")
FORKS = 10


def play(task: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"hosts": "all", "gather_facts": False, "tasks": [task]}]


@contextmanager
def namespaces(number: int) -> Iterator[list[str]]:
    """Yield the names of so many new network namespaces, which are gone afterwards."""
    names = [f"tg-bench-{os.getpid()}-{host}" for host in range(number)]
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, stderr=subprocess.DEVNULL)


def project(folder: Path, names: list[str]) -> Project:
    """Return a project with a host in each namespace, whose files are in a folder of its own."""
    hosts = {
        f"h{number}": {
            "ansible_netns": name,
            "ansible_host": f"10.1.{number // 250}.{number % 250}",
            "egress_root": str(folder / name),
            "egress_tier": TIERS[number % len(TIERS)],
        }
        for number, name in enumerate(names)
    }
    for name in names:
        (folder / name).mkdir()
    here = {"ansible_connection": "tidegate.nftables.netns", "ansible_python_interpreter": sys.executable}
    made = Project(folder)
    made.write("inventory.yml", {"all": {"hosts": hosts, "vars": {**COMMON, **here, "egress_mode": "observe"}}})
    made.write("role.yml", play({"ansible.builtin.import_role": {"name": "tidegate.nftables.egress"}}))
    made.write("ping.yml", play({"ansible.builtin.ping": {}}))
    return made


def beside(hosts: int, rounds: int) -> str:
    """Return a table of the role on hosts that are as they should be, beside ping, in turn."""
    environment = {**ENVIRONMENT, "ANSIBLE_PIPELINING": "1", "ANSIBLE_FORKS": str(FORKS)}
    with namespaces(hosts) as names, tempfile.TemporaryDirectory() as folder:
        made = project(Path(folder), names)

        def run(playbook: str) -> Cost:
            cost = measured(["env", f"--chdir={folder}", *made.command(playbook)], LIMIT, environment)
            assert not cost.failed, f"{playbook} failed"
            return cost

        run("role.yml")
        assert made.play(playbook="role.yml").recap("h0")["changed"] == 0, "the role changed a host that is right"
        pairs = [(run("ping.yml"), run("role.yml")) for _round in range(rounds)]
    ping = [pair[0] for pair in pairs]
    rows = []
    for what, costs in (("ping", ping), ("the unchanged role", [pair[1] for pair in pairs])):
        both = list(zip(costs, ping, strict=True))
        rows.append(
            [
                f"{what}, {hosts} hosts",
                f"{median(cost.wall for cost in costs):.1f}",
                f"{median(cost.cpu for cost in costs):.1f}",
                f"{median(cost.wall / other.wall for cost, other in both):.2f}",
                f"{median(cost.cpu / other.cpu for cost, other in both):.2f}",
            ]
        )
    return markdown(["what", "s wall", "s processor", "times ping, wall", "times ping, processor"], rows)


if __name__ == "__main__":
    print(beside(int(sys.argv[1]), int(sys.argv[2])))
