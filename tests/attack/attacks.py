# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to get a packet past the policy, one a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Identity = Literal["user", "binder", "container"]


@dataclass(frozen=True)
class Attack:
    """One way to send what the policy refuses.

    name: for people. way: the function of send.py, with its arguments. who: the identities that are able to send it.
    seen: the destination that leaves the host, where it is not the one that is sent to.
    """

    name: str
    way: str
    arguments: Mapping[str, Any]
    who: tuple[Identity, ...]
    to: str = field(default="", kw_only=True)

    @property
    def seen(self) -> str:
        """The destination of the packet as it leaves the host."""
        return self.to or str(self.arguments["to"])

    def __str__(self) -> str:
        return self.name


_HOST: tuple[Identity, ...] = ("user", "binder")
_ALL: tuple[Identity, ...] = ("user", "binder", "container")
OUT4, OUT6 = "203.0.113.9", "2001:db8::9"

ATTACKS = (
    Attack("tcp", "tcp", {"to": OUT4, "port": 443}, _ALL),
    Attack("tcp over IPv6", "tcp", {"to": OUT6, "port": 443}, _ALL),
    Attack("udp", "udp", {"to": OUT4, "port": 443}, _ALL),
    Attack("udp over IPv6", "udp", {"to": OUT6, "port": 443}, _ALL),
    Attack("own address, rewritten by NAT: tcp", "tcp", {"to": "198.18.0.1", "port": 8080}, _HOST, to=OUT4),
    Attack("own address, rewritten by NAT: udp", "udp", {"to": "198.18.0.1", "port": 8080}, _HOST, to=OUT4),
    Attack("own IPv6 address, rewritten by NAT", "udp", {"to": "2001:2::1", "port": 8080}, _HOST, to=OUT6),
    Attack(
        "127.0.0.1, rewritten by NAT", "udp", {"to": "127.0.0.1", "port": 8080, "bind": "198.18.0.1"}, _HOST, to=OUT4
    ),
)
