# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look after the table between two runs: bring it back when somebody flushed it, say when somebody edited it.

The generation of the ruleset moves with every commit of anybody; asking for it takes 0.04 ms and needs no nft.
Listing the table takes longer, so an edit is looked for at most so often that it costs a tenth of the time.
"""

from __future__ import annotations

import contextlib
import difflib
import time
from dataclasses import dataclass, field
from typing import Callable

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import held, taken
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    journal,
    last_loaded,
    pending,
    records,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import observed_ledger as seen
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import fingerprint as shapes
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import listing as words
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import rollback
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

EVERY = 2.0
"""Seconds between two looks."""

REMEMBER = 600.0
"""Seconds between two copies of the ledger of would-be refusals."""

GRACE = 3.0
"""Seconds that a guard may be late before the watcher does its work."""

_SHOWN = 12
"""Lines of an edit that are written down."""


@dataclass
class Watcher:
    """The watcher of one table. seen: the generation that was found to be well."""

    host: Host
    seen: int = 0
    told: str = ""
    rest_until: float = field(default=0.0)
    remember_at: float = field(default=0.0)

    def run(self) -> None:
        """Look for ever. One watcher is enough: a second one leaves, and so does one whose lock was deleted.

        Nobody could see that it runs; systemd starts it anew.
        """
        with held(self.host.paths.watching) as only:
            while only and taken(self.host.paths.watching):
                with contextlib.suppress(GuardError, EngineError, NetlinkError, OSError, ValueError):
                    self.look()
                    self.remember()
                time.sleep(EVERY)

    def remember(self) -> None:
        """While the host only observes, keep from time to time what the kernel forgets after a day or a reboot."""
        if time.monotonic() < self.remember_at:
            return
        self.remember_at = time.monotonic() + REMEMBER
        if self.host.table.stands() and settings.read(self.host.paths).mode == "observe":
            seen.save(self.host, time.time())

    def look(self) -> str:
        """Look once; return the event that was acted on, "" when all is well or somebody is at work."""
        change = pending.read(self.host.paths)
        if change is not None:
            late = not change.of_this_boot or change.seconds < -GRACE
            return self._exclusively(self._recover) if late else ""
        generation = self.host.table.generation()
        if generation == self.seen or not self.host.paths.confirmed.exists():
            return ""
        if not self.host.table.stands():
            return self._exclusively(self._bring_back)
        if time.monotonic() < self.rest_until:
            return ""
        return self._exclusively(self._compare)

    def _exclusively(self, act: Callable[[], str]) -> str:
        """Act under the lock, unless a run is at work; look again next time in that case."""
        with held(self.host.paths.lock) as got:
            return act() if got else ""

    def _recover(self) -> str:
        rollback.recover(self.host)
        return "restored"

    def _bring_back(self) -> str:
        if pending.read(self.host.paths) is not None or self.host.table.stands():
            return ""
        try:
            record = confirmed_policy.load(self.host)
            token = record.token if record is not None else ""
        except (GuardError, EngineError) as error:
            confirmed_policy.load_failsafe(self.host, str(error))
            token = ""
        journal.note(self.host.paths, "lost", token=token)
        return "lost"

    def _compare(self) -> str:
        if pending.read(self.host.paths) is not None:
            return ""
        began = time.monotonic()
        generation = self.host.table.generation()
        note = last_loaded.read(self.host.paths, self.host.table.version)
        others = note.others if note is not None else confirmed_policy.others(self.host.paths)
        now = shapes.shape(self.host.table.listing(), others)
        self.rest_until = time.monotonic() + 10 * (time.monotonic() - began)
        expected = note.shape if note is not None else self._saved()
        if expected in ("", now):
            self.seen, self.told = generation, ""
            return ""
        return self._edited(expected, now, generation)

    def _saved(self) -> str:
        """Return what the table should be when /run does not say it; "" when another nft wrote it in its own words."""
        record = confirmed_policy.read(self.host.paths)
        return shapes.shape(record.listing, record.others) if record and record.nft == self.host.table.version else ""

    def _edited(self, expected: str, now: str, generation: int) -> str:
        if now == self.told:
            self.seen = generation
            return ""
        changed = list(difflib.unified_diff(expected.split("\n"), now.split("\n"), n=0, lineterm=""))[2:]
        lines = [line for line in changed if not line.startswith("@@")]
        shown = [line.replace("\t", " ") for line in lines[:_SHOWN]]
        more = len(lines) - len(shown)
        journal.note(self.host.paths, "edited", edit=[*shown, *([f"and {more} lines more"] if more else [])])
        if settings.read(self.host.paths).drift == "repair" and self._repair():
            return "repaired"
        self.seen, self.told = generation, now
        return "edited"

    def _repair(self) -> bool:
        """Load the confirmed policy over the edit, with the counters that the table has."""
        record = records.load(self.host.paths.confirmed)
        live = self.host.table.listing()
        if record is None or live is None:
            return False
        wanted = shapes.carried(words.parse(record.listing), words.parse(live))
        since = max(0.0, time.time() - record.when)
        restore.put_back(self.host.table, words.render(wanted), since, record.others, record.nft)
        confirmed_policy.note_loaded(self.host, record.others)
        self.told = ""
        journal.note(self.host.paths, "repaired", token=record.token)
        return True
