# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where this process is: over which connection it was started, and which addresses are the host's own."""

from __future__ import annotations

import ipaddress
import os
import socket
from contextlib import closing
from pathlib import Path

_VARIABLE = b"SSH_CONNECTION="
_FARTHEST = 64
"""Ancestors that are looked at."""


def connection() -> str:
    """Return sshd's word for the connection: its client's address and port, then ours; "" when nobody says.

    sudo and the like drop the variable (environment of sshd(8)), so the processes above this one are asked, up to the
    shell that sshd started.
    """
    pid = os.getpid()
    for _ancestor in range(_FARTHEST):
        found = _environment(pid)
        if found or pid <= 1:
            return found
        pid = _parent(pid)
    return ""


def is_local(address: str) -> bool:
    """Whether packets to an address stay on this host: only then can it be bound to."""
    family = socket.AF_INET if ipaddress.ip_address(address).version == 4 else socket.AF_INET6
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


def _environment(pid: int) -> str:
    try:
        content = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return ""
    for entry in content.split(b"\0"):
        if entry.startswith(_VARIABLE):
            return entry[len(_VARIABLE) :].decode("ascii", "replace")
    return ""


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return 0
    # The second field, the name in brackets, may hold anything.
    return int(stat.rpartition(")")[2].split()[1])
