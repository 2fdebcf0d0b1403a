# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question for logs that stay where they are: one query a policy, for all the hosts that have it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import athena, insights
from .certain import Condition


@dataclass(frozen=True)
class Queries:
    """files: name -> text. notices: what could not be asked so, and what to do instead."""

    files: dict[str, str]
    notices: list[str]


def write(hosts: Mapping[str, Mapping[str, Any]], table: str) -> Queries:
    """Return the queries for hosts: name -> ``tier``, ``addresses`` and ``allowed`` (conditions as plain data)."""
    groups: dict[str, list[str]] = {}
    for host, about in hosts.items():
        if about["addresses"]:
            groups.setdefault(json.dumps([about["tier"], about["allowed"]]), []).append(host)
    made = {"top-external.athena.sql": athena.top_external(table), "top-external.insights": insights.top_external()}
    notices = [
        f"{host}: no address is known, so no query asks about it" for host in hosts if not hosts[host]["addresses"]
    ]
    for name, members in _named((hosts[members[0]]["tier"], members) for members in groups.values()):
        sources = sorted({address for host in members for address in hosts[host]["addresses"]})
        allowed = [Condition(**one) for one in hosts[members[0]]["allowed"]]
        for suffix, text, most in (
            ("athena.sql", athena.refused(table, sources, allowed), athena.MOST),
            ("insights", insights.refused(sources, allowed), insights.MOST),
        ):
            if len(text.encode()) <= most:
                made[f"{name}.{suffix}"] = text
            else:
                mend = (
                    "use the query for Athena"
                    if suffix == "insights"
                    else "fetch the logs and let egress_flows name them"
                )
                notices.append(f"{name}.{suffix}: would be {len(text.encode()):,} bytes, {most:,} are taken; {mend}")
    return Queries(made, notices)


def _named(groups: Iterable[tuple[str, list[str]]]) -> Iterable[tuple[str, list[str]]]:
    """Name each group by its tier where the whole tier has one policy, else by its first host as well."""
    by_tier: dict[str, list[list[str]]] = {}
    for tier, members in groups:
        by_tier.setdefault(tier or "hosts", []).append(members)
    for tier, found in sorted(by_tier.items()):
        for members in found:
            yield (tier if len(found) == 1 else f"{tier}-{members[0]}"), members
