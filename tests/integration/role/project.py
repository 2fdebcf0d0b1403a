# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project as a user would have it (inventory, group_vars, a playbook), run in a network namespace of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
COLLECTIONS = f"{sys.prefix}/collections"
"""Where Ansible finds this checkout's playbooks by their names."""
TABLE = ("inet", "tidegate")


@dataclass
class Run:
    """What one ansible-playbook run printed and returned."""

    code: int
    output: str

    @property
    def module_runs(self) -> list[str]:
        """Names of the modules that were really sent to a host, in order (``-vvv`` names each one)."""
        return [Path(path).stem for path in re.findall(r"Using module file (\S+)", self.output)]

    def changed(self, host: str = "app1") -> int:
        found = re.search(rf"^{host}\s+:.*changed=(\d+)", self.output, re.MULTILINE)
        assert found, self.output
        return int(found[1])


@dataclass
class Project:
    """A directory with an inventory, group_vars and site.yml; its one machine is a network namespace."""

    path: Path
    namespace: str
    common: dict[str, Any]
    app: dict[str, Any]
    site: str

    @property
    def root(self) -> Path:
        """What the machine has as its file system where the guard is concerned."""
        return self.path / "host"

    def write(self, name: str, content: Any) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))

    def play(
        self, *options: str, playbook: str = "site.yml", env: dict[str, str] | None = None, nft: bool = True
    ) -> Run:
        """Run the playbook. nft: whether the machine has nft; if not, an empty file hides it, for this run alone."""
        hide = [] if nft else ["sh", "-c", 'mount --bind /dev/null "$0" && exec "$@"', str(shutil.which("nft"))]
        command = [
            "ip",
            "netns",
            "exec",
            self.namespace,
            *hide,
            str(PLAYBOOK),
            "-vvv",
            "-i",
            "inventory.yml",
            playbook,
            *options,
        ]
        done = subprocess.run(
            command,
            cwd=self.path,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_LOCALHOST_WARNING": "0",
                **(env or {}),
            },
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        return Run(done.returncode, done.stdout)

    def kill_after_apply(self, *options: str) -> bool:
        """Run site.yml and kill all of it once the change is loaded; whether it came to that. The guard stays."""
        before = self.nft("-s", "list", "table", *TABLE)
        with (self.path / "killed.log").open("w") as log:
            running = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, str(PLAYBOOK), "-i", "inventory.yml", "site.yml", *options],
                cwd=self.path,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                while running.poll() is None:
                    if self.nft("-s", "list", "table", *TABLE) != before:
                        return True
            finally:
                self._kill_all_but_the_guard()
                running.wait()
        return False

    def _kill_all_but_the_guard(self) -> None:
        """Ansible's workers lead sessions of their own, so the namespace says who belongs to it."""
        guard = Paths(str(self.root)).rollback_timer
        spared = guard.read_text().split()[0] if guard.exists() else ""
        found = subprocess.run(["ip", "netns", "pids", self.namespace], text=True, stdout=subprocess.PIPE, check=True)
        for pid in found.stdout.split():
            if pid != spared:
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)

    def nft(self, *words: str) -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", self.namespace, "nft", *words],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.stdout

    def ip(self, *words: str) -> None:
        """`ip` inside of the namespace."""
        subprocess.run(["ip", "-n", self.namespace, *words], check=True)

    def cable(self) -> None:
        """A way out of the namespace, to nowhere."""
        for words in (
            "link set lo up",
            "link add out0 type veth peer name nowhere0",
            "link set out0 arp off up",
            "link set nowhere0 up",
            "address add 198.18.0.1/24 dev out0",
            "route add default dev out0",
        ):
            self.ip(*words.split())

    def lets_out(self, address: str, port: int) -> bool:
        """Whether a TCP connection's first packet leaves: nobody answers, so it waits; a refusal comes at once."""
        script = (
            "import socket, sys\n"
            "one = socket.socket()\n"
            "one.settimeout(0.5)\n"
            "try:\n"
            "    one.connect((sys.argv[1], int(sys.argv[2])))\n"
            "except TimeoutError:\n"
            "    sys.exit(0)\n"
            "except OSError:\n"
            "    sys.exit(3)\n"
        )
        command = ["ip", "netns", "exec", self.namespace, sys.executable, "-c", script, address, str(port)]
        code = subprocess.run(command, check=False).returncode
        assert code in (0, 3)
        return code == 0

    def tidegate(self, *words: str) -> str:
        """The host's own command."""
        command = [str(self.root / "usr/local/sbin/tidegate"), "--root", str(self.root), *words]
        return subprocess.run(
            ["ip", "netns", "exec", self.namespace, *command], text=True, stdout=subprocess.PIPE, check=False
        ).stdout

    def send(self, address: str, port: int) -> None:
        """One UDP packet out of the namespace; whether it leaves is the kernel's answer."""
        script = (
            "import socket, sys\n"
            "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:\n"
            "    try:\n"
            "        one.sendto(b'x', (sys.argv[1], int(sys.argv[2])))\n"
            "    except PermissionError:\n"
            "        pass\n"
        )
        command = ["ip", "netns", "exec", self.namespace, sys.executable, "-c", script, address, str(port)]
        subprocess.run(command, check=True)

    def rules(self, chain: str) -> list[dict[str, Any]]:
        """The chain's rules as nft's JSON shows them, handles and counters included."""
        listed = json.loads(self.nft("-j", "list", "chain", *TABLE, chain))["nftables"]
        return [item["rule"] for item in listed if "rule" in item]


SITE = """
- hosts: app
  gather_facts: false
  roles: [tidegate.nftables.egress]
"""

COMMON = {
    "egress_mode": "enforce",
    "egress_internal_networks": ["10.0.0.0/8", "fd12:3456:789a::/48"],
    "egress_dns_servers": ["10.10.0.10"],
    "egress_ntp_servers": ["10.10.0.20"],
    "egress_allow_base": [
        {"name": "package-mirror", "to": ["10.10.0.30", "fd12:3456:789a::30"], "services": ["https"]},
    ],
}

APP = {
    "egress_tier": "app",
    "egress_allow_app": [
        {
            "name": "payments-api",
            "to": ["203.0.113.0/24", "2001:db8::/48"],
            "except": ["203.0.113.13"],
            "services": ["https", "tcp/8443"],
            "users": ["www-data"],
        },
        {"name": "database", "to": ["hosts:database"], "services": ["postgresql"]},
    ],
}
