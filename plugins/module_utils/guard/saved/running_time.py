# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long this host has run: a time that setting the clock does not change and that a reboot does not begin anew.

What lasted how long is counted by it. What happened when is shown by the clock.
"""

from __future__ import annotations

import json
from contextlib import suppress

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

from . import records


def now(paths: Paths) -> float:
    """Return the seconds that this host has run since its first policy.

    After a reboot it goes on from the last note (`keep`): time without a host is not counted.
    """
    boot_id, uptime = clock.boot_id(), clock.uptime()
    try:
        note = json.loads(files.read(paths.running_time) or "")
        total = float(note["total"])
        if note["boot_id"] == boot_id:
            return total + max(0.0, uptime - float(note["uptime"]))
    except (ValueError, TypeError, KeyError, GuardError):
        # Not from 0: what was confirmed before the file was lost or damaged must not seem to be in the future.
        confirmed = records.about(paths.confirmed).get("running_time", 0.0)
        total = float(confirmed) if isinstance(confirmed, (int, float)) else 0.0
    _write(paths, boot_id, uptime, total)
    return total


def keep(paths: Paths) -> None:
    """Note the time, so that a reboot or a power cut loses nothing of it."""
    total = now(paths)
    _write(paths, clock.boot_id(), clock.uptime(), total)


def _write(paths: Paths, boot_id: str, uptime: float, total: float) -> None:
    if not paths.state.is_dir():
        return
    with suppress(GuardError):
        note = {"boot_id": boot_id, "uptime": uptime, "total": total}
        files.write(paths.running_time, json.dumps(note, sort_keys=True).encode())
