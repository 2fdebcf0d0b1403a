# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection tracking: `conntrack -L` in each of its outputs, and /proc/net/nf_conntrack.

A line has the original direction first and the reply after it. Where the flow went is the source of its reply: what a
policy on the host sees is the address after destination NAT (conntrack(8)).
"""

from __future__ import annotations

from typing import Any

from .columns import icmp_or_port, number_of, select
from .lines import matched, number, relation
from .model import Source

_ADDRESS = "[0-9a-fA-F.:]+"
_NUMBER = r"^(?:\S*\s*\[[A-Z]+\]\s*)?(?:ipv[46]\s+\d+\s+)?[a-z0-9-]+\s+(\d+)"
_REPLY = r"src=\S+ .*?src="


def read(_connection: Any, source: Source) -> list[str]:
    """Return the SELECT over a listing."""
    protocol, destination = number(_NUMBER), matched(rf"{_REPLY}({_ADDRESS})")
    return [
        select(
            {
                "source": matched(rf"src=({_ADDRESS})"),
                "destination": destination,
                "protocol": number_of(f"CAST({protocol} AS VARCHAR)"),
                "port": icmp_or_port(protocol, number(r"type=(\d+)"), number(rf"{_REPLY}{_ADDRESS} .*?sport=(\d+)")),
                "answered": "NOT contains(line, '[UNREPLIED]')",
                "packets": number(r"packets=(\d+)"),
                "bytes": number(r"bytes=(\d+)"),
            },
            relation(source.files),
        )
    ]
