# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reader's repository and servers: a folder under git, the installed archive, and a lab of namespaces that answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.tidegate.nftables.tests.integration.docs import installed
from ansible_collections.tidegate.nftables.tests.support.paths import LAB
from ansible_collections.tidegate.nftables.tests.support.waiting import run, wait_for

NETWORK: dict[str, Any] = {
    "networks": {
        "inside": ["10.10.0.1/16", "fd12:3456:789a::1/64"],
        "outside": ["203.0.113.1/24", "198.51.100.1/24"],
    },
    "hosts": {
        "app1": ["10.10.2.10", "fd12:3456:789a::2:10"],
        "db1": ["10.10.3.10", "fd12:3456:789a::3:10"],
        "dns1": ["10.10.0.10"],
        "mirror1": ["10.10.0.30"],
        "payments1": ["203.0.113.10"],
    },
    "ports": [53, 443, 5432],
}
GROUPS = {"app": "app1", "database": "db1"}
APPLY = "ansible-playbook site.yml --limit app1"


@dataclass
class Site:
    """path: the repository. environment: of every command. names: the namespace of each host.

    is_applied: whether the host has what group_vars say. watcher: the process on the host, once it is installed.
    """

    path: Path
    environment: dict[str, str]
    names: dict[str, str]
    is_applied: bool = True
    watcher: subprocess.Popen[bytes] | None = None

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of a page where it belongs: on the controller in the repository, or on the host app1."""
        if command.split(maxsplit=1)[0] not in ("tidegate", "nft"):
            return run(["bash", "-euc", command], check=False, cwd=self.path, env=self.environment)
        self.apply()
        return self.on_host(command)

    def on_host(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the host, with the search path of an operator there."""
        name = self.names["app1"]
        path = f"/run/tidegate-netns/{name}/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        enter = ["ip", "netns", "exec", name, "bash", "-euc", command]
        self._watch()
        return run(enter, check=False, cwd=self.path, env={**os.environ, "PATH": path})

    def _watch(self) -> None:
        """Start the watcher, as the supervisor of a host without systemd does."""
        name = self.names["app1"]
        program = Path(f"/run/tidegate-netns/{name}/usr/local/lib/tidegate/tidegate")
        if self.watcher is None and program.exists():
            enter = ["ip", "netns", "exec", name, str(program)]
            self.watcher = subprocess.Popen([*enter, "watch"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_for(
                lambda: json.loads(run([*enter, "status", "--json"], check=False).stdout)["watcher"], "the watcher"
            )

    def apply(self) -> None:
        """Apply what group_vars say, where that has not been done."""
        if not self.is_applied:
            self.is_applied = True
            done = self.run(APPLY)
            assert done.returncode == 0, done.stdout + done.stderr

    def write(self, name: str, content: object) -> None:
        """Write a file of the repository, as YAML unless it is text."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        if name.startswith("group_vars/"):
            self.is_applied = False

    def commit(self) -> None:
        """Commit everything, and push it to origin."""
        git = "git -c user.name=ops -c user.email=ops@example.com"
        done = self.run(f"git add --all && {git} commit --quiet -m Change && git push --quiet origin main")
        assert done.returncode == 0, done.stderr


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Make a repository with an inventory, and its hosts; remove the hosts whatever happens."""
    environment = installed.environment(folder)
    labnet = [sys.executable, "-B", "-m", "labnet"]
    lab = json.loads(run([*labnet, "up", f"--owner={os.getpid()}"], cwd=LAB, text=json.dumps(NETWORK)).stdout)
    made = None
    try:
        made = Site(folder / "site", environment, lab["namespaces"])
        hosts = {
            host: {"ansible_netns": made.names[host], "egress_addresses": NETWORK["hosts"][host]}
            for host in GROUPS.values()
        }
        variables = {
            "ansible_connection": "tidegate.nftables.netns",
            "ansible_python_interpreter": sys.executable,
        }
        children = {group: {"hosts": {host: hosts[host]}} for group, host in GROUPS.items()}
        made.write("inventory.yml", {"all": {"vars": variables, "children": children}})
        made.write("ansible.cfg", "[defaults]\ninventory = inventory.yml\n")
        origin = folder / "origin.git"
        run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(origin)])
        done = made.run(f"git init --quiet --initial-branch=main && git remote add origin {origin}")
        assert done.returncode == 0, done.stderr
        yield made
    finally:
        if made is not None and made.watcher is not None:
            made.watcher.kill()
            made.watcher.wait()
        run([*labnet, "down", str(lab["keeper"])], cwd=LAB)
