# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy would have done to one host's flows: refused, allowed, and which entries nothing used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import database
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.read import GROUPED
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import (
    AddressError,
    parse_address,
    to_text,
)

from .judge import ALLOWED, REFUSED, Judge

SHOWN = 1000
"""How many refused groups of a host are kept by themselves; the rest is in the sums."""

_MEASURES = ("flows", "packets", "bytes")
_BATCH = 50_000


def answer(resolved: ResolvedPolicy, addresses: Iterable[str], directory: Path) -> dict[str, Any]:
    """Judge the grouped flows of one host.

    ``addresses``: those by which the logs know it. Returns plain data: ``refused`` and ``depends`` (lists of groups,
    the largest first, and ``…_total``), ``allowed_total``, ``dropped_total`` (what did not get through as it was),
    ``entries`` (name -> sums and where it is written) and ``unused`` (names).
    """
    judge = Judge(resolved)
    used = {entry.name: {"where": entry.where, "kind": entry.kind, **_nothing()} for entry in resolved.entries}
    totals: dict[str, dict[str, int]] = {name: _nothing() for name in ("allowed", "refused", "depends", "dropped")}
    groups: dict[str, list[dict[str, Any]]] = {"refused": [], "depends": []}
    unreadable = 0
    for group in _groups(resolved.host, addresses, directory):
        if not group.pop("accepted"):
            _add(totals["dropped"], group)
            continue
        try:
            group["destination"] = to_text(*parse_address(group["destination"]))
            judged = judge(group["destination"], group["protocol"], group["port"], group["uid"])
        except AddressError:
            unreadable += 1
            continue
        _add(totals[judged.outcome], group)
        if judged.entry:
            _add(used[judged.entry], group)
        if judged.outcome != ALLOWED:
            groups[judged.outcome].append({**group, "cause": judged.cause, "users": list(judged.users)})
    return {
        "host": resolved.host,
        "tier": resolved.tier,
        **{name: _largest(found) for name, found in groups.items()},
        **{f"{name}_total": found for name, found in totals.items()},
        "refused_groups": len(groups[REFUSED]),
        "unreadable": unreadable,
        "entries": used,
        "unused": [name for name, sums in used.items() if not sums["flows"]],
    }


def _groups(host: str, addresses: Iterable[str], directory: Path) -> Iterable[dict[str, Any]]:
    connection = database.connect(directory / f"of-{abs(hash(host)):x}")
    names = ("destination", "protocol", "port", "uid", "accepted", *_MEASURES, "first", "last")
    try:
        # The least memory that reads a file of groups: many hosts are judged at once.
        connection.execute("SET memory_limit = '200MB'; SET threads = 1")
        rows = connection.execute(
            f"SELECT {', '.join(names)} FROM read_parquet({database.text(directory / GROUPED)}) "
            "WHERE skipped IS NULL AND (host = ? OR (host IS NULL AND source IN (SELECT unnest(?::VARCHAR[])))) "
            "ORDER BY destination, protocol, port, uid",
            [host, sorted(spellings(addresses))],
        )
        while batch := rows.fetchmany(_BATCH):
            for row in batch:
                yield dict(zip(names, row, strict=True))
    finally:
        connection.close()


def spellings(addresses: Iterable[str]) -> set[str]:
    """Return each address as it is usually written, as it is written here, and IPv6 without any omission."""
    found = set()
    for text in addresses:
        version, value = parse_address(text)
        found |= {text, to_text(version, value)}
        if version == 6:
            found.add(":".join(f"{value >> shift & 0xFFFF:04x}" for shift in range(112, -1, -16)))
    return found


def _nothing() -> dict[str, int]:
    return dict.fromkeys(_MEASURES, 0)


def _add(sums: dict[str, Any], group: Mapping[str, Any]) -> None:
    for measure in _MEASURES:
        sums[measure] += group[measure] or 0


def _largest(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(groups, key=lambda one: (-(one["bytes"] or 0), -(one["flows"] or 0)))[:SHOWN]
