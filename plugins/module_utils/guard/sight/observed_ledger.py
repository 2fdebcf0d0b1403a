# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would-be rejections of mode observe, kept longer than the day that nf_tables keeps them, and over reboots."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

from . import denied_ledger
from .denied_ledger import DeniedLine, Ledger, Overflow

DAYS = 31
"""Days that a line is kept after its last packet, so that a monthly job is covered."""

MOST = 20000
"""Lines that are kept, the latest ones; about 2 MB."""


@dataclass(frozen=True)
class ObservedLine:
    """One line. uid, port: as in DeniedLine. packets: as last counted; last: the last packet, by running_time.py."""

    address: str
    protocol: str
    port: int | None
    uid: int | None
    packets: int
    last: float

    @property
    def key(self) -> tuple[str, str, int | None, int | None]:
        """The flow."""
        return (self.address, self.protocol, self.port, self.uid)


@dataclass(frozen=True)
class ObservedOverflow:
    """Packets without a line. uid, protocol: as in Overflow; both empty for lines that MOST left out here.

    packets, last: as in ObservedLine.
    """

    uid: int | None
    protocol: str
    packets: int
    last: float


@dataclass(frozen=True)
class ObservedLedger:
    """What is kept, the most frequent first."""

    lines: tuple[ObservedLine, ...] = ()
    overflow: tuple[ObservedOverflow, ...] = ()


def read(paths: Paths) -> ObservedLedger:
    """Return what is kept, nothing where there is no file or it cannot be read."""
    try:
        kept: dict[str, Any] = json.loads(files.read(paths.observed_ledger) or "{}")
        return ObservedLedger(
            tuple(ObservedLine(**line) for line in kept.get("lines", ())),
            tuple(ObservedOverflow(**item) for item in kept.get("overflow", ())),
        )
    except (ValueError, TypeError, AttributeError):
        return ObservedLedger()


def save(paths: Paths, now: float) -> None:
    """Add the live ledger to what is kept. now: by running_time.py."""
    old = read(paths)
    new = merged(old, denied_ledger.read(), now)
    if new != old:
        files.write(paths.observed_ledger, json.dumps(asdict(new)).encode())


def merged(kept: ObservedLedger, live: Ledger, now: float) -> ObservedLedger:
    """Return both together, without what is too old."""
    lines = {line.key: line for line in kept.lines if line.last > now - DAYS * 86400}
    for denied in live.lines:
        flow = (denied.address, denied.protocol, denied.port, denied.uid)
        fresh = ObservedLine(*flow, denied.packets, _time(denied, now))
        if denied.observed and _is_news(fresh, lines.get(fresh.key)):
            lines[fresh.key] = fresh
    left_out = {(item.uid, item.protocol): item for item in kept.overflow if item.last > now - DAYS * 86400}
    for item in live.overflow:
        more = ObservedOverflow(item.uid, item.protocol, item.packets, _time(item, now))
        if item.observed and _is_news(more, left_out.get((item.uid, item.protocol))):
            left_out[item.uid, item.protocol] = more
    latest = sorted(lines.values(), key=lambda line: -line.last)
    for line in latest[MOST:]:
        known = left_out.get((None, ""), ObservedOverflow(None, "", 0, 0.0))
        left_out[None, ""] = replace(known, packets=known.packets + line.packets, last=max(known.last, line.last))
    return ObservedLedger(
        tuple(
            sorted(latest[:MOST], key=lambda line: (-line.packets, line.key[:2], line.port or 0, line.uid or 0)),
        ),
        tuple(sorted(left_out.values(), key=lambda item: (-item.packets, item.uid or 0, item.protocol))),
    )


def _time(item: DeniedLine | Overflow, now: float) -> float:
    """Return the time of the last packet, in whole seconds, so that a line does not change by rounding alone."""
    return float(round(now - item.seconds))


def _is_news(fresh: ObservedLine | ObservedOverflow, known: ObservedLine | ObservedOverflow | None) -> bool:
    return known is None or fresh.packets != known.packets or fresh.last > known.last + 2
