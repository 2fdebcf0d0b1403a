# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch the table between two runs: load it again when it was flushed, report or repair an edit.

Every commit changes the generation of the ruleset; reading it takes 0.04 ms. Reading the table takes longer, so that is
done at most so often that it costs a tenth of the time. nft is asked for nothing but the words of an edit.
"""

from __future__ import annotations

import contextlib
import difflib
import time
from dataclasses import dataclass, field, replace
from typing import Callable

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import hold, is_held
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    journal,
    last_loaded,
    pending,
    records,
    running_time,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.records import Record
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import observed_ledger
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import fingerprint
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import rollback
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot_changes import digest, with_numbers

INTERVAL = 2.0
"""Seconds between two checks."""

LEDGER_INTERVAL = 600.0
"""Seconds between two copies of the observed ledger, and between two notes of the running time."""

GRACE = 3.0
"""Seconds that a rollback timer may be late before the watcher rolls back."""

_SHOWN = 12
"""Lines of an edit that the journal has."""


@dataclass
class Watcher:
    """The watcher of one table.

    checked: the last generation that was as expected, or whose edit was reported; reported: the digest of that edit;
    next_compare, next_ledger, next_try: monotonic times before which the table is not compared, the ledger not copied,
    and no rollback tried again; pause: seconds until that.
    """

    host: Host
    checked: int = 0
    reported: str = ""
    next_compare: float = field(default=0.0)
    next_ledger: float = field(default=0.0)
    next_try: float = field(default=0.0)
    pause: float = INTERVAL

    def run(self) -> None:
        """Watch until another watcher holds the lock or the lock file is deleted; systemd starts a new one."""
        with hold(self.host.paths.watcher_lock) as only:
            # Without the lock file, nobody could see that a watcher runs.
            while only and is_held(self.host.paths.watcher_lock):
                with contextlib.suppress(TidegateError, OSError, ValueError):
                    self.check()
                    self.copy_ledger()
                time.sleep(INTERVAL)

    def copy_ledger(self) -> None:
        """In mode observe, copy the ledger now and then: nf_tables forgets it after a day or a reboot."""
        if time.monotonic() < self.next_ledger:
            return
        self.next_ledger = time.monotonic() + LEDGER_INTERVAL
        running_time.keep(self.host.paths)
        if self.host.table.exists() and settings.read(self.host.paths).mode == "observe":
            observed_ledger.save(self.host.paths, running_time.now(self.host.paths))

    def check(self) -> str:
        """Check once; return the event, "" when the table is as expected or another process is at work."""
        change = pending.read(self.host.paths)
        if change is not None:
            late = not change.of_this_boot or change.seconds_left < -GRACE
            return self._exclusively(self._recover) if late and time.monotonic() >= self.next_try else ""
        generation = self.host.table.generation()
        if generation == self.checked or not self.host.paths.confirmed.exists():
            return ""
        if not self.host.table.exists():
            return self._exclusively(self._load_again)
        if time.monotonic() < self.next_compare:
            return ""
        return self._exclusively(self._compare)

    def _exclusively(self, action: Callable[[], str]) -> str:
        """Act under the lock; while another process holds it, do nothing until the next check."""
        with hold(self.host.paths.lock) as locked:
            return action() if locked else ""

    def _recover(self) -> str:
        try:
            rollback.recover(self.host)
        except GuardError as error:
            if error.reason == "not_rolled_back":
                self.next_try = time.monotonic() + self.pause
                self.pause = min(2 * self.pause, rollback.LONGEST_PAUSE)
            raise
        self.pause = INTERVAL
        return "restored"

    def _load_again(self) -> str:
        if pending.read(self.host.paths) is not None or self.host.table.exists():
            return ""
        try:
            record = confirmed_policy.load(self.host)
            token = record.token if record is not None else ""
        except TidegateError as error:
            confirmed_policy.load_failsafe(self.host, str(error))
            token = ""
        journal.add(self.host.paths, "lost", token=token)
        return "lost"

    def _compare(self) -> str:
        if pending.read(self.host.paths) is not None:
            return ""
        began = time.monotonic()
        last = last_loaded.read(self.host.paths)
        others = last.others if last is not None else confirmed_policy.others(self.host.paths)
        live = self.host.table.snapshot(others)
        self.next_compare = time.monotonic() + 10 * (time.monotonic() - began)
        if live is None:
            return ""
        found = digest(live, others)
        record = confirmed_policy.read(self.host.paths)
        if last is not None:
            expected = last.digest
        else:
            expected = digest(record.snapshot, others) if record is not None and record.messages else found
        self.checked = live.generation
        if found in (expected, self.reported):
            self.reported = "" if found == expected else found
            return ""
        return self._edited(record, found)

    def _edited(self, record: Record | None, found: str) -> str:
        journal.add(self.host.paths, "edited", edit=self._edit(record))
        if settings.read(self.host.paths).drift == "repair" and self._repair():
            return "repaired"
        self.reported = found
        return "edited"

    def _edit(self, record: Record | None) -> list[str]:
        """Return an edit in nft's words, the first lines of it."""
        if record is None:
            return []
        try:
            texts = (record.listing, self.host.table.listing())
            expected, live = (fingerprint.shape(text, record.others).split("\n") for text in texts)
        except TidegateError as error:
            return [str(error)]
        diff = list(difflib.unified_diff(expected, live, n=0, lineterm=""))[2:]
        lines = [line.replace("\t", " ") for line in diff if not line.startswith("@@")]
        more = len(lines) - _SHOWN
        return [*lines[:_SHOWN], *([f"and {more} more line{'s' if more > 1 else ''}"] if more > 0 else [])]

    def _repair(self) -> bool:
        """Load the confirmed policy over the edit, with the counter values of the live table."""
        record = records.load(self.host.paths.confirmed)
        live = self.host.table.snapshot()
        if record is None or live is None:
            return False
        numbered = with_numbers(record.snapshot, live).to_bytes()
        confirmed_policy.restore_record(self.host, replace(record, messages=numbered))
        confirmed_policy.write_last_loaded(self.host, record.others)
        self.checked, self.reported = 0, ""
        journal.add(self.host.paths, "repaired", token=record.token)
        return True
