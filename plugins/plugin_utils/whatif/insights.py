# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question as a query of CloudWatch Logs Insights, over a log group of VPC flow logs in the default format.

Fields are those that Insights finds in such a log group by itself (srcAddr, dstAddr, …); isIpv4InSubnet and
isIpv6InSubnet are its own functions.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.vpc import EPHEMERAL

from .certain import RFC1918, Condition, has_ports

MOST = 10_000
"""Characters that StartQuery takes (queryString, "StartQuery" of the CloudWatch Logs API reference)."""

_OPENED = f"""fields srcAddr as source, dstAddr as destination, dstPort as port
| filter action = "ACCEPT" and logStatus = "OK"
| filter not (protocol in [6, 17] and dstPort >= {EPHEMERAL} and srcPort < {EPHEMERAL})
"""
_SUMS = """| stats count(*) as flows, sum(packets) as packets, sum(bytes) as bytes,
    min(start) as first, max(end) as last by source, destination, protocol, port
| sort bytes desc
| limit 10000
"""


def refused(sources: Sequence[str], allowed: Sequence[Condition]) -> str:
    """Return the query for what is not certainly allowed. ``sources``: the addresses of the hosts of one policy."""
    among = f"| filter srcAddr in [{', '.join(_text(source) for source in sorted(sources))}]\n"
    lines = "".join(f"| filter not ({_condition(one)})\n" for one in allowed)
    return f"{_OPENED}{among}{lines}{_SUMS}"


def top_external() -> str:
    """Return the classic query: who outside gets most, by port, without RFC 1918."""
    inside = " or ".join(_inside(network) for network in RFC1918)
    sums = (
        "| stats count_distinct(source) as hosts, count(*) as flows, sum(bytes) as bytes by destination, protocol, port"
    )
    return f"{_OPENED}| filter not ({inside})\n{sums}\n| sort bytes desc\n| limit 100\n"


def _condition(one: Condition) -> str:
    parts = [] if one.protocol is None else [f"protocol = {one.protocol}"]
    if has_ports(one):
        same = one.first == one.last
        parts.append(f"dstPort = {one.first}" if same else f"dstPort >= {one.first} and dstPort <= {one.last}")
    parts.append(f"({' or '.join(_inside(network) for network in (*one.v4, *one.v6))})")
    return " and ".join(parts)


def _inside(network: str) -> str:
    return f"isIpv{6 if ':' in network else 4}InSubnet(destination, {_text(network)})"


def _text(value: str) -> str:
    return '"' + value.replace('"', '\\"') + '"'
