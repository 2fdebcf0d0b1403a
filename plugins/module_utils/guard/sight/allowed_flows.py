# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What entries allowed: who talked to whom on which day, beyond a reload and a reboot. The watcher keeps it."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.counted_elements import dump_counted
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import table_counters
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    ALLOWED_FULL_COUNTER,
    ALLOWED_SETS,
    TABLE,
)

from .denied_ledger import MOST_KEPT, TIMEOUT, DeniedLine, counts_on, lines_of


class AllowedLine(NamedTuple):
    """A flow on one day. day: since 1970, in UTC, by the host's clock. address to uid: as in DeniedLine.

    packets: the first ones of connections; all of them where every packet is compared with the policy. first, last:
    when they were noticed, by running_time.py. counted: what nf_tables had of the flow at last, also of earlier days.
    """

    day: int
    address: str
    protocol: str
    port: int | None
    uid: int | None
    packets: int
    first: float
    last: float
    counted: int

    @property
    def flow(self) -> tuple[Any, ...]:
        """The flow, on whatever day."""
        return self[1:5]


class AllowedFlows(NamedTuple):
    """What is kept. lines: the latest first. boot_id: of the boot in which it was counted at last.

    since: when the host began to keep it without a gap, by running_time.py; None when it does not. left_out: packets
    that no line has. counted: of these, what nf_tables had at last. looked: when that was read, by running_time.py.
    """

    lines: tuple[AllowedLine, ...] = ()
    boot_id: str = ""
    since: float | None = None
    left_out: int = 0
    counted: int = 0
    looked: float = 0.0


class Moment(NamedTuple):
    """When it is read. running: by running_time.py; wall: the host's clock, since 1970; boot_id: of this boot."""

    running: float
    wall: float
    boot_id: str


class Live(NamedTuple):
    """What nf_tables has. left_out: packets without a line; None in a table that does not note what is allowed."""

    lines: tuple[DeniedLine, ...] = ()
    left_out: int | None = None


def live() -> Live:
    """Return what the live table has noted."""
    counters = table_counters(*TABLE)
    if ALLOWED_FULL_COUNTER not in counters:
        return Live()
    dumped = dump_counted(*TABLE, ALLOWED_SETS)
    lines = [line for name, each in ALLOWED_SETS.items() for line in lines_of(each, dumped.get(name, []))]
    return Live(tuple(lines), counters[ALLOWED_FULL_COUNTER][0])


def read(paths: Paths) -> AllowedFlows:
    """Return what is kept, nothing where there is no file or it cannot be read."""
    try:
        kept: dict[str, Any] = json.loads(files.read(paths.allowed_flows) or "{}")
        since = kept.get("since")
        return AllowedFlows(
            tuple(_checked(AllowedLine(*line)) for line in kept.get("lines", ())),
            str(kept.get("boot_id", "")),
            None if since is None else float(since),
            int(kept.get("left_out", 0)),
            int(kept.get("counted", 0)),
            float(kept.get("looked", 0)),
        )
    except (ValueError, TypeError, AttributeError):
        return AllowedFlows()


def write(paths: Paths, kept: AllowedFlows) -> None:
    """Save what is kept; raise GuardError (cannot_write)."""
    files.write(paths.allowed_flows, json.dumps(kept._asdict(), separators=(",", ":")).encode())


def look(kept: AllowedFlows, running: float, days: int) -> AllowedFlows:
    """Return what is kept together with what the live table has. running: by running_time.py; days: as of merged."""
    return merged(kept, live(), Moment(running, time.time(), clock.boot_id()), days)


def merged(kept: AllowedFlows, noted: Live, moment: Moment, days: int) -> AllowedFlows:
    """Return both together, without what is older than so many days."""
    now, wall, boot_id = moment
    if noted.left_out is None:
        return kept._replace(lines=_recent(kept.lines, now, days), boot_id=boot_id, since=None, counted=0)
    same_boot = kept.boot_id == boot_id
    lines = {(line.day, *line.flow): line for line in kept.lines}
    # What MOST_KEPT left out before is not counted twice.
    oldest = kept.lines[-1].last if len(kept.lines) >= MOST_KEPT else -1.0
    latest: dict[tuple[Any, ...], AllowedLine] = {}
    for line in sorted(kept.lines, key=lambda each: each.last):
        latest[line.flow] = line
    for seen in noted.lines:
        flow, last = (seen.address, seen.protocol, seen.port, seen.uid), float(round(now - seen.seconds))
        known = latest.get(flow)
        if known is None and last <= oldest:
            continue
        packets = seen.packets - _counted_before(known, seen, last, same_boot=same_boot)
        if not packets:
            continue
        day = int((wall - seen.seconds) // 86400)
        before = lines.get((day, *flow), AllowedLine(day, *flow, 0, last, last, 0))
        lines[(day, *flow)] = before._replace(
            packets=before.packets + packets, last=max(before.last, last), counted=seen.packets
        )
    recent = _recent(lines.values(), now, days)
    begun_anew = not same_boot or noted.left_out < kept.counted
    left_out = kept.left_out + noted.left_out - (0 if begun_anew else kept.counted)
    left_out += sum(line.packets for line in recent[MOST_KEPT:])
    # nf_tables forgets a flow after a day, so what nobody looked at for longer is a gap.
    since = now if kept.since is None or now - kept.looked > TIMEOUT else kept.since
    return AllowedFlows(recent[:MOST_KEPT], boot_id, since, left_out, noted.left_out, now)


def _counted_before(known: AllowedLine | None, seen: DeniedLine, last: float, *, same_boot: bool) -> int:
    """Return how many packets of a live line are in a kept one; 0 where it began anew. last: of its last packet."""
    if known is None or not same_boot or not counts_on(seen, last, known.counted, known.last):
        return 0
    return known.counted


def _recent(lines: Sequence[AllowedLine] | Any, now: float, days: int) -> tuple[AllowedLine, ...]:
    """Return the lines that are not too old, the latest first."""
    return tuple(
        sorted(
            (line for line in lines if line.last > now - days * 86400),
            key=lambda line: (-line.last, line.address, line.protocol, line.port or 0, line.uid or 0),
        )
    )


def _checked(line: AllowedLine) -> AllowedLine:
    """Return a line of a file; raise TypeError or ValueError for one that cannot be."""
    numbers = (line.day, line.packets, line.first, line.last, line.counted)
    if not all(isinstance(text, str) for text in (line.address, line.protocol)) or any(each < 0 for each in numbers):
        raise ValueError(line)
    return line
