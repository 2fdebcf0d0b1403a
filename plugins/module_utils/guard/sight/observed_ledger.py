# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would-be rejections of mode observe, kept longer than the day that nf_tables keeps them, and over reboots."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Iterable, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host

from .denied_ledger import DeniedLine, ledger

DAYS = 31
"""Days that a line is kept after its last packet, so that a monthly job is covered."""

MOST = 20000
"""Lines that are kept, the latest ones; about 2 MB."""


@dataclass(frozen=True)
class ObservedLine:
    """One line. uid, port: as in DeniedLine. packets: as last counted; last: time of the last packet, since 1970."""

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


def read(paths: Paths) -> list[ObservedLine]:
    """Return the kept lines, [] when there are none or the file cannot be read."""
    try:
        lines: list[Mapping[str, Any]] = json.loads(files.read(paths.observed_ledger) or "[]")
        return [ObservedLine(**line) for line in lines]
    except (ValueError, TypeError):
        return []


def save(host: Host, now: float) -> None:
    """Add the live ledger to the kept lines."""
    old = read(host.paths)
    new = merged(old, ledger(host.table), now)
    if new != old:
        files.write(host.paths.observed_ledger, json.dumps([asdict(line) for line in new]).encode())


def merged(kept: Iterable[ObservedLine], live: Iterable[DeniedLine], now: float) -> list[ObservedLine]:
    """Return both together, the most frequent first, without lines that are too old."""
    lines = {line.key: line for line in kept if line.last > now - DAYS * 86400}
    for line in live:
        if not line.observed:
            continue
        # In whole seconds, so that a line does not change by rounding alone.
        fresh = ObservedLine(
            address=line.address,
            protocol=line.protocol,
            port=line.port,
            uid=line.uid,
            packets=line.packets,
            last=float(round(now - line.seconds)),
        )
        known = lines.get(fresh.key)
        if known is None or fresh.packets != known.packets or fresh.last > known.last + 2:
            lines[fresh.key] = fresh
    latest = sorted(lines.values(), key=lambda line: -line.last)[:MOST]
    return sorted(latest, key=lambda line: (-line.packets, line.key[:2], line.port or 0, line.uid or 0))
