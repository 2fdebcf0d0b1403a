# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IP protocols: their numbers (IANA) and the names that nft, iptables, conntrack and /etc/protocols have for them."""

from __future__ import annotations

import contextlib
import socket
from typing import Mapping

ICMP, IGMP, TCP, UDP, ICMPV6 = 1, 2, 6, 17, 58

NFT_KEYWORDS: Mapping[str, int] = {
    "icmp": ICMP,
    "igmp": IGMP,
    "tcp": TCP,
    "udp": UDP,
    "dccp": 33,
    "esp": 50,
    "ah": 51,
    "icmpv6": ICMPV6,
    "comp": 108,
    "sctp": 132,
    "udplite": 136,
}
"""Words of nft's grammar: nft 0.9.8 to 1.1.3 read them on a host without /etc/protocols, too."""

NUMBERS: Mapping[str, int] = {
    **NFT_KEYWORDS,
    "gre": 47,
    "ipv6-icmp": ICMPV6,
    "ospf": 89,
    "ospfigp": 89,
    "pim": 103,
    "ipcomp": 108,
    "vrrp": 112,
}
"""Every name that is read. Minimal images have no /etc/protocols, so nothing here depends on it."""

WITH_PORTS: Mapping[str, int] = {name: NUMBERS[name] for name in ("tcp", "udp", "dccp", "sctp", "udplite")}
"""The protocols whose header begins with a source and a destination port."""


def number(name: str) -> int | None:
    """Return the number of a protocol that is written as a name or in digits; None for a name that nothing knows.

    Names that are not in NUMBERS are looked up in /etc/protocols.
    """
    if name.isascii() and name.isdigit():
        return int(name)
    known = NUMBERS.get(name.lower())
    if known is None:
        with contextlib.suppress(OSError, ValueError):
            known = socket.getprotobyname(name)
    return known
