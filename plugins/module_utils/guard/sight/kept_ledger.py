# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The denied ledger beyond a day, a reload and a reboot, after which nf_tables forgets it. The watcher keeps it."""

from __future__ import annotations

import json
from typing import Any, Iterable, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import settings

from . import denied_ledger
from .denied_ledger import MOST_KEPT, DeniedLine, Ledger, Overflow, counts_on

_UNITS = 8
"""Units that a line keeps."""


class KeptLine(NamedTuple):
    """One line. address to observed: as in DeniedLine.

    packets, bytes: since the first one, over all reloads and reboots. first, last: when the first and the last packet
    were noticed, by running_time.py. counted, counted_bytes: what nf_tables had of them at last. units: the last ones
    that are known to have sent some.
    """

    address: str
    protocol: str
    port: int | None
    uid: int | None
    observed: bool
    packets: int
    bytes: int
    first: float
    last: float
    counted: int
    counted_bytes: int
    units: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        """The flow."""
        return self[:5]

    @property
    def destination(self) -> tuple[str, str, int | None]:
        """Where it went, whoever sent it."""
        return self[:3]


class KeptOverflow(NamedTuple):
    """Packets without a line. uid, protocol: as in Overflow; both empty for lines that MOST_KEPT left out here.

    observed, packets, last: as in KeptLine.
    """

    uid: int | None
    protocol: str
    observed: bool
    packets: int
    last: float

    @property
    def key(self) -> tuple[Any, ...]:
        """Whose packets they are."""
        return self[:3]


class KeptLedger(NamedTuple):
    """What is kept, the most frequent first. boot_id: of the boot in which it was counted at last."""

    lines: tuple[KeptLine, ...] = ()
    overflow: tuple[KeptOverflow, ...] = ()
    boot_id: str = ""


def read(paths: Paths) -> KeptLedger:
    """Return what is kept, nothing where there is no file or it cannot be read."""
    try:
        kept: dict[str, Any] = json.loads(files.read(paths.ledger) or "{}")
        return KeptLedger(
            tuple(_checked(KeptLine(*line)) for line in kept.get("lines", ())),
            tuple(KeptOverflow(*item) for item in kept.get("overflow", ())),
            str(kept.get("boot_id", "")),
        )
    except (ValueError, TypeError, AttributeError):
        return KeptLedger()


def current(paths: Paths, now: float) -> KeptLedger:
    """Return what is kept together with the live ledger. now: by running_time.py."""
    days = settings.read(paths).ledger_days
    return merged(read(paths), denied_ledger.read(), now, clock.boot_id(), days)


def write(paths: Paths, ledger: KeptLedger) -> None:
    """Save a ledger; raise GuardError (cannot_write)."""
    files.write(paths.ledger, json.dumps(ledger._asdict(), separators=(",", ":")).encode())


def merged(kept: KeptLedger, live: Ledger, now: float, boot_id: str, days: int) -> KeptLedger:
    """Return both together, without what is too old. now: by running_time.py; boot_id: of this boot."""
    oldest = now - days * 86400
    lines = {line.key: line for line in kept.lines if line.last > oldest}
    for denied in live.lines:
        known = lines.get((denied.address, denied.protocol, denied.port, denied.uid, denied.observed))
        fresh = _merged_line(known, denied, now, same_boot=kept.boot_id == boot_id)
        lines[fresh.key] = fresh
    left_out = {item.key: item for item in kept.overflow if item.last > oldest}
    for item in live.overflow:
        more = KeptOverflow(item.uid, item.protocol, item.observed, item.packets, _time(item, now))
        known_more = left_out.get(more.key)
        if known_more is None or more.packets != known_more.packets or more.last > known_more.last + 2:
            left_out[more.key] = more
    latest = sorted(lines.values(), key=lambda line: -line.last)
    for line in latest[MOST_KEPT:]:
        known_more = left_out.get((None, "", line.observed), KeptOverflow(None, "", line.observed, 0, 0.0))
        left_out[known_more.key] = known_more._replace(
            packets=known_more.packets + line.packets, last=max(known_more.last, line.last)
        )
    return KeptLedger(
        tuple(
            sorted(latest[:MOST_KEPT], key=lambda line: (-line.packets, line.key[:2], line.port or 0, line.uid or 0))
        ),
        tuple(sorted(left_out.values(), key=lambda item: (-item.packets, item.uid or 0, item.protocol))),
        boot_id,
    )


def new_lines(before: Iterable[KeptLine], after: Iterable[KeptLine]) -> list[KeptLine]:
    """Return the lines of destinations that no line before had, of each destination the first."""
    known = {line.destination for line in before}
    by_destination = {line.destination: line for line in sorted(after, key=lambda line: -line.first)}
    return [line for destination, line in by_destination.items() if destination not in known]


def _merged_line(known: KeptLine | None, denied: DeniedLine, now: float, *, same_boot: bool) -> KeptLine:
    """Return a line with what the live one adds to it. A live line that began anew counts from 0."""
    last, flow = _time(denied, now), (denied.address, denied.protocol, denied.port, denied.uid, denied.observed)
    counted = (denied.packets, denied.bytes)
    if known is None:
        return KeptLine(*flow, *counted, last, last, *counted, denied.units[:_UNITS])
    continued = same_boot and counts_on(denied, last, known.counted, known.last)
    packets, size = (denied.packets - known.counted, denied.bytes - known.counted_bytes) if continued else counted
    if continued and not packets:
        # The time of a packet does not change by rounding.
        last = known.last
    units = tuple(dict.fromkeys([*denied.units, *known.units]))[:_UNITS]
    totals = known.packets + packets, known.bytes + size
    return KeptLine(*flow, *totals, known.first, max(known.last, last), *counted, units)


def _checked(line: KeptLine) -> KeptLine:
    """Return a line of a file; raise TypeError or ValueError for one that cannot be."""
    texts, counts = (line.address, line.protocol), (line.packets, line.bytes, line.counted, line.counted_bytes)
    if not all(isinstance(text, str) for text in texts) or any(count < 0 for count in (*counts, line.first, line.last)):
        raise ValueError(line)
    if not all(isinstance(unit, str) for unit in line.units):
        raise ValueError(line)
    return line._replace(units=tuple(line.units))


def _time(item: DeniedLine | Overflow, now: float) -> float:
    """Return the time of the last packet, in whole seconds, so that a line does not change by rounding alone."""
    return float(round(now - item.seconds))
