# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger of would-be refusals has shown, kept beyond the day that the kernel keeps it and beyond reboots."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Iterable, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host

from .denied_ledger import Refused, ledger

DAYS = 31
"""How long a line is kept after its last packet: a job of once a month is seen."""

MOST = 20000
"""Lines that are kept, those with the latest packets; about 2 MB."""


@dataclass(frozen=True)
class Seen:
    """One line. uid, port: None as in the ledger. packets: as the kernel last counted; last: seconds since 1970."""

    address: str
    protocol: str
    port: int | None
    uid: int | None
    packets: int
    last: float

    @property
    def key(self) -> tuple[str, str, int | None, int | None]:
        """What the line is about."""
        return (self.address, self.protocol, self.port, self.uid)


def read(paths: Paths) -> list[Seen]:
    """Return what was kept; [] when nothing was, or when it cannot be read."""
    try:
        found: list[Mapping[str, Any]] = json.loads(files.read(paths.seen) or "[]")
        return [Seen(**line) for line in found]
    except (ValueError, TypeError):
        return []


def save(host: Host, now: float) -> None:
    """Keep what the ledger shows now."""
    old = read(host.paths)
    new = merged(old, ledger(host.table), now)
    if new != old:
        files.write(host.paths.seen, json.dumps([asdict(line) for line in new]).encode())


def merged(kept: Iterable[Seen], live: Iterable[Refused], now: float) -> list[Seen]:
    """Return both together, the most frequent first, without what was last seen too long ago."""
    found = {line.key: line for line in kept if line.last > now - DAYS * 86400}
    for line in live:
        if not line.would:
            continue
        # Whole seconds on both sides, so that an old line is not a new one each time.
        fresh = Seen(line.address, line.protocol, line.port, line.uid, line.packets, float(round(now - line.seconds)))
        known = found.get(fresh.key)
        if known is None or fresh.packets != known.packets or fresh.last > known.last + 2:
            found[fresh.key] = fresh
    latest = sorted(found.values(), key=lambda line: -line.last)[:MOST]
    return sorted(latest, key=lambda line: (-line.packets, line.key[:2], line.port or 0, line.uid or 0))
