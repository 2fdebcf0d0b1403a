# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people wait for on the controller: plans of fleets, and policies that are hard to prove.

controller.py prints tables in Markdown. controller.py ENTRIES USERS: proves and plans a mesh, in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import process_time

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import passing
from ansible_collections.tidegate.nftables.tests.bench.costs import Cost, markdown, measured
from ansible_collections.tidegate.nftables.tests.support.meshes import mesh
from ansible_collections.tidegate.nftables.tests.support.paths import COLLECTIONS
from ansible_collections.tidegate.nftables.tests.support.project import Project
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.test_growth import ROWS, plan

LIMIT = 600.0
ENVIRONMENT = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_LOCALHOST_WARNING": "0"}
# What Ansible itself takes for one task that does nothing, on as many hosts.
NOTHING = [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": ""}}]}]
COMMON = {
    "egress_mode": "enforce",
    "egress_internal_networks": ["10.0.0.0/8"],
    "egress_dns_servers": ["10.0.0.53"],
    "egress_ntp_servers": ["10.0.0.123"],
}


def repository(folder: Path, hosts: int, policies: int, entries: int) -> Project:
    """Return a repository whose checkout differs from main in one entry of the first policy."""
    project = Project(folder)
    groups = {}
    for group in range(policies):
        of_group = range(group, hosts, policies)
        groups[f"g{group}"] = {"hosts": {f"h{n}": {"ansible_host": f"10.200.{n // 250}.{n % 250}"} for n in of_group}}
        allow = [
            {
                "name": f"e{group}-{number}",
                "to": [f"10.{group}.{number}.0/28", f"203.0.{group}.{number}"],
                "services": [f"tcp/{20000 + number}", "https"],
                "reason": "measured",
            }
            for number in range(entries)
        ]
        tier = ("app", "web", "build")[group % 3]
        project.write(f"group_vars/g{group}.yml", {"egress_tier": tier, f"egress_allow_g{group}": allow})
    project.write("group_vars/all.yml", COMMON)
    project.write("inventory.yml", {"all": {"children": groups}})
    project.write("nothing.yml", NOTHING)
    for command in ("init --quiet --initial-branch=main", "add --all", "commit --quiet --message=base"):
        who = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
        subprocess.run(["git", *who, *command.split()], cwd=folder, check=True)
    project.edit("group_vars/g0.yml", "tcp/20001\n", "tcp/20002\n")
    return project


def run(project: Project, playbook: str, *options: str) -> Cost:
    """Return what a run of ansible-playbook costs, all its processes together."""
    words = ["env", f"--chdir={project.path}", *project.command(playbook, *options)]
    return measured(words, LIMIT, ENVIRONMENT)


def plans() -> str:
    """Return a table: a plan of a fleet beside one task that does nothing on the same hosts."""
    rows = []
    for hosts, policies, entries in ((100, 5, 20), (500, 25, 200)):
        with tempfile.TemporaryDirectory() as folder:
            project = repository(Path(folder), hosts, policies, entries)
            nothing = run(project, "nothing.yml")
            ours = run(project, "tidegate.nftables.plan", "-e", "egress_plan_base=main")
        assert not ours.failed, "the plan failed"
        fleet = f"plan of {hosts} hosts, {policies} policies of {entries} entries, both commits"
        rows.append([fleet, _seconds(ours), _seconds(nothing), f"{ours.cpu / nothing.cpu:.1f}"])
    return markdown(["what", "s wall / processor", "one task that does nothing", "times"], rows)


def meshes() -> str:
    """Return a table: proving and planning a mesh with users beside one without."""
    rows = []
    start = measured([sys.executable, __file__, "0", "0"], LIMIT, ENVIRONMENT)
    for users in (10, 50, 200):
        with_users, without = (
            measured([sys.executable, __file__, "400", str(number)], LIMIT, ENVIRONMENT) for number in (users, 0)
        )
        ours, other = with_users.cpu - start.cpu, without.cpu - start.cpu
        memory = f"{with_users.megabytes - start.megabytes:.0f}"
        rows.append([f"400 entries, {users} users", f"{ours:.2f}", f"{other:.2f}", f"{ours / other:.1f}", memory])
    return markdown(["proven and planned", "s processor", "without users", "times", "MB"], rows)


def growth() -> str:
    """Return a table: milliseconds for an input, beside those for four times as much."""
    rows = []
    for name, (size, make, function) in ROWS.items():
        took = []
        for number in (size, 4 * size):
            tries = []
            for given in [make(number) for _try in range(3)]:
                begin = process_time()
                function(given)
                tries.append(process_time() - begin)
            took.append(min(tries))
        rows.append([name, str(size), *(f"{1000 * each:.1f}" for each in took), f"{took[1] / took[0]:.1f}"])
    return markdown(["what", "size", "ms", "ms for four times as much", "times"], rows)


def _seconds(cost: Cost) -> str:
    return f"{cost.wall:.1f} / {cost.cpu:.1f}"


def main() -> None:
    if len(sys.argv) > 1:
        base = mesh("mesh", int(sys.argv[1]), users=int(sys.argv[2]))
        passing(base)
        plan((base, replace(base, entries=base.entries[1:])))
        return
    print(plans(), meshes(), growth(), sep="\n")


if __name__ == "__main__":
    main()
