# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an observation and the policy to a verdict with its evidence."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif.judge import ALLOWED, Judge

from .decisions import Ignored
from .proxied import Proxied

DEFAULT = "72h"
OVERRIDE = "Override: -e egress_enforce_anyway=true."
_UNITS = {"h": 1, "d": 24, "w": 168, "": 1}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TCP = 6
_SHOWN = 5
"""Unexplained rejections that the sentence names; the rest are counted."""


class DurationError(ControllerError):
    """A text that is not a length of time."""

    reason = "bad_duration"


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """Packets that mode enforce would have rejected. packets: how many; last: seconds since 1970.

    unit: the only systemd unit that is known to have sent some, None for an unknown one or several. address: for a
    request to a proxy the name that was asked for; packets are requests then.
    """

    address: str
    protocol: int
    port: int | None
    uid: int | None
    user: str | None
    packets: int
    last: float
    unit: str | None = None
    proxied: bool = False

    def __str__(self) -> str:
        if self.proxied:
            service = services.to_text(self.protocol, self.port)
            return f"{self.address} {service} through the proxy ({count(self.packets, 'request')})"
        sender = self.user or (f"uid {self.uid}" if self.uid is not None else "no user")
        sender = f"{self.unit} ({sender})" if self.unit else sender
        service = services.to_text(self.protocol, self.port)
        return f"{sender} to {self.address} {service} ({count(self.packets, 'packet')})"


