# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH connection that this process was started over, and which addresses are the host's own."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import subprocess
from contextlib import closing
from pathlib import Path

_CONNECTION, _USER = b"SSH_CONNECTION=", b"LOGNAME="
_FARTHEST = 64
"""Ancestors whose environment is read."""


def connection(pid: int | None = None) -> str:
    """Return SSH_CONNECTION: the client's address and port, then ours; "" without an SSH session.

    pid: of the process whose session it is, by default this one.

    sudo and similar tools drop the variable (ENVIRONMENT in sshd(8)), so the environments of the process's ancestors
    are read, up to the shell that sshd started.
    """
    return _variable(_session(os.getpid() if pid is None else pid), _CONNECTION)


def user() -> str:
    """Return the user that logged in over SSH; "" without an SSH session."""
    return _variable(_session(os.getpid()), _USER)


def _session(pid: int) -> bytes:
    """Return the environment of the nearest process that has SSH_CONNECTION, this one or an ancestor."""
    for _ancestor in range(_FARTHEST):
        environment = _environment(pid)
        if _variable(environment, _CONNECTION) or pid <= 1:
            return environment
        pid = _parent(pid)
    return b""


def is_local(address: str) -> bool:
    """Return whether an address is this host's own: only then a socket can bind to it."""
    family = socket.AF_INET if ipaddress.ip_address(address).version == 4 else socket.AF_INET6
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


def is_leased(address: str) -> bool:
    """Return whether this host has an IPv4 address for a time only, as DHCP clients set it (ip-address(8), dynamic)."""
    words = ["ip", "-json", "-4", "address", "show", "to", f"{address}/32"]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        interfaces = json.loads(done.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return False
    return any(entry.get("dynamic") for interface in interfaces for entry in interface.get("addr_info", ()))


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _variable(environment: bytes, name: bytes) -> str:
    values = (entry[len(name) :] for entry in environment.split(b"\0") if entry.startswith(name))
    return next(values, b"").decode("ascii", "replace")


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return 0
    # The second field, the name in brackets, may contain spaces and brackets.
    return int(stat.rpartition(")")[2].split()[1])
