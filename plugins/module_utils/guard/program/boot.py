# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot: load the confirmed policy before the network is up, else the fail-safe table."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    journal,
    pending,
    running_time,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import rollback, timer

LOADED, NOTHING, PENDING, FAILSAFE = "loaded", "nothing", "pending", "failsafe"


def boot(host: Host) -> str:
    """Load this host's policy; return LOADED, NOTHING (no policy yet), PENDING (a pending change stays) or FAILSAFE."""
    running_time.keep(host.paths)
    change = pending.read(host.paths)
    if change is not None:
        if change.of_this_boot and not rollback.is_confirmed(host.paths, change):
            if timer.is_running(host.paths, change):
                return PENDING
            rollback.roll_back(host, change, "its rollback timer was gone")
        elif change.of_this_boot:
            rollback.finish_confirmation(host.paths, change)
        else:
            rollback.end_by_reboot(host.paths, change)
    try:
        record = confirmed_policy.load(host)
    except TidegateError as error:
        confirmed_policy.load_failsafe(host, str(error))
        return FAILSAFE
    if record is None:
        return NOTHING
    journal.add(host.paths, "booted", token=record.token, who=record.who, what=record.what)
    return LOADED
