# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: everything that the template shows, and the policy that keeps it from loading anything."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.summary.fleet import NO_DATA

from . import changes, charts, columns, moments, tiers
from .previous import Previous, new_keys
from .sources import HOST_LIMIT, HostData
from .timeline import first_noticed, timeline
from .totals import ALLOWED, DECISIONS, Group, GroupKey, Totals

ROWS = 500
"""Rows of a table in the page itself; of destinations and records, its program shows the others."""
_TOP_DESTINATIONS = 12
_NEW = 20
_DATA = Path(__file__).parent / "data"
WORDS = {"rejected": "rejected", "would_reject": "would be rejected", "allowed": "allowed"}


def page(totals: Totals, hosts: Sequence[HostData], previous: Previous | None, note: str = "") -> tuple[str, set[Any]]:
    """Return the page, and the destinations that the next report compares with. note: where the data came from."""
    rows = {data.host: data.row for data in hosts if data.row is not None}
    first = first_noticed(totals)
    new = new_keys(first, previous, totals.end)
    line, made = timeline(totals), changes.changes(hosts, totals)
    meta, records = columns.packed(totals)
    style, program = _asset("page.css"), _asset("page.js")
    view = {
        "style": Markup(style),  # noqa: S704 (a file of ours)
        "program": Markup(program),  # noqa: S704 (a file of ours)
        "policy": _policy(style, program),
        "meta": _json(
            {**meta, "words": list(WORDS.values()), "hosts": _host_counts(totals), "made": moments.stamp(totals.end)}
        ),
        "records": records,
        "left_out": totals.records - meta["records"],
        "totals": totals,
        "note": note,
        "made": moments.stamp(totals.end),
        "start": moments.stamp(line.start),
        "compared": moments.stamp(previous.made) if previous else "",
        "policies": sorted({data.policy for data in hosts if data.policy}),
        "cards": tiers.cards(totals, rows, first, new, line),
        "new": _new_rows(totals, new, first),
        "new_total": len(new),
        "line": line,
        "chart": charts.line(line, made, 1080, 260, "wide") + charts.line(line, made, 330, 220, "narrow"),
        "days": line.days(),
        "changes": made,
        "marks": {change.when: number for change, number in charts.marks(line, made)},
        "incidents": changes.incidents(hosts),
        "unused": changes.unused_entries(hosts),
        "matrix": _matrix(totals),
        "groups": [_group_row(totals, key, group) for key, group in _ordered(totals)[:ROWS]],
        "group_total": len(totals.groups),
        "rejected_groups": sum(key[3] != ALLOWED for key in totals.groups),
        "users": sorted(totals.users.items(), key=lambda item: (-len(item[1].hosts), -item[1].flows, item[0])),
        "host_rows": _host_rows(totals, hosts),
        "silent": sum(row["level"] == NO_DATA for row in rows.values()),
        "incomplete": _incomplete(hosts),
        "host_total": len({host for own in totals.tier_hosts.values() for host in own}),
        "rows": ROWS,
        "stamp": moments.stamp,
        "day": moments.day,
        "length": moments.length,
        "rate": _rate,
        "count": count,
        "bars": charts.bars,
        "row_words": WORDS,
    }
    return _environment().get_template("page.html.j2").render(view), set(first)


def _rate(hourly: float | None) -> str:
    """Return packets in an hour, one digit behind the point where that says more."""
    return "–" if hourly is None else f"{hourly:,.0f}" if hourly >= 10 or not hourly else f"{hourly:,.1f}"


def _new_rows(totals: Totals, new: Iterable[Any], first: Mapping[Any, int]) -> list[dict[str, Any]]:
    """Return the new destinations on most hosts."""
    best: dict[Any, tuple[int, Group]] = {}
    for (tier, destination, service, decision), group in totals.groups.items():
        key = (tier, destination, service)
        if decision != ALLOWED and (key not in best or decision < best[key][0]):
            best[key] = (decision, group)
    keys = sorted(new, key=lambda key: (-len(best[key][1].hosts), -first[key], key))[:_NEW]
    return [{**_group_row(totals, (*key, best[key][0]), best[key][1]), "first": first[key]} for key in keys]


def _ordered(totals: Totals) -> list[tuple[GroupKey, Group]]:
    """Return the groups: what is not allowed first, then those on most hosts, in the order of the page's program."""
    return sorted(
        totals.groups.items(),
        key=lambda item: (item[0][3] == ALLOWED, -len(item[1].hosts), -item[1].packets, item[0]),
    )


