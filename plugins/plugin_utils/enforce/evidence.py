# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an observation and the policy to a verdict with its evidence: "71 of 72 h, no Sunday seen"."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError

DEFAULT = "72h"
_UNITS = {"h": 1, "d": 24, "w": 168, "": 1}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHOWN = 5


@dataclass(frozen=True)
class Refusal:
    """One line of what would have been refused. packets: how many; last: seconds since 1970."""

    address: str
    protocol: int
    port: int | None
    uid: int | None
    user: str | None
    packets: int
    last: float

    def __str__(self) -> str:
        names = {6: "tcp", 17: "udp", 132: "sctp", 33: "dccp", 1: "icmp", 58: "icmp"}
        spoken = names.get(self.protocol, f"proto/{self.protocol}")
        who = self.user or (f"uid {self.uid}" if self.uid is not None else "no user")
        port = f"/{self.port}" if self.port is not None else ""
        return f"{who} to {self.address} {spoken}{port} ({self.packets} packets)"


@dataclass(frozen=True)
class Evidence:
    """Whether a host may enforce (ready), and why (sentence). hours: of its observation; wanted: how many it needs.

    unseen: the days of the week that the observation did not touch. unexplained: refusals of the time that is wanted
    that the policy would still make and nobody wrote down. explained: how many others there were.
    """

    ready: bool
    sentence: str
    hours: float
    wanted: int
    unseen: tuple[str, ...] = ()
    unexplained: tuple[Refusal, ...] = ()
    explained: int = 0


def hours_of(text: Any) -> int:
    """Return the hours of 72, "72h", "3d" or "1w". Raise ValueError with a sentence."""
    found = re.fullmatch(r"(\d+)\s*([hdw]?)", str(text).strip())
    if found is None:
        raise ValueError(f'egress_observe_min: "{text}" is no time; write hours or days, such as 72h or 3d')
    return int(found[1]) * _UNITS[found[2]]


def judge(resolved: policy.ResolvedPolicy, observed: Mapping[str, Any], wanted: int) -> Evidence:
    """Return the evidence of one host. observed: what egress_guard's phase observed returned; wanted: hours."""
    if observed["confirmed"] and not observed["observes"]:
        return Evidence(ready=True, sentence="enforces already", hours=0.0, wanted=wanted)
    if not observed["observes"]:
        return Evidence(
            ready=False, sentence=f"0 of {wanted} h: no policy was confirmed here", hours=0.0, wanted=wanted
        )
    since, now = float(observed["since"]), float(observed["now"])
    hours = max(0.0, now - since) / 3600
    lines = [Refusal(**line) for line in observed["ledger"]]
    counting = [line for line in lines if line.last >= now - wanted * 3600]
    open_ = tuple(line for line in counting if not explained(resolved, line))
    days = unseen(since, now)
    parts = [f"{int(hours)} of {wanted} h"]
    if days:
        parts.append(f"no {' or '.join([', '.join(days[:-1]), days[-1]] if days[:-1] else days)} seen")
    if open_:
        shown = "; ".join(str(line) for line in open_[:_SHOWN])
        more = f" and {len(open_) - _SHOWN} more" if len(open_) > _SHOWN else ""
        parts.append(f"{len(open_)} would-be refusals that nothing explains: {shown}{more}")
    else:
        parts.append("no would-be refusal that nothing explains")
    ready = hours >= wanted and not open_
    return Evidence(ready, ", ".join(parts), hours, wanted, days, open_, len(counting) - len(open_))


def explained(resolved: policy.ResolvedPolicy, line: Refusal) -> bool:
    """Whether the policy lets it out by now, or somebody wrote down that it is refused (never, deny_quietly)."""
    verdicts = []
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


def unseen(since: float, now: float) -> tuple[str, ...]:
    """Return the days of the week (UTC) that a stretch of time does not touch, Monday first."""
    first, last = (dt.datetime.fromtimestamp(one, dt.UTC).date() for one in (since, now))
    touched = {(first + dt.timedelta(days=number)).weekday() for number in range(min(7, (last - first).days + 1))}
    return tuple(name for number, name in enumerate(_DAYS) if number not in touched)
