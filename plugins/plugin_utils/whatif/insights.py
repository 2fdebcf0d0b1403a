# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question as a query of CloudWatch Logs Insights, over a log group of VPC flow logs in the default format.

Fields are those that Insights finds in such a log group by itself (srcAddr, dstAddr, …); isIpv4InSubnet and
isIpv6InSubnet are its own functions.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.vpc import EPHEMERAL, WELL_KNOWN

from .certain import RFC1918, Condition, has_ports

MAX_BYTES = 10_000
"""What StartQuery accepts, in characters (queryString, "StartQuery" of the CloudWatch Logs API reference)."""

_REPLY = " or ".join(f"(dstPort >= {least} and srcPort < {least})" for least in (WELL_KNOWN, EPHEMERAL))
_OPENED = f"""fields srcAddr as source, dstAddr as destination, dstPort as port
| filter action = "ACCEPT" and logStatus = "OK"
| filter not (protocol in [6, 17] and ({_REPLY}))
"""
# A flow between two interfaces is recorded at both of them.
_SUMS = """| stats count(*) as recorded, sum(packets) as sentPackets, sum(bytes) as sentBytes,
    min(start) as begun, max(end) as ended by interfaceId, source, destination, protocol, port
| stats max(recorded) as flows, max(sentPackets) as packets, max(sentBytes) as bytes,
    min(begun) as first, max(ended) as last by source, destination, protocol, port
| sort bytes desc
| limit 10000
"""


def rejected(sources: Sequence[str], allowed: Sequence[Condition]) -> str:
    """Return the query for what is not certainly allowed. ``sources``: the addresses of the hosts of one policy."""
    among = f"| filter srcAddr in [{', '.join(_text(source) for source in sorted(sources))}]\n"
    lines = "".join(f"| filter not ({_condition(condition)})\n" for condition in allowed)
    return f"{_OPENED}{among}{lines}{_SUMS}"


def top_external() -> str:
    """Return the classic query: which external addresses get most, by port (RFC 1918 excluded)."""
    inside = " or ".join(_inside(network) for network in RFC1918)
    sums = (
        "| stats count_distinct(source) as hosts, count(*) as flows, sum(bytes) as bytes by destination, protocol, port"
    )
    return f"{_OPENED}| filter not ({inside})\n{sums}\n| sort bytes desc\n| limit 100\n"


def _condition(condition: Condition) -> str:
    parts = [] if condition.protocol is None else [f"protocol = {condition.protocol}"]
    first, last = condition.first, condition.last
    if has_ports(condition):
        parts.append(f"dstPort = {first}" if first == last else f"dstPort >= {first} and dstPort <= {last}")
    parts.append(f"({' or '.join(_inside(network) for network in (*condition.v4, *condition.v6))})")
    return " and ".join(parts)


def _inside(network: str) -> str:
    return f"isIpv{6 if ':' in network else 4}InSubnet(destination, {_text(network)})"


def _text(value: str) -> str:
    return '"' + value.replace('"', '\\"') + '"'
