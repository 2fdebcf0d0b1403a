# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape that every source is brought into: a row is a flow, a column a fact, NULL what the source does not say."""

from __future__ import annotations

from collections.abc import Mapping

COLUMNS: Mapping[str, str] = {
    "host": "VARCHAR",
    "source": "VARCHAR",
    "destination": "VARCHAR",
    "protocol": "INTEGER",
    "port": "INTEGER",
    "uid": "VARCHAR",
    "accepted": "BOOLEAN",
    "flows": "BIGINT",
    "packets": "BIGINT",
    "bytes": "BIGINT",
    "first": "BIGINT",
    "last": "BIGINT",
    "skipped": "VARCHAR",
}
"""Column: its type.

host: the inventory's name where a source belongs to one host as a whole; source: the address that opened the flow.
destination, protocol (IANA number), port (ICMP: the type): what the policy judges. uid: of the socket's owner.
accepted: whether it got through. flows, packets, bytes: how much of it. first, last: seconds since 1970.
skipped: NULL, or why this row is no flow that a host opened ("reply", "nodata", …).
"""

KEY = ("host", "source", "destination", "protocol", "port", "uid", "accepted")
"""What tells one group from another."""

SUMS = {"flows": "sum", "packets": "sum", "bytes": "sum", "first": "min", "last": "max"}
"""What is said of a group, with the function that makes it of its flows."""

PROTOCOLS: Mapping[str, int] = {
    "icmp": 1,
    "igmp": 2,
    "tcp": 6,
    "udp": 17,
    "dccp": 33,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "icmpv6": 58,
    "ipv6-icmp": 58,
    "sctp": 132,
    "udplite": 136,
}
"""The names that conntrack, nft and ulogd write, with their IANA numbers."""


def select(expressions: Mapping[str, str], relation: str) -> str:
    """Return the SELECT that makes the columns out of a relation; what is not given is NULL, one flow, accepted."""
    given = {"flows": "1", "accepted": "true", **expressions}
    made = [f"CAST({given.get(column, 'NULL')} AS {kind}) AS {column}" for column, kind in COLUMNS.items()]
    return f"SELECT {', '.join(made)} FROM {relation}"


def number_of(expression: str) -> str:
    """SQL that makes an IANA number of a protocol's name or number, NULL for an unknown one."""
    known = " ".join(f"WHEN '{name}' THEN {number}" for name, number in PROTOCOLS.items())
    return f"CASE lower({expression}) {known} ELSE TRY_CAST({expression} AS INTEGER) END"


def icmp_or_port(protocol: str, kind: str, port: str) -> str:
    """SQL for the port, or for the message type where the protocol is ICMP."""
    return f"CASE WHEN {protocol} IN (1, 58) THEN {kind} ELSE {port} END"