@dataclass(frozen=True, kw_only=True)
class Overflow:
    """Packets that mode enforce would have rejected and of which the ledger has no line. user: whose, for people."""

    user: str
    packets: int
    last: float

    def __str__(self) -> str:
        return f"{self.user} ({count(self.packets, 'packet')})"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Whether a host may enforce, and why.

    ready: whether it may.
    sentence: the verdict and the evidence, for people.
    hours, required_hours: how long it was observed, and how long it must be.
    unseen_days: days of the week that the observation did not include.
    unexplained: rejections that the policy would still make and that nobody decided about; of those before the
        required time, the ones that no entry names at all.
    explained: how many other rejections are known.
    overflow: of whom the ledger has not every rejection within that time, so that some may be unexplained.
    gaps: what is not known of the proxies' logs, a sentence each.
    """

    ready: bool
    sentence: str
    hours: float
    required_hours: int
    unseen_days: tuple[str, ...] = ()
    unexplained: tuple[Rejection, ...] = ()
    explained: int = 0
    overflow: tuple[Overflow, ...] = ()
    gaps: tuple[str, ...] = ()


class UnexpectedObservation(ControllerError):
    """A host said something of what it observed that the guard never says."""

    reason = "bad_result"


def hours_of(text: Any) -> int:
    """Return the hours of 72, "72h", "3d" or "1w". Raise DurationError."""
    match = re.fullmatch(r"(\d+)\s*([hdw]?)", str(text).strip())
    if match is None:
        raise DurationError(f'egress_observe_min: "{text}" is not a length of time; write hours or days: 72h or 3d')
    return int(match[1]) * _UNITS[match[2]]


def judge(
    resolved: policy.ResolvedPolicy,
    observed: Mapping[str, Any],
    required: int,
    ignored: Sequence[Ignored] = (),
    proxied: Proxied | None = None,
) -> Evidence:
    """Return the evidence of one host. observed: what phase observed of egress_guard returned; required: hours.

    ignored: what people decided not to allow. proxied: of the host's proxies, None where it has none.
    Raise UnexpectedObservation for what the guard never says.
    """
    if observed["confirmed"] and not observed["observes"]:
        sentence = "Ready: this host already enforces its policy."
        return Evidence(ready=True, sentence=sentence, hours=0.0, required_hours=required)
    if not observed["observes"]:
        sentence = f"Not ready: observed 0 of {required} h, no policy has been confirmed on this host."
        return Evidence(ready=False, sentence=sentence, hours=0.0, required_hours=required)
    if observed["since"] is None:
        raise UnexpectedObservation("observed.since is null although this host observes")
    since, now = float(observed["since"]), float(observed["now"])
    lines = [Rejection(**line) for line in observed["ledger"]]
    gaps: tuple[str, ...] = ()
    if proxied is not None:
        gaps = proxied.gaps
        since = max(since, now if proxied.since is None else proxied.since)
        lines += _through_proxies(proxied)
    hours = max(0.0, now - since) / 3600
    counts_from = now - required * 3600
    unexplained = tuple(
        line
        for line in lines
        if not explained(resolved, line, ignored) and (line.last >= counts_from or not _named(resolved, line))
    )
    overflow = tuple(item for item in (Overflow(**item) for item in observed["overflow"]) if item.last >= counts_from)
    days = unseen_days(since, now)
    ready = hours >= required and not unexplained and not overflow and not gaps
    length = _observed(since, hours, required, complete=bool(unexplained or overflow or gaps))
    parts = [
        f"{'Ready' if ready else 'Not ready'}: {length}.",
        f"No {_or(days)} yet." if days else "",
        _rejections(unexplained, counts_from, complete=not (overflow or gaps)),
        _incomplete(overflow),
        f"What its proxies rejected is not known: {'; '.join(gaps)}." if gaps else "",
        "" if ready else OVERRIDE,
    ]
    return Evidence(
        ready=ready,
        sentence=" ".join(part for part in parts if part),
        hours=hours,
        required_hours=required,
        unseen_days=days,
        unexplained=unexplained,
        explained=len(lines) - len(unexplained),
        overflow=overflow,
        gaps=gaps,
    )


def _through_proxies(proxied: Proxied) -> list[Rejection]:
    """Return what proxies let through that mode enforce would have them reject, each name and port once."""
    known: dict[tuple[str, int], tuple[int, float]] = {}
    for request in proxied.requests:
        if request["observed"]:
            key = (str(request["name"]).lower(), int(request["port"]))
            times, last = known.get(key, (0, 0.0))
            known[key] = (times + request["times"], max(last, request["last"]))
    return [
        Rejection(address=name, protocol=_TCP, port=port, uid=None, user=None, packets=times, last=last, proxied=True)
        for (name, port), (times, last) in known.items()
    ]


def explained(resolved: policy.ResolvedPolicy, line: Rejection, ignored: Sequence[Ignored] = ()) -> bool:
    """Return whether the policy now allows it, or egress_never, egress_deny_quietly or a decision mentions it.

    To everybody or to its user: the note of a unit may miss another one, so an entry with units explains nothing that
    was before.
    """
    if any(each.covers([line.address], line.protocol, line.port) for each in ignored):
        return True
    if line.proxied:
        with suppress(AddressError):
            return Judge(resolved)(line.address, line.protocol, line.port, None).outcome == ALLOWED
        return False
    verdicts = []
    # What was rejected was about to leave the host, whatever the inventory takes for the host's own addresses.
    resolved = replace(resolved, own=NOTHING)
    for user in (line.user, None if line.uid is None else str(line.uid)):
        try:
            verdicts.append(policy.decide(resolved, policy.Flow(line.address, line.protocol, line.port, user)))
        except AddressError:
            return False
    if any(not verdict.rejected or verdict.cause == "never" for verdict in verdicts):
        return True
    port = line.port or 0
    return any(
        line.address in quiet.addresses and quiet.services.contains(line.protocol, port) for quiet in resolved.quiet
    )


def _named(resolved: policy.ResolvedPolicy, line: Rejection) -> bool:
    """Return whether an entry names the destination and service, for whomever: somebody decided about it since."""
    return not line.proxied and any(
        line.address in grant.addresses and grant.services.contains(line.protocol, line.port or 0)
        for entry in resolved.entries
        for grant in entry.grants
    )


def unseen_days(since: float, now: float) -> tuple[str, ...]:
    """Return the days of the week (UTC) outside a period, Monday first. since, now: seconds since 1970."""
    first, last = (dt.datetime.fromtimestamp(moment, dt.UTC).date() for moment in (since, now))
    seen = {(first + dt.timedelta(days=number)).weekday() for number in range(min(7, (last - first).days + 1))}
    return tuple(name for number, name in enumerate(_DAYS) if number not in seen)


def _observed(since: float, hours: float, required: int, *, complete: bool) -> str:
    text = f"observed {int(hours)} of {required} h"
    if hours >= required:
        return text
    end = dt.datetime.fromtimestamp(since + required * 3600, dt.UTC)
    return f"{text} ({'complete' if complete else 'ready'} {end:%Y-%m-%d %H:%M} UTC)"


def _rejections(unexplained: Sequence[Rejection], counts_from: float, *, complete: bool) -> str:
    if not unexplained:
        return "No unexplained rejections." if complete else ""
    named = "; ".join(
        f"{line}{f', last on {_day(line.last)}' if line.last < counts_from else ''}" for line in unexplained[:_SHOWN]
    )
    more = f" and {len(unexplained) - _SHOWN} more" if len(unexplained) > _SHOWN else ""
    return f"{count(len(unexplained), 'unexplained rejection')}: {named}{more}."


def _day(moment: float) -> str:
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%Y-%m-%d}"


def _incomplete(overflow: Sequence[Overflow]) -> str:
    """Return of whom the evidence is incomplete, and what to do."""
    if not overflow:
        return ""
    named = ", ".join(map(str, overflow[:_SHOWN]))
    more = f" and {len(overflow) - _SHOWN} more" if len(overflow) > _SHOWN else ""
    return (
        f"The ledger is incomplete: {named}{more} tried more destinations than it keeps of one user. "
        "Fix: stop what floods, or allow or quietly deny it, and observe again."
    )


def _or(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if words[:-1] else words)
