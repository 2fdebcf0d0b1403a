# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape that every source is brought into: a row is a flow, a column a fact, NULL what the source does not know."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols

COLUMNS: Mapping[str, str] = {
    "host": "VARCHAR",
    "source": "VARCHAR",
    "destination": "VARCHAR",
    "protocol": "INTEGER",
    "port": "INTEGER",
    "uid": "VARCHAR",
    "accepted": "BOOLEAN",
    "client_port": "INTEGER",
    "interface": "VARCHAR",
    "flows": "BIGINT",
    "packets": "BIGINT",
    "bytes": "BIGINT",
    "first": "BIGINT",
    "last": "BIGINT",
    "skipped": "VARCHAR",
    "kind": "VARCHAR",
    "name": "VARCHAR",
    "answered": "BOOLEAN",
}
"""Column: its type.

host: the inventory's name where a source belongs to one host as a whole. source: the address that opened the flow.
destination (an address; the name where a proxy was asked for one), protocol (IANA number), port (ICMP: the type): what
the policy judges. uid: of the socket's owner. accepted: whether it got through. client_port: the source port of a
record that may be a reply. interface: where a record was made, for logs that record a flow at both of its ends. flows,
packets, bytes: how much of it. first, last: seconds since 1970. skipped: NULL, or why this row is no flow that a host
opened ("reply", "nodata", …). kind: of the source. name: the name that was asked for. answered: whether the other end
answered.
"""

KEY = ("host", "source", "destination", "protocol", "port", "uid", "accepted")
"""The columns that distinguish the groups which policies judge."""

MEASURES = ("flows", "packets", "bytes")
_LARGEST = 2**63 - 1
_YEAR_10000 = 253_402_300_800


def select(expressions: Mapping[str, str], relation: str) -> str:
    """Return the SELECT that makes the columns out of a relation; a column without expression is NULL.

    Without expressions a row is one flow that got through. What does not fit its column is NULL, never an error.
    """
    sql = {"flows": "1", "accepted": "true", **expressions}
    columns = [f"{_cast(column, kind, sql.get(column, 'NULL'))} AS {column}" for column, kind in COLUMNS.items()]
    return f"SELECT {', '.join(columns)} FROM {relation}"


def _cast(column: str, kind: str, expression: str) -> str:
    cast = f"TRY_CAST({expression} AS {kind})"
    if column in ("first", "last"):
        return f"CASE WHEN {cast} BETWEEN 0 AND {_YEAR_10000 - 1} THEN {cast} END"
    return f"CASE WHEN {cast} >= 0 THEN {cast} END" if column in MEASURES else cast


def sums() -> str:
    """Return the SQL for what is known about a group of rows: a sum that is too large is the largest number."""
    totals = [
        f"coalesce(TRY_CAST(sum({measure}) AS BIGINT), CASE WHEN count({measure}) > 0 THEN {_LARGEST} END) AS {measure}"
        for measure in MEASURES
    ]
    about = ("min(first) AS first", "max(last) AS last", "min(kind) AS kind", "min(name) AS name")
    return ", ".join([*totals, *about, "bool_or(answered) AS answered"])


def number_of(expression: str) -> str:
    """Return SQL for the IANA number of a protocol's name or number, NULL for an unknown one."""
    known = " ".join(f"WHEN '{name}' THEN {number}" for name, number in protocols.NUMBERS.items())
    return f"CASE lower({expression}) {known} ELSE TRY_CAST({expression} AS INTEGER) END"


def icmp_or_port(protocol: str, kind: str, port: str) -> str:
    """Return SQL for the port, or for the message type where the protocol is ICMP."""
    return f"CASE WHEN {protocol} IN ({protocols.ICMP}, {protocols.ICMPV6}) THEN {kind} ELSE {port} END"
