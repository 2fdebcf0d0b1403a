# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy would have done to one host's flows: rejected, allowed, and which entries nothing used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import groups as flow_groups
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.columns import MEASURES
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError

from .judge import ALLOWED, DEPENDS, REJECTED, Judge, destination

SHOWN = 1000
"""How many rejected groups of a host are kept by themselves; the rest is in the sums."""

_COLUMNS = ("destination", "protocol", "port", "uid", "accepted", *MEASURES, "first", "last")


def answer(resolved: ResolvedPolicy, addresses: Iterable[str], directory: Path) -> dict[str, Any]:
    """Judge the grouped flows of one host.

    ``addresses``: those by which the logs know it. Returns plain data: ``rejected`` and ``depends`` (lists of groups,
    the largest first, and ``…_total``), ``allowed_total``, ``dropped_total`` (flows that did not get through when they
    happened), ``unreadable`` (flows to what is no address and no name), ``entries`` (name -> sums and where it is
    written) and ``unused`` (names).
    """
    judge = Judge(resolved)
    entries = {entry.name: {"where": entry.where, "kind": entry.kind, **_nothing()} for entry in resolved.entries}
    totals: dict[str, dict[str, int]] = {name: _nothing() for name in (ALLOWED, REJECTED, DEPENDS, "dropped")}
    groups: dict[str, list[dict[str, Any]]] = {REJECTED: [], DEPENDS: []}
    unreadable = 0
    for group in flow_groups.of_host(resolved.host, addresses, directory, _COLUMNS):
        if not group.pop("accepted"):
            _add(totals["dropped"], group)
            continue
        try:
            group["destination"] = destination(group["destination"])
            judgement = judge(group["destination"], group["protocol"], group["port"], group["uid"])
        except AddressError:
            unreadable += group["flows"]
            continue
        _add(totals[judgement.outcome], group)
        if judgement.entry:
            _add(entries[judgement.entry], group)
        if judgement.outcome != ALLOWED:
            why = {"cause": judgement.cause, "users": list(judgement.users), "entry": judgement.entry}
            groups[judgement.outcome].append({**group, **why})
    return {
        "host": resolved.host,
        "tier": resolved.tier,
        **{name: _largest(members) for name, members in groups.items()},
        **{f"{name}_total": sums for name, sums in totals.items()},
        "rejected_groups": len(groups[REJECTED]),
        "unreadable": unreadable,
        "entries": entries,
        "unused": [name for name, sums in entries.items() if not sums["flows"]],
    }


def _nothing() -> dict[str, int]:
    return dict.fromkeys(MEASURES, 0)


def _add(sums: dict[str, Any], group: Mapping[str, Any]) -> None:
    for measure in MEASURES:
        sums[measure] += group[measure] or 0


def _largest(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(groups, key=lambda group: (-(group["bytes"] or 0), -(group["flows"] or 0)))[:SHOWN]
