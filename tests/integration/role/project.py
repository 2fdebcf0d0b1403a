# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project as a user would have it (inventory, group_vars, a playbook), run in a network namespace of its own."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.tests.support.namespaces import Namespace
from ansible_collections.tidegate.nftables.tests.support.paths import COLLECTIONS
from ansible_collections.tidegate.nftables.tests.support.project import Project
from ansible_collections.tidegate.nftables.tests.support.waiting import send_signal, wait_for

TABLE = ("inet", "tidegate")


@dataclass
class HostProject(Project):
    """A project with site.yml whose one host is a network namespace, and a folder in place of its root directory.

    common, app: the variables of all hosts and of the group app. site: the playbook's text.
    """

    namespace: Namespace = field(kw_only=True)
    common: dict[str, Any] = field(kw_only=True)
    app: dict[str, Any] = field(kw_only=True)
    site: str = field(kw_only=True)

    def __post_init__(self) -> None:
        self.prefix = self.namespace.enter

    @property
    def root(self) -> Path:
        """The root directory of the host, where the guard is concerned."""
        return self.path / "host"

    def with_entry(self, **entry: Any) -> dict[str, Any]:
        """Return the variables of the group app with one entry more."""
        return {**self.app, "egress_allow_app": [*self.app["egress_allow_app"], entry]}

    def command(self, playbook: str, *options: str) -> list[str]:
        """Return the command of a run that names each module which is sent to a host."""
        return super().command(playbook, "-vvv", *options)

    @contextmanager
    def without_nft(self) -> Iterator[None]:
        """Have runs find a host without nft: an empty file hides it, for these runs alone."""
        hide = ("sh", "-c", 'mount --bind /dev/null "$0" && exec "$@"', str(shutil.which("nft")))
        before, self.prefix = self.prefix, (*self.prefix, *hide)
        try:
            yield
        finally:
            self.prefix = before

    def kill_after_apply(self, *options: str) -> bool:
        """Run site.yml and kill all of it once the change is loaded; return whether that happened. The guard stays."""
        before = self.nft("-s", "list", "table", *TABLE)
        with (self.path / "killed.log").open("w") as log:
            running = self.start(*options, stdout=log, stderr=log)
            try:
                while running.poll() is None:
                    if self.nft("-s", "list", "table", *TABLE) != before:
                        return True
            finally:
                self._kill_all_but_the_guard()
                running.wait()
        return False

    def _kill_all_but_the_guard(self) -> None:
        """Ansible's workers lead sessions of their own, so the namespace knows who belongs to it."""
        timer = Paths(str(self.root)).rollback_timer
        spared = int(timer.read_text().split()[0]) if timer.exists() else 0

        def are_gone() -> bool:
            others = [pid for pid in self.namespace.processes() if pid != spared]
            send_signal(signal.SIGKILL, *others)
            return not others

        # Again: one that was started just then was not among them.
        wait_for(are_gone, "the end of the run")

    def nft(self, *words: str) -> str:
        """Return what nft prints on the host, errors too."""
        done = self.namespace.run("nft", *words, check=False)
        return done.stdout + done.stderr

    def generation(self) -> int:
        """Return the generation of the host's ruleset, which moves with every commit."""
        question = f"from {nf_tables.__name__} import generation; print(generation())"
        return int(self.namespace.run("env", f"PYTHONPATH={COLLECTIONS}", sys.executable, "-c", question).stdout)

    def table(self) -> str:
        """Return the table as nft lists it, without the time that elements have left."""
        return re.sub(r" expires \w+", "", self.nft("list", "table", "inet", "tidegate"))

    def cable(self) -> None:
        """A way out of the namespace, to nowhere."""
        self.namespace.ip(
            "link set lo up",
            "link add out0 type veth peer name nowhere0",
            "link set out0 arp off up",
            "link set nowhere0 up",
            "address add 198.18.0.1/24 dev out0",
            "route add default dev out0",
        )

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
        code = self.namespace.run(sys.executable, "-c", script, address, str(port), check=False).returncode
        assert code in (0, 3)
        return code == 0

    def tidegate(self, *words: str) -> str:
        """The host's own command."""
        command = [str(self.root / "usr/local/bin/tidegate"), *words]
        return self.namespace.run(*command, check=False).stdout

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
        self.namespace.run(sys.executable, "-c", script, address, str(port))

    def rules(self, chain: str) -> list[dict[str, Any]]:
        """The chain's rules as nft's JSON shows them, handles and counters included."""
        listing = json.loads(self.nft("-j", "list", "chain", *TABLE, chain))["nftables"]
        return [item["rule"] for item in listing if "rule" in item]


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
