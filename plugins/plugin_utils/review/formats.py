# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A review as Markdown, CSV and HTML. Texts of the inventory and of hosts are texts in all of them, never markup."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.rules import day

from .entries import Row

_SHOWN = 3
"""Hosts of an entry that are named; the rest is counted."""
_USERS = 10
"""Rows of refused flows that a run prints; the files have all."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How texts begin that a spreadsheet takes for a formula."""


@dataclass(frozen=True, kw_only=True)
class Review:
    """rows: of entries, the overdue first. silent: hosts without data, and why. unused: dismissals that fit nothing.

    made: when, in seconds since 1970. refused: flows and packets by tier and user, see entries.refusals.
    """

    rows: Sequence[Row]
    silent: Mapping[str, str]
    made: float
    unused: Sequence[str] = field(default_factory=tuple)
    refused: Sequence[Mapping[str, Any]] = ()

    @property
    def summary(self) -> str:
        """The review in one sentence."""
        overdue = sum(row.overdue for row in self.rows)
        hosts = len({host for row in self.rows for host in row.hosts})
        findings = sum(finding.dismissed is None for row in self.rows for finding in row.findings)
        kept = sum(finding.dismissed is not None for row in self.rows for finding in row.findings)
        when = f"{dt.datetime.fromtimestamp(self.made, dt.UTC):%Y-%m-%d %H:%M} UTC"
        return (
            f"{count(len(self.rows), 'entry', 'entries')} on {count(hosts, 'host')}, {overdue} overdue, "
            f"{count(findings, 'finding')}, {kept} dismissed, {when}"
        )


def files(review: Review) -> dict[str, str]:
    """Return the files of a review by name."""
    return {"review.md": markdown(review), "review.csv": table(review), "review.html": page(review)}


COLUMNS: Mapping[str, Callable[[Row, float], str]] = {
    "entry": lambda row, _now: row.name,
    "findings": lambda row, _now: "; ".join(
        f"{'OVERDUE: ' if finding.overdue else ''}{finding.text}"
        for finding in row.findings
        if finding.dismissed is None
    ),
    "dismissed": lambda row, _now: "; ".join(
        f"{finding.kind} {finding.dismissed.text}" for finding in row.findings if finding.dismissed is not None
    ),
    "owner": lambda row, _now: row.owner,
    "reason": lambda row, _now: row.reason,
    "to": lambda row, _now: ", ".join(row.to),
    "services": lambda row, _now: ", ".join(row.services),
    "users": lambda row, _now: ", ".join(row.users),
    "tiers": lambda row, _now: ", ".join(row.tiers),
    "hosts": lambda row, _now: _hosts(row.hosts),
    "age": lambda row, now: "" if row.changed is None else count(max(0, int((now - row.changed) // 86400)), "day"),
    "expires": lambda row, _now: str(row.expires or ""),
    "review_by": lambda row, _now: str(row.review_by or ""),
    "hits": lambda row, _now: "" if row.hits is None else str(row.hits),
    "last hit": lambda row, _now: day(row.last) if row.last else "",
    "unused": lambda row, _now: row.judged and f"not judged: {row.judged}",
    "where": lambda row, _now: row.origin or row.where,
}
"""Title and cell of each column. now: seconds since 1970."""


REFUSED = ("tier", "user", "decision", "hosts", "flows", "packets")
"""Columns of the refused flows."""


def lines(review: Review) -> Iterable[str]:
    """Yield what a run prints: what is overdue or found, and who gave no data."""
    for row in review.rows:
        open_findings = [finding for finding in row.findings if finding.dismissed is None]
        if open_findings:
            yield f"{row.name} ({row.owner or 'no owner'}, {row.origin or row.where}):"
        yield from (f"  {'OVERDUE: ' if finding.overdue else ''}{finding.text}" for finding in open_findings)
    yield from (f"{host}: no data: {why}" for host, why in review.silent.items())
    yield from review.unused
    for refused in review.refused[:_USERS]:
        flows, packets = count(refused["flows"], "flow"), count(refused["packets"], "packet")
        yield f"{refused['tier']}: {refused['user']}: {refused['decision'].replace('_', ' ')}: {flows}, {packets}"
    yield review.summary


def markdown(review: Review) -> str:
    """Return the review for a merge request."""
    notes = "".join(f"\n{line}\n" for line in _notes(review, _markdown_cell))
    tables = (
        f"{_markdown_table(COLUMNS, _cells(review))}{notes}\n## Refused\n\n{_markdown_table(REFUSED, _refused(review))}"
    )
    return f"# Egress review\n\n{review.summary}\n\n{tables}"


def _markdown_table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(titles)
    cells = [heads, ["---"] * len(heads), *(map(_markdown_cell, row) for row in rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def table(review: Review) -> str:
    """Return the review as CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in _cells(review):
        writer.writerow(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row)
    return text.getvalue()


def page(review: Review) -> str:
    """Return the review as one HTML file that loads nothing and runs nothing."""
    head = _heads(COLUMNS)
    refused = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}' for cell in row)}\n" for row in _refused(review))
    body = "".join(
        f"<tr{' class=overdue' if row.overdue else ''}>{''.join(f'<td>{html.escape(cell)}' for cell in cells)}\n"
        for row, cells in zip(review.rows, _cells(review), strict=True)
    )
    notes = "".join(f"<p>{line}</p>\n" for line in _notes(review, html.escape))
    return (
        "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        "<meta name=viewport content='width=device-width'><title>Egress review</title>\n"
        f"<style>{_STYLE}</style>\n<h1>Egress review</h1>\n<p>{html.escape(review.summary)}</p>\n{notes}"
        f"<div class=wide><table><thead><tr>{head}<tbody>\n{body}</table></div>\n"
        f"<h2>Refused</h2>\n<table><thead><tr>{_heads(REFUSED)}<tbody>\n{refused}</table>\n</html>\n"
    )


_STYLE = (
    ":root{color-scheme:light dark}body{font:15px/1.4 system-ui,sans-serif;margin:1rem}.wide{overflow-x:auto}"
    "table{border-collapse:collapse}th,td{border:1px solid #8888;padding:.3rem .5rem;text-align:left;"
    "vertical-align:top}thead th{position:sticky;top:0;background:Canvas}.overdue{outline:2px solid #c00}"
    "@media print{.wide{overflow:visible}}"
)


def _heads(titles: Iterable[str]) -> str:
    return "".join(f"<th scope=col>{html.escape(title)}" for title in titles)


def _refused(review: Review) -> list[list[str]]:
    return [[printable(str(row[name])) for name in REFUSED] for row in review.refused]


def _cells(review: Review) -> list[list[str]]:
    return [[printable(cell(row, review.made)) for cell in COLUMNS.values()] for row in review.rows]


def _notes(review: Review, escape: Callable[[str], str]) -> list[str]:
    silent = [f"{host}: no data: {why}" for host, why in review.silent.items()]
    return [escape(printable(line)) for line in (*silent, *review.unused)]


def _markdown_cell(text: str) -> str:
    return (
        html.escape(text, quote=False).replace("\\", "\\\\").replace("|", "\\|").replace("`", "\\`").replace("[", "\\[")
    )


def _hosts(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)}: {', '.join(names[:_SHOWN])}{more}"
