# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollback timer runs: the commands `roll-back` and `wait-and-roll-back`.

Each change starts one, so this imports what a rollback needs and nothing else of the command.
"""

from __future__ import annotations

import sys
import tempfile
import time

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import WAIT, hold
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths, of_program
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import rollback, timer
from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable_lines


def main() -> int:
    """Run the command with the token of its change. Exit status: 0, 1 for a reported failure."""
    paths, (command, token) = of_program(sys.argv[0]), sys.argv[1:]
    # A script for nft must be writable even when the disk is full.
    if paths.run.is_dir():
        tempfile.tempdir = str(paths.run)
    try:
        if command == timer.WAIT_COMMAND and not _waited(paths, token):
            return 0
        _roll_back(paths, token)
    except TidegateError as error:
        sys.stderr.write(printable_lines(f"tidegate: {error}\n"))
        return 1
    return 0


def _waited(paths: Paths, token: str) -> bool:
    """Leave a process that waits for the deadline; return True in it, then, and False at once in this one."""
    change = pending.read(paths)
    if change is None or change.token != token:
        raise GuardError("not_pending", "This change is not pending on this host.")
    # Now, so that a host without CAP_NET_ADMIN is noticed before the table is changed.
    LiveTable().generation()
    if not timer.detach(paths):
        return False
    timer.wait(change)
    return True


def _roll_back(paths: Paths, token: str) -> None:
    """Roll back until it is done, even when the lock is held for too long: people are locked out."""
    change = pending.read(paths)
    seconds = WAIT if change is None else max(WAIT, change.deadline - change.snapshot_at)
    pause = rollback.FIRST_PAUSE
    while True:
        try:
            with hold(paths.lock, seconds):
                rollback.roll_back_token(Host(paths, LiveTable()), token, "nobody confirmed it in time")
        except GuardError as error:
            if error.reason != "not_rolled_back":
                raise
        except TidegateError:
            raise
        except Exception:
            # A fault in this program must lock nobody out.
            rollback.load_snapshot(paths)
            raise
        else:
            return
        time.sleep(pause)
        pause = min(2 * pause, rollback.LONGEST_PAUSE)
