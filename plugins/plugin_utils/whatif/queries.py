# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question for logs that stay where they are: one query for each policy, about all the hosts that have it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import athena, insights
from .certain import Condition


@dataclass(frozen=True)
class Queries:
    """files: name -> text. notices: what no query can ask, and what to do instead."""

    files: dict[str, str]
    notices: list[str]


def write(hosts: Mapping[str, Mapping[str, Any]], table: str) -> Queries:
    """Return the queries for hosts: name -> ``tier``, ``addresses`` and ``allowed`` (conditions as plain data)."""
    groups: dict[str, list[str]] = {}
    for host, about in hosts.items():
        if about["addresses"]:
            groups.setdefault(json.dumps([about["tier"], about["allowed"]]), []).append(host)
    texts = {"top-external.athena.sql": athena.top_external(table), "top-external.insights": insights.top_external()}
    unknown = [host for host, about in hosts.items() if not about["addresses"]]
    notices = [f"{host}: no address is known, so no query asks about it" for host in unknown]
    for name, members in _named((hosts[members[0]]["tier"], members) for members in groups.values()):
        sources = sorted({address for host in members for address in hosts[host]["addresses"]})
        allowed = [Condition(**condition) for condition in hosts[members[0]]["allowed"]]
        for suffix, text, most, fix in (
            ("athena.sql", athena.rejected(table, sources, allowed), athena.MAX_BYTES, _FETCH),
            ("insights", insights.rejected(sources, allowed), insights.MAX_BYTES, "use the query for Athena"),
        ):
            size = len(text.encode())
            if size <= most:
                texts[f"{name}.{suffix}"] = text
            else:
                notices.append(f"{name}.{suffix}: not written, {size:,} bytes where {most:,} are accepted. Fix: {fix}")
    return Queries(texts, notices)


_FETCH = "fetch the logs and name them in egress_flows"


def _named(groups: Iterable[tuple[str, list[str]]]) -> Iterable[tuple[str, list[str]]]:
    """Yield (name, hosts): a group has its tier's name where the whole tier has one policy, else also a host's."""
    by_tier: dict[str, list[list[str]]] = {}
    for tier, members in groups:
        by_tier.setdefault(tier or "hosts", []).append(members)
    for tier, of_tier in sorted(by_tier.items()):
        for members in of_tier:
            yield (tier if len(of_tier) == 1 else f"{tier}-{members[0]}"), members
