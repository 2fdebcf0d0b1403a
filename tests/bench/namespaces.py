# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role beside Ansible's own ping, on hosts that are network namespaces of this machine (as root).

namespaces.py HOSTS ROUNDS prints a table in Markdown: median seconds and how many times those of ping.
"""

from __future__ import annotations

import json
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
PING, RIGHT = "ping", "the unchanged role"
FOREIGN = "the same after commits of another program"
CHANGE = "a change of one destination, confirmed"
TO_REACH = {PING: "", RIGHT: "0.7", FOREIGN: "0.7", CHANGE: "2.5"}


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
    """Return a table of the role beside ping, in turn: on hosts that are right, also after others committed there."""
    environment = {**ENVIRONMENT, "ANSIBLE_PIPELINING": "1", "ANSIBLE_FORKS": str(FORKS)}
    with namespaces(hosts) as names, tempfile.TemporaryDirectory() as folder:
        made = project(Path(folder), names)

        def run(playbook: str, *options: str) -> Cost:
            cost = measured(["env", f"--chdir={folder}", *made.command(playbook, *options)], LIMIT, environment)
            assert not cost.failed, f"{playbook} failed"
            return cost

        def commit() -> None:
            for name in names:
                subprocess.run(["ip", "netns", "exec", name, "nft", "add", "table", "inet", "foreign"], check=True)

        def change(number: int) -> Cost:
            return run("role.yml", "-e", json.dumps({"egress_dns_servers": ["10.0.0.53", f"10.0.1.{number + 1}"]}))

        run("role.yml")
        right = made.play("-vvv", playbook="role.yml")
        assert right.recap("h0")["changed"] == 0, "the role changed a host that is right"
        assert set(right.module_runs) == {"egress_apply"}, "a host that is right was asked more than a question"
        costs: dict[str, list[Cost]] = {PING: [], RIGHT: [], FOREIGN: [], CHANGE: []}
        for number in range(rounds):
            costs[PING].append(run("ping.yml"))
            costs[RIGHT].append(run("role.yml"))
            commit()
            costs[FOREIGN].append(run("role.yml"))
            costs[CHANGE].append(change(number))
            run("role.yml")
    rows = [
        [
            f"{what}, {hosts} hosts",
            f"{median(cost.wall for cost in those):.1f}",
            f"{median(cost.cpu for cost in those):.1f}",
            f"{median(cost.wall / ping.wall for cost, ping in zip(those, costs[PING], strict=True)):.2f}",
            f"{median(cost.cpu / ping.cpu for cost, ping in zip(those, costs[PING], strict=True)):.2f}",
            TO_REACH[what],
        ]
        for what, those in costs.items()
    ]
    head = ["what", "s wall", "s processor", "times ping, wall", "times ping, processor", "to reach"]
    return markdown(head, rows)


if __name__ == "__main__":
    print(beside(int(sys.argv[1]), int(sys.argv[2])))
