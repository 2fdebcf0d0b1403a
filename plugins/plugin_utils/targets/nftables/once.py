# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is allowed for some hours: sets that every table has, empty but for what an operator puts in.

The elements end by a timeout of the kernel and are nobody's but the operator's: no run removes them and the watcher
takes them for no edit. egress_never and the hosts' own floor come before them.
"""

from __future__ import annotations

from .matches import FAMILIES, Spec

PORTED = ("tcp", "udp", "dccp", "sctp")
"""What an element can name: a protocol whose port nft finds behind the word th on every version."""
_SIZE = 4096


def sets() -> list[Spec]:
    """Address, protocol and port; without elements, so that no run touches them."""
    return [
        {
            "name": f"once{version}",
            "type": f"ipv{version}_addr . inet_proto . inet_service",
            "flags": ["timeout"],
            "size": _SIZE,
        }
        for version in FAMILIES
    ]


def rules() -> list[str]:
    """One rule for each family."""
    ported = f"meta l4proto {{ {', '.join(PORTED)} }}"
    return [
        f'{ported} {family} daddr . meta l4proto . th dport @once{version} counter accept comment "allowed once"'
        for version, family in FAMILIES.items()
    ]
