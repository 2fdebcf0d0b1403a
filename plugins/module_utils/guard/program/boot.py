# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a boot does: load the confirmed policy before the network is up, or the fail-safe table, and say so."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import confirmed_policy, journal, pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import rollback, timer
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

LOADED, NOTHING, ON_TRIAL, FAILSAFE = "loaded", "nothing", "on_trial", "failsafe"


def boot(host: Host) -> str:
    """Load what this host should have; return LOADED, NOTHING (no policy yet), ON_TRIAL (left alone) or FAILSAFE."""
    change = pending.read(host.paths)
    if change is not None:
        if change.of_this_boot and not rollback.is_confirmed(host.paths, change):
            if timer.alive(host.paths, change):
                return ON_TRIAL
            rollback.take_back(host, change, "its guard was gone")
        elif change.of_this_boot:
            rollback.tidy(host.paths, change)
        else:
            rollback.reverted(host.paths, change)
    try:
        record = confirmed_policy.load(host)
    except (GuardError, EngineError) as error:
        confirmed_policy.load_failsafe(host, str(error))
        return FAILSAFE
    if record is None:
        return NOTHING
    journal.note(host.paths, "booted", token=record.token, who=record.who, what=record.what)
    return LOADED
