# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the resolvers that policies give to hosts of the lab: on a machine systemd does, and a namespace has none.

`ip netns exec` shows each host the files of /etc/netns/NAMESPACE in place of those of /etc (ip-netns(8)): the user of
the resolver, and a resolv.conf that a run points to it, as on a machine.
"""

from __future__ import annotations

import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from .topology import LabHost, LabNet

STATE = Path("/run/tidegate-netns")
"""Where the role keeps what belongs to a host that is a namespace: the hosts of a lab share one file system.

What runs on all of them keep together is in a folder named as the lab's namespaces begin (lab.yml).
"""
OWN_FILES = Path("/etc/netns")
USER = "tidegate-dns"
_FIRST_UID = 31053
_PAUSE = 1.0
"""Seconds until a resolver that ended is started again."""

# What the unit says. AppArmor confines unbound where Debian has it to its own folders, so it runs from another one.
_START = """
mkdir -p -m 755 "$1/run/tidegate-dns" "$1/unconfined"
chown "$2:$2" "$1/run/tidegate-dns"
mount -t tmpfs -o mode=755 tmpfs "$1/unconfined"
cp "$(command -v unbound)" "$1/unconfined/unbound"
export PATH="$1/unconfined:$PATH"
capabilities=-all,+net_admin,+net_bind_service
exec setpriv --reuid="$2" --regid="$2" --clear-groups --no-new-privs --bounding-set="$capabilities" \\
    --inh-caps="$capabilities" --ambient-caps="$capabilities" "$3" -IS "$1/usr/local/lib/tidegate/tidegate" resolve
"""


def prepare(net: LabNet) -> None:
    """Give each host files of its own: who the resolver's user is, and whom to ask for names."""
    users = Path("/etc/passwd").read_text("utf-8", "surrogateescape")
    if not any(line.startswith(f"{USER}:") for line in users.splitlines()):
        users += f"{USER}:x:{_uid()}:{_uid()}::/nonexistent:/usr/sbin/nologin\n"
    for host in net.hosts:
        own, state = OWN_FILES / net.namespace(host.name), STATE / net.namespace(host.name)
        packages = state / "usr/lib/python3/dist-packages"
        for folder in (own, state / "etc", packages):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        (own / "passwd").write_text(users, "utf-8", "surrogateescape")
        (own / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n", "ascii")
        (state / "etc/resolv.conf").write_text(_resolv_conf(net, host), "ascii")
        (own / "resolv.conf").symlink_to(state / "etc/resolv.conf")
        # A run looks for it, and the packages of the machine are those of its hosts.
        (packages / "unboundmodule.py").touch()


def forget(namespace: str) -> None:
    """Remove what belongs to a host."""
    shutil.rmtree(OWN_FILES / namespace, ignore_errors=True)
    shutil.rmtree(STATE / namespace, ignore_errors=True)


class Resolvers:
    """The running resolvers, by namespace. A policy says what each does in a file, as on a machine."""

    def __init__(self, net: LabNet) -> None:
        self._net = net
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._versions: dict[str, int] = {}
        self._not_before = 0.0

    def look(self) -> None:
        """Start, reload or end the resolver of each host whose policy changed."""
        for host in self._net.hosts:
            namespace = self._net.namespace(host.name)
            document = STATE / namespace / "etc/tidegate/names.json"
            version = document.stat().st_mtime_ns if document.exists() else 0
            process = self._running.get(namespace)
            if process is not None and process.poll() is not None:
                del self._running[namespace]
                self._not_before = time.monotonic() + _PAUSE
            elif process is not None and not version:
                process.send_signal(signal.SIGTERM)
            elif process is not None and version != self._versions[namespace]:
                process.send_signal(signal.SIGHUP)
            elif process is None and version and time.monotonic() >= self._not_before:
                self._running[namespace] = _start(namespace)
            self._versions[namespace] = version


def _start(namespace: str) -> subprocess.Popen[bytes]:
    state = STATE / namespace
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    arguments = (str(state), str(_uid()), python)
    with (state / "resolver.log").open("ab") as log:
        return subprocess.Popen(
            ["ip", "netns", "exec", namespace, "sh", "-euc", _START, "sh", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _uid() -> int:
    """Return the number of the resolver's user: its own where this machine has it, else one that nobody has."""
    taken = {user.pw_uid for user in pwd.getpwall()}
    own = [user.pw_uid for user in pwd.getpwall() if user.pw_name == USER]
    return own[0] if own else next(number for number in range(_FIRST_UID, 60000) if number not in taken)


def _resolv_conf(net: LabNet, host: LabHost) -> str:
    servers = [address.ip for each in net.hosts if each.name.startswith("dns") for address in each.addresses]
    versions = {address.version for address in host.addresses}
    return "".join(f"nameserver {server}\n" for server in servers if server.version in versions)
