# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pending change left behind, for its tests."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import is_held
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import journal
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape

from .conftest import GuardedHost


def events(host: GuardedHost) -> list[str]:
    return [event["event"] for event in journal.read(host.paths)]


def policy(host: GuardedHost) -> str:
    """What stands, without numbers and elements of others."""
    return shape(host.listing(), ("fed4",))


def is_rolled_back(host: GuardedHost) -> bool:
    """Return whether no change is pending any more and its end is in the journal: the lock is held until it is."""
    left = (host.paths.pending, host.paths.candidate, host.paths.rollback_timer)
    return not any(path.exists() for path in left) and not is_held(host.paths.lock)
