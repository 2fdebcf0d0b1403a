# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch the table between two runs: load it again when it was flushed, report or repair an edit.

Every commit changes the generation of the ruleset; reading it takes 0.04 ms and no nft. Listing the table takes longer,
so the table is listed at most so often that it costs a tenth of the time.
"""

from __future__ import annotations

import contextlib
import difflib
import time
from dataclasses import dataclass, field
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
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import observed_ledger
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import blocks, fingerprint, restore
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import rollback
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

INTERVAL = 2.0
"""Seconds between two checks."""

LEDGER_INTERVAL = 600.0
"""Seconds between two copies of the observed ledger."""

GRACE = 3.0
"""Seconds that a rollback timer may be late before the watcher rolls back."""

_SHOWN = 12
"""Lines of an edit that the journal has."""


@dataclass
class Watcher:
    """The watcher of one table.

    checked: the last generation that was as expected, or whose edit was reported; version: of the nft that listed it;
    reported: the shape of that edit; next_compare, next_ledger: monotonic times before which the table is not compared
    and the ledger not copied.
    """

    host: Host
    checked: int = 0
    version: str = ""
    reported: str = ""
    next_compare: float = field(default=0.0)
    next_ledger: float = field(default=0.0)

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
        if self.host.table.exists() and settings.read(self.host.paths).mode == "observe":
            observed_ledger.save(self.host.paths, time.time())

    def check(self) -> str:
        """Check once; return the event, "" when the table is as expected or another process is at work."""
        change = pending.read(self.host.paths)
        if change is not None:
            late = not change.of_this_boot or change.seconds_left < -GRACE
            return self._exclusively(self._recover) if late else ""
        generation = self.host.table.generation()
        if not self.host.paths.confirmed.exists():
            return ""
        if generation == self.checked:
            return "" if self.version == self.host.table.nft_version else self._exclusively(self._reword)
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
        rollback.recover(self.host)
        return "restored"

    def _load_again(self) -> str:
        if pending.read(self.host.paths) is not None or self.host.table.exists():
            return ""
        try:
            record = confirmed_policy.load(self.host)
            token = record.token if record is not None else ""
        except (GuardError, EngineError) as error:
            confirmed_policy.load_failsafe(self.host, str(error))
            token = ""
        journal.add(self.host.paths, "lost", token=token)
        return "lost"

    def _reword(self) -> str:
        """After an upgrade of nft, write down in its words the table that nobody has changed since the last check."""
        others, version = confirmed_policy.others(self.host.paths), self.host.table.nft_version
        shape = fingerprint.shape(self.host.table.listing(), others)
        if self.host.table.generation() == self.checked and pending.read(self.host.paths) is None:
            if not self.reported:
                last_loaded.write(self.host.paths, shape, version, others)
            self.version = version
        return ""

    def _compare(self) -> str:
        if pending.read(self.host.paths) is not None:
            return ""
        began = time.monotonic()
        generation = self.host.table.generation()
        last = last_loaded.read(self.host.paths, self.host.table.nft_version)
        others = last.others if last is not None else confirmed_policy.others(self.host.paths)
        live = fingerprint.shape(self.host.table.listing(), others)
        self.next_compare = time.monotonic() + 10 * (time.monotonic() - began)
        expected = last.shape if last is not None else self._saved_shape()
        if expected in ("", live):
            self._has_checked(generation, "")
            return ""
        return self._edited(expected, live, generation)

    def _saved_shape(self) -> str:
        """Return the shape of the confirmed policy, "" when another version of nft listed it in its words."""
        record = confirmed_policy.read(self.host.paths)
        if record is None or record.nft_version != self.host.table.nft_version:
            return ""
        return fingerprint.shape(record.listing, record.others)

    def _edited(self, expected: str, live: str, generation: int) -> str:
        if live == self.reported:
            self._has_checked(generation, live)
            return ""
        diff = list(difflib.unified_diff(expected.split("\n"), live.split("\n"), n=0, lineterm=""))[2:]
        lines = [line.replace("\t", " ") for line in diff if not line.startswith("@@")]
        more = len(lines) - _SHOWN
        edit = [*lines[:_SHOWN], *([f"and {more} more line{'s' if more > 1 else ''}"] if more > 0 else [])]
        journal.add(self.host.paths, "edited", edit=edit)
        if settings.read(self.host.paths).drift == "repair" and self._repair():
            return "repaired"
        self._has_checked(generation, live)
        return "edited"

    def _has_checked(self, generation: int, reported: str) -> None:
        self.checked, self.version, self.reported = generation, self.host.table.nft_version, reported

    def _repair(self) -> bool:
        """Load the confirmed policy over the edit, with the counter values of the live table."""
        record = records.load(self.host.paths.confirmed)
        live = self.host.table.listing()
        if record is None or live is None:
            return False
        desired = blocks.render(fingerprint.with_numbers(blocks.parse(record.listing), blocks.parse(live)))
        age = confirmed_policy.age(record)
        restore.restore_table(self.host.table, desired, age, record.others, record.nft_version)
        confirmed_policy.write_last_loaded(self.host, record.others)
        self.reported = ""
        journal.add(self.host.paths, "repaired", token=record.token)
        return True
