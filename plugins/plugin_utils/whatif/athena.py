# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question as SQL for Amazon Athena (engine version 3, whose functions are Trino's), over a table of VPC flow logs.

The table is the one that the VPC console or its CloudFormation template creates: srcaddr, dstaddr, …, "end", action,
log_status. Trino's contains(network, address) is in its "IP address functions".
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.vpc import EPHEMERAL

from .certain import RFC1918, Condition, has_ports

MOST = 262_144
"""Bytes that Athena takes as one query ("Service quotas" of the Amazon Athena user guide)."""

_OPENED = f"""opened AS (
  SELECT srcaddr, dstaddr, protocol, packets, bytes, start, "end",
         CASE protocol WHEN 1 THEN 8 WHEN 58 THEN 128 ELSE dstport END AS port,
         TRY(CAST(dstaddr AS IPADDRESS)) AS ip
  FROM {{table}}
  WHERE action = 'ACCEPT' AND log_status = 'OK'{{sources}}
    AND NOT (protocol IN (6, 17) AND dstport >= {EPHEMERAL} AND srcport < {EPHEMERAL})
)"""
_ANSWER = """SELECT srcaddr AS source, dstaddr AS destination, protocol, port, count(*) AS flows,
       sum(packets) AS packets, sum(bytes) AS bytes, min(start) AS "first", max("end") AS "last"
FROM opened
WHERE ip IS NOT NULL AND NOT (
     {allowed}
)
GROUP BY srcaddr, dstaddr, protocol, port
ORDER BY bytes DESC"""


def refused(table: str, sources: Sequence[str], allowed: Sequence[Condition]) -> str:
    """Return the query for what is not certainly allowed. ``sources``: the addresses of the hosts of one policy."""
    among = f"\n    AND srcaddr IN ({', '.join(_text(source) for source in sorted(sources))})"
    lines = "\n  OR ".join(_condition(one) for one in allowed) or "false"
    return f"WITH {_OPENED.format(table=table, sources=among)}\n{_ANSWER.format(allowed=lines)}\n"


def top_external(table: str) -> str:
    """Return the classic query: who outside gets most, by port, without RFC 1918."""
    inside = " OR ".join(f"contains({_text(network)}, ip)" for network in RFC1918)
    return (
        f"WITH {_OPENED.format(table=table, sources='')}\n"
        "SELECT dstaddr AS destination, protocol, port, count(DISTINCT srcaddr) AS hosts, count(*) AS flows,\n"
        "       sum(bytes) AS bytes\n"
        f"FROM opened\nWHERE ip IS NOT NULL AND NOT ({inside})\n"
        "GROUP BY dstaddr, protocol, port\nORDER BY bytes DESC\nLIMIT 100\n"
    )


def _condition(one: Condition) -> str:
    networks = ", ".join(_text(network) for network in (*one.v4, *one.v6))
    parts = [] if one.protocol is None else [f"protocol = {one.protocol}"]
    if has_ports(one):
        parts.append(f"port BETWEEN {one.first} AND {one.last}")
    parts.append(f"any_match(ARRAY[{networks}], network -> contains(network, ip))")
    return f"({' AND '.join(parts)})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
