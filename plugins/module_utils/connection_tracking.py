# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection tracking as a resource of the host: how full its table is, and whose connections fill it."""

from __future__ import annotations

import contextlib
import ipaddress
import pwd
import re
from collections import Counter
from pathlib import Path
from typing import Any, Tuple

from .protocols import TCP, UDP

FULL = 80
"""Percent of the table above which a busy hour may fill it."""

OTHER_HOSTS, NO_SOCKET = "other hosts", "no open socket"
_SHOWN = 3
_ENTRY = re.compile(r"\S+ +\d+ \S+ +(\d+) .*? ?src=(\S+) \S+ sport=(\d+) ")
_LOCAL = re.compile(r"\|-- (\S+)\n +/32 host LOCAL")
_SOCKETS = {"tcp": TCP, "tcp6": TCP, "udp": UDP, "udp6": UDP}

Port = Tuple[int, int]
"""Protocol and local port of a socket."""


def usage(root: str = "") -> dict[str, Any]:
    """Return count and max of tracked connections, None where the kernel tracks none, and the users of the most.

    users: {user, connections} each, only from FULL percent on, since it takes reading all of them. A user is the owner
    of the socket that a connection began with, OTHER_HOSTS, or NO_SOCKET for one that is closed. root: prefix of paths.
    """
    count, limit = (_number(Path(f"{root}/proc/sys/net/netfilter/nf_conntrack_{name}")) for name in ("count", "max"))
    users = _users(Path(f"{root}/proc/net")) if is_nearly_full(count, limit) else []
    return {"count": count, "max": limit, "users": users}


def is_nearly_full(count: int | None, limit: int | None) -> bool:
    """Return whether FULL percent of the table are taken."""
    return bool(count and limit) and int(count or 0) * 100 >= int(limit or 0) * FULL


def text(tracked: dict[str, Any]) -> str:
    """Return the usage as a sentence, "" where the kernel tracks nothing."""
    if not tracked["max"] or tracked["count"] is None:
        return ""
    users = ", ".join(f"{item['user']} {item['connections']}" for item in tracked["users"])
    return f"{tracked['count']} of {tracked['max']} connections{f', most of them by {users}' if users else ''}"


def _users(net: Path) -> list[dict[str, Any]]:
    owners, own = _owners(net), _own_addresses(net)
    connections: Counter[str] = Counter()
    with contextlib.suppress(OSError), (net / "nf_conntrack").open(encoding="ascii", errors="replace") as entries:
        for entry in map(_ENTRY.match, entries):
            if entry is None:
                continue
            is_own = entry[2] in own or entry[2].startswith("127.")
            owner = owners.get((int(entry[1]), int(entry[3])), NO_SOCKET)
            connections[owner if is_own else OTHER_HOSTS] += 1
    return [{"user": user, "connections": number} for user, number in connections.most_common(_SHOWN)]


def _owners(net: Path) -> dict[Port, str]:
    """Return the user of each open socket by its local port."""
    owners = {}
    for name, protocol in _SOCKETS.items():
        for line in _text(net / name).splitlines()[1:]:
            fields = line.split()
            # A connection that is closed already belongs to nobody.
            if len(fields) > 9 and fields[9] != "0":
                owners[protocol, int(fields[1].rpartition(":")[2], 16)] = _user_name(int(fields[7]))
    return owners


def _own_addresses(net: Path) -> set[str]:
    addresses = set(_LOCAL.findall(_text(net / "fib_trie")))
    for line in _text(net / "if_inet6").splitlines():
        # The kernel's list of connections has all digits of an address, as this file has without the colons.
        addresses.add(ipaddress.IPv6Address(int(line.split()[0], 16)).exploded)
    return addresses


def _user_name(uid: int) -> str:
    try:
        return str(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return f"uid {uid}"


def _number(path: Path) -> int | None:
    content = _text(path).strip()
    return int(content) if content.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
