# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every entry of a fleet as one row, on however many hosts it is, with what is to be said about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry

from .dismissals import Dismissal
from .usage import parts

FINDINGS: Mapping[str, tuple[bool, str]] = {
    "expired": (True, "its last day is over, and it is still written"),
    "review_due": (True, "its review_by is over"),
    "unused": (False, "nothing used it for so many days, although it was there unchanged for all of them"),
    "unused_part": (False, "a service, user or destination of it that nothing used, likewise"),
    "expires": (False, "it ends within 14 days"),
    "above_ceiling": (False, "it is raised over the ceiling of its tier"),
    "shared": (False, "anyone can host a service where it leads"),
    "known_old": (False, "a bundle of names that was read more than a year ago"),
    "approximate": (False, "enforcement points that cannot express it open more or less"),
    "wildcard": (False, "a wildcard stays a way out through DNS"),
    "names_left_out": (False, "names that its hosts do not open"),
    "redundant": (False, "another entry opens all of it"),
    "closed_by_never": (False, "egress_never closes all of it"),
    "no_owner": (False, "nobody is named as its owner"),
    "no_reason": (False, "it does not say why it is there"),
}
"""Kind: whether it is overdue, and what it is. In the order of their weight."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something to be said about an entry. dismissed: the decision of people to leave it, None without one."""

    kind: str
    text: str
    dismissed: Dismissal | None = None

    @property
    def overdue(self) -> bool:
        """Whether somebody should have acted already."""
        return FINDINGS[self.kind][0] and self.dismissed is None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One entry. where, origin: the variable, and file, line and column. to to owner: as written; users: units, too.

    tiers, hosts: where it counts. changed: when its lines were changed last, in seconds since 1970; None where that is
    not known. hits: first packets of connections, None where no host notes them; last: of these, 0 for none.
    judged: whether enough was seen for long enough to call it unused, else why not.
    """

    name: str
    where: str
    origin: str
    to: tuple[str, ...]
    services: tuple[str, ...]
    users: tuple[str, ...]
    reason: str
    owner: str
    expires: dt.date | None
    review_by: dt.date | None
    tiers: tuple[str, ...]
    hosts: tuple[str, ...]
    changed: float | None
    hits: int | None
    last: int
    unused_parts: tuple[str, ...]
    judged: str
    findings: tuple[Finding, ...] = ()

    @property
    def overdue(self) -> bool:
        """Whether any finding is overdue."""
        return any(finding.overdue for finding in self.findings)


@dataclass(frozen=True, kw_only=True)
class HostUsage:
    """What a host noted. usage: of its entries, see usage.py; refused: flows and packets by user, see usage.refused.

    since: from when on usage is complete, None for never; left_out: packets without a line.
    """

    usage: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    since: float | None = None
    left_out: int = 0
    refused: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class Times:
    """now: seconds since 1970. unused_days: of the rules. changed: when lines were changed last, by file and line."""

    now: float
    unused_days: int
    changed: Callable[[str], float | None]


def rows(
    fleet: Mapping[str, ResolvedPolicy],
    used: Mapping[str, HostUsage],
    times: Times,
    dismissals: Sequence[Dismissal] = (),
) -> list[Row]:
    """Return a row for each entry that people wrote, the overdue first. fleet: policies by host."""
    grouped: dict[tuple[str, str], list[tuple[str, ResolvedEntry]]] = {}
    for host, resolved in fleet.items():
        for entry in resolved.all_entries():
            if entry.kind in ("allow", "base", "raise"):
                grouped.setdefault((entry.name, entry.origin or entry.where), []).append((host, entry))
    notices = _notices(fleet.values())
    made = [_row(several, fleet, used, times, notices) for several in grouped.values()]
    made += _expired(fleet, times)
    dismissed = [_dismissed(row, dismissals) for row in made]
    weight = list(FINDINGS)
    return sorted(
        dismissed,
        key=lambda row: (
            not row.overdue,
            min((weight.index(each.kind) for each in row.findings if each.dismissed is None), default=len(weight)),
            row.name,
            row.origin,
        ),
    )


def refusals(fleet: Mapping[str, ResolvedPolicy], used: Mapping[str, HostUsage]) -> list[dict[str, Any]]:
    """Return the refused flows and packets of each tier and user over all hosts, the most packets first."""
    totals: dict[tuple[str, str, str], dict[str, Any]] = {}
    for host, noted in used.items():
        for each in noted.refused:
            key = (fleet[host].tier, each["user"] or "no user", each["decision"])
            named = dict(zip(("tier", "user", "decision"), key, strict=True))
            row = totals.setdefault(key, {**named, "hosts": 0, "flows": 0, "packets": 0})
            row["hosts"] += 1
            row["flows"] += each["flows"]
            row["packets"] += each["packets"]
    return sorted(totals.values(), key=lambda row: (-row["packets"], row["tier"], row["user"], row["decision"]))


def _row(
    several: Sequence[tuple[str, ResolvedEntry]],
    fleet: Mapping[str, ResolvedPolicy],
    used: Mapping[str, HostUsage],
    times: Times,
    notices: Mapping[str, Mapping[str, str]],
) -> Row:
    hosts = tuple(sorted(host for host, _entry in several))
    entry = several[0][1]
    noted = [used[host] for host in hosts if host in used and used[host].since is not None]
    usages = [each.usage[entry.name] for each in noted if entry.name in each.usage]
    seen_parts = {part for each in usages for part in each["parts"]}
    changed = times.changed(entry.origin)
    proxied = any(fleet[host].names.feeder == "proxy" for host in hosts) and bool(entry.names)
    judged = "only the log of its proxy knows" if proxied else _judged(len(hosts), noted, changed, times)
    hits = sum(each["hits"] for each in usages) if noted and not proxied else None
    unused = tuple(part for part in parts(entry) if part not in seen_parts) if hits and not judged else ()
    row = Row(
        name=entry.name,
        where=entry.where,
        origin=entry.origin,
        to=entry.to,
        services=entry.service_texts,
        users=(*(entry.users or ()), *(entry.units or ())),
        reason=entry.reason,
        owner=entry.owner,
        expires=entry.expires,
        review_by=entry.review_by,
        tiers=tuple(sorted({fleet[host].tier for host in hosts})),
        hosts=hosts,
        changed=changed,
        hits=hits,
        last=max((each["last"] for each in usages), default=0),
        unused_parts=unused,
        judged=judged,
    )
    return replace(row, findings=tuple(_findings(row, entry, times, notices.get(entry.where, {}))))


def _judged(hosts: int, noted: Sequence[HostUsage], changed: float | None, times: Times) -> str:
    """Return why nothing can be said about what does not use an entry, "" where it can."""
    begin = times.now - times.unused_days * 86400
    days = count(times.unused_days, "day")
    if len(noted) < hosts:
        return f"{count(hosts - len(noted), 'host')} did not note what is allowed (egress_ledger: all)"
    if any(each.left_out for each in noted):
        return "the ledger of a host has not everything"
    if any(each.since is None or each.since > begin for each in noted):
        return f"noted for less than {days}"
    if changed is None:
        return "when it was changed is not known"
    return f"changed within {days}" if changed > begin else ""


def _findings(row: Row, entry: ResolvedEntry, times: Times, notices: Mapping[str, str]) -> Iterable[Finding]:
    yield from (Finding(kind=kind, text=text) for kind, text in notices.items() if kind in FINDINGS)
    if not row.judged and row.hits == 0:
        yield Finding(kind="unused", text=f"unused for {count(times.unused_days, 'day')}")
    for part in row.unused_parts:
        yield Finding(kind="unused_part", text=f"{part} is unused for {count(times.unused_days, 'day')}")
    if entry.kind == "raise":
        yield Finding(kind="above_ceiling", text=f"raised over the ceiling of {' and '.join(row.tiers)}")
    if entry.approximate:
        yield Finding(kind="approximate", text=f"approximate: {entry.approximate}")
    for kind, text in (("no_owner", row.owner), ("no_reason", row.reason)):
        if not text:
            yield Finding(kind=kind, text=FINDINGS[kind][1])


def _notices(policies: Iterable[ResolvedPolicy]) -> dict[str, dict[str, str]]:
    """Return what the policies say about their entries: by the entry's place, text by kind."""
    texts: dict[str, dict[str, str]] = {}
    for resolved in {id(each): each for each in policies}.values():
        for notice in resolved.notices:
            # With file and line before it where they are known.
            _place, _space, name = notice.where.rpartition(" ")
            texts.setdefault(name.partition(".")[0], {}).setdefault(notice.kind, notice.text)
    return texts


def _expired(fleet: Mapping[str, ResolvedPolicy], times: Times) -> Iterable[Row]:
    """Yield the entries that are left out because their last day is over."""
    hosts: dict[tuple[str, str, dt.date], list[str]] = {}
    for host, resolved in fleet.items():
        for entry in resolved.expired:
            hosts.setdefault((entry.name, entry.origin, entry.expires), []).append(host)
    for (name, origin, expires), several in hosts.items():
        yield Row(
            name=name,
            where="",
            origin=origin,
            to=(),
            services=(),
            users=(),
            reason="",
            owner="",
            expires=expires,
            review_by=None,
            tiers=tuple(sorted({fleet[host].tier for host in several})),
            hosts=tuple(sorted(several)),
            changed=times.changed(origin),
            hits=None,
            last=0,
            unused_parts=(),
            judged="it is over",
            findings=(Finding(kind="expired", text=f"expired on {expires}; remove it"),),
        )


def _dismissed(row: Row, dismissals: Sequence[Dismissal]) -> Row:
    findings = tuple(
        replace(finding, dismissed=next((each for each in dismissals if each.covers(row.name, finding.kind)), None))
        for finding in row.findings
    )
    return replace(row, findings=findings)
