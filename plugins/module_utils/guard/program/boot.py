# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a boot does: load the confirmed policy before the network is up, or the fail-safe table, and say so."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Places
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import confirmed_policy, journal, pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.table import Kernel
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import rollback, timer
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

LOADED, NOTHING, ON_TRIAL, FAILSAFE = "loaded", "nothing", "on_trial", "failsafe"


def boot(places: Places, kernel: Kernel) -> str:
    """Load what this host should have; return LOADED, NOTHING (no policy yet), ON_TRIAL (left alone) or FAILSAFE."""
    change = pending.read(places)
    if change is not None:
        if change.ours and not rollback.is_confirmed(places, change):
            if timer.alive(places, change):
                return ON_TRIAL
            rollback.take_back(places, kernel, change, "its guard was gone")
        elif change.ours:
            rollback.tidy(places, change)
        else:
            rollback.reverted(places, change)
    try:
        record = confirmed_policy.load(places, kernel)
    except (GuardError, EngineError) as error:
        confirmed_policy.load_failsafe(places, kernel, str(error))
        return FAILSAFE
    if record is None:
        return NOTHING
    journal.note(places, "booted", token=record.token, who=record.who, what=record.what)
    return LOADED
