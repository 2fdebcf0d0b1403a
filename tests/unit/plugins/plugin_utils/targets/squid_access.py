# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Squid makes of acl and http_access lines: the first http_access whose ACLs all hold decides.

Lines of one ACL add up; a request for an address has no name (`dstdomain -n` looks none up).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence


def allows(text: str, client: str, address: str, port: int, name: str = "") -> bool | None:
    """May the client fetch from there? None when no line is about it, which is left to the rest of squid.conf."""
    acls: dict[str, tuple[str, list[str]]] = {}
    for line in text.splitlines():
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if words[0] == "acl":
            kind, values = acls.setdefault(words[1], (words[2], []))
            assert kind == words[2]
            values += [word for word in words[3:] if word != "-n"]
            continue
        assert words[0] == "http_access"
        if all(_holds(acls[name_of_acl], client, address, port, name) for name_of_acl in words[2:]):
            return words[1] == "allow"
    return None


def _holds(acl: tuple[str, Sequence[str]], client: str, address: str, port: int, name: str) -> bool:
    kind, values = acl
    if kind == "port":
        ranges = [value.partition("-") for value in values]
        return any(int(first) <= port <= int(last or first) for first, _dash, last in ranges)
    if kind == "dstdomain":
        return bool(name) and name in values
    ip = ipaddress.ip_address({"src": client, "dst": address}[kind])
    return any(ip in ipaddress.ip_network(value) for value in values)