def _group_row(totals: Totals, key: GroupKey, group: Group) -> dict[str, Any]:
    tier, destination, service, decision = key
    return {
        "destination": destination,
        "name": group.name,
        "service": service,
        "tier": tier,
        "decision": WORDS[DECISIONS[decision]],
        "kind": DECISIONS[decision],
        "hosts": len(group.hosts),
        "of": len(totals.tier_hosts[tier]),
        "users": ", ".join(sorted(user or "(unknown)" for user in group.users)),
        "flows": group.flows,
        "packets": group.packets,
        "first": group.first,
        "last": group.last,
        "nearest": group.nearest,
    }


def _matrix(totals: Totals) -> dict[str, Any]:
    """Return who talks to what: hosts of each tier by destination, those rejected on most hosts first."""
    cells: dict[tuple[str, str], list[set[int]]] = {}
    known: dict[str, str] = {}
    for (tier, destination, _service, decision), group in totals.groups.items():
        known[destination] = known.get(destination) or group.name
        cells.setdefault((tier, destination), [set(), set(), set()])[decision].update(group.hosts)
    weights = {cell: len(hosts[0] | hosts[1]) for cell, hosts in cells.items()}
    order: dict[str, tuple[int, int]] = {}
    for (tier, destination), hosts in cells.items():
        rejected, allowed = order.get(destination, (0, 0))
        order[destination] = (rejected + weights[tier, destination], allowed + len(hosts[2]))
    shown = sorted(order, key=lambda destination: (*(-number for number in order[destination]), destination))
    names = sorted(totals.tier_hosts)
    top = shown[:_TOP_DESTINATIONS]
    heaviest = max((weights.get((tier, destination), 0) for tier in names for destination in top), default=1) or 1
    table = []
    for destination in top:
        row = []
        for tier in names:
            hosts = cells.get((tier, destination), [set(), set(), set()])
            words = [f"{len(own):,} {word}" for own, word in zip(hosts, WORDS.values(), strict=True) if own]
            weight = weights.get((tier, destination), 0)
            row.append((", ".join(words) or "–", -(-8 * weight // heaviest)))
        table.append((destination, known.get(destination, ""), row))
    drawn = {cell: weight for cell, weight in weights.items() if cell[1] in top and weight}
    right = [destination for destination in top if any((tier, destination) in drawn for tier in names)]
    picture = charts.ribbons(drawn, [tier for tier in names if any((tier, to) in drawn for to in right)], right)
    return {"tiers": names, "rows": table, "picture": picture if drawn else "", "total": len(order)}


def _host_rows(totals: Totals, hosts: Sequence[HostData]) -> list[dict[str, Any]]:
    """Return a row for each host, those without data first."""
    made = []
    for data in hosts:
        row, share = data.row or {}, totals.hosts.get(data.host)
        made.append(
            {
                "host": data.host,
                "tier": data.tier or "",
                "level": row.get("level", "records only"),
                "mode": row.get("mode") or "",
                "table": row.get("table") or "",
                "flows": share.flows if share else 0,
                "destinations": len(share.destinations) if share else 0,
                "note": " ".join(part for part in (row.get("note") or "", _gaps(totals, data)) if part),
            }
        )
    order = (NO_DATA, "critical", "warning", "ok")
    return sorted(made, key=lambda row: (*(row["level"] != level for level in order), -row["flows"], row["host"]))


def _gaps(totals: Totals, data: HostData) -> str:
    """Return what the records of a host do not include."""
    gaps = []
    if data.incomplete:
        gaps.append(f"its ledger has no record of {count(sum(item['packets'] for item in data.incomplete), 'packet')}")
    if data.unreadable:
        gaps.append(f"{count(data.unreadable, 'flow')} could not be read")
    if data.host in totals.left_out:
        gaps.append(
            f"{count(totals.left_out[data.host], 'record')} left out: a host has no more than {HOST_LIMIT:,} here"
        )
    return "; ".join(gaps)


def _incomplete(hosts: Sequence[HostData]) -> int:
    return sum(bool(data.incomplete) for data in hosts)


def _host_counts(totals: Totals) -> dict[str, int]:
    return {tier: len(own) for tier, own in totals.tier_hosts.items()}


@cache
def _asset(name: str) -> str:
    return (_DATA / name).read_text(encoding="utf-8").strip()


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_DATA),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _json(value: Any) -> Markup:
    """Return JSON that ends no script element, whatever is in it."""
    return Markup(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))  # noqa: S704 (has no markup)


def _policy(style: str, program: str) -> str:
    """Return the content security policy: this style, this program, nothing from anywhere."""

    def source(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    return (
        f"default-src 'none'; script-src {source(program)}; style-src {source(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
