# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question as SQL for Amazon Athena (engine version 3, whose functions are Trino's), over a table of VPC flow logs.

The table is the one that the VPC console or its CloudFormation template creates: srcaddr, dstaddr, …, "end", action,
log_status. Trino's contains(network, address) is in its "IP address functions".
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.vpc import EPHEMERAL, WELL_KNOWN

from .certain import RFC1918, Condition, has_ports

MAX_BYTES = 262_144
"""What Athena accepts as one query ("Service quotas" of the Amazon Athena user guide)."""

_REPLY = " OR ".join(f"(dstport >= {least} AND srcport < {least})" for least in (WELL_KNOWN, EPHEMERAL))
_OPENED = f"""opened AS (
  SELECT interface_id, srcaddr, dstaddr, protocol, packets, bytes, start, "end",
         CASE protocol WHEN 1 THEN 8 WHEN 58 THEN 128 ELSE dstport END AS port,
         TRY(CAST(dstaddr AS IPADDRESS)) AS ip
  FROM {{table}}
  WHERE action = 'ACCEPT' AND log_status = 'OK'{{sources}}
    AND NOT (protocol IN (6, 17) AND ({_REPLY}))
)"""
# A flow between two interfaces is recorded at both of them.
_ANSWER = """SELECT source, destination, protocol, port, max(flows) AS flows, max(packets) AS packets,
       max(bytes) AS bytes, min("first") AS "first", max("last") AS "last"
FROM (
  SELECT interface_id, srcaddr AS source, dstaddr AS destination, protocol, port, count(*) AS flows,
         sum(packets) AS packets, sum(bytes) AS bytes, min(start) AS "first", max("end") AS "last"
  FROM opened
  WHERE ip IS NOT NULL AND NOT (
       {allowed}
  )
  GROUP BY interface_id, srcaddr, dstaddr, protocol, port
)
GROUP BY source, destination, protocol, port
ORDER BY bytes DESC"""


def rejected(table: str, sources: Sequence[str], allowed: Sequence[Condition]) -> str:
    """Return the query for what is not certainly allowed. ``sources``: the addresses of the hosts of one policy."""
    among = f"\n    AND srcaddr IN ({', '.join(_text(source) for source in sorted(sources))})"
    lines = "\n    OR ".join(_condition(condition) for condition in allowed) or "false"
    return f"WITH {_OPENED.format(table=table, sources=among)}\n{_ANSWER.format(allowed=lines)}\n"


def top_external(table: str) -> str:
    """Return the classic query: which external addresses get most, by port (RFC 1918 excluded)."""
    inside = " OR ".join(f"contains({_text(network)}, ip)" for network in RFC1918)
    return (
        f"WITH {_OPENED.format(table=table, sources='')}\n"
        "SELECT dstaddr AS destination, protocol, port, count(DISTINCT srcaddr) AS hosts, count(*) AS flows,\n"
        "       sum(bytes) AS bytes\n"
        f"FROM opened\nWHERE ip IS NOT NULL AND NOT ({inside})\n"
        "GROUP BY dstaddr, protocol, port\nORDER BY bytes DESC\nLIMIT 100\n"
    )


def _condition(condition: Condition) -> str:
    networks = ", ".join(_text(network) for network in (*condition.v4, *condition.v6))
    parts = [] if condition.protocol is None else [f"protocol = {condition.protocol}"]
    if has_ports(condition):
        parts.append(f"port BETWEEN {condition.first} AND {condition.last}")
    parts.append(f"any_match(ARRAY[{networks}], network -> contains(network, ip))")
    return f"({' AND '.join(parts)})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
