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
from typing import Callable, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, system_log
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
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import (
    allowed_flows,
    denied_ledger,
    kept_ledger,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.allowed_flows import AllowedFlows
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.denied_ledger import Ledger
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.kept_ledger import KeptLedger, KeptLine
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import fingerprint, hand_edits, unit_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import rollback
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot_changes import digest, with_numbers
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import record
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import UNIT_LEDGER_SETS

from .exporter import Exporter
from .names_watch import NamesWatch

INTERVAL = 2.0
"""Seconds between two checks."""

LOOK_INTERVAL = 60.0
"""Seconds between two looks at the ledger, more where one takes so long that it would cost more than LOOK_SHARE."""

LOOK_SHARE = 1 / 1200
"""Share of one CPU that the looks may take: 50 ms a minute."""

SAVE_INTERVAL = 600.0
"""Seconds between two copies of the ledger without a new destination, and between two notes of the running time."""

_ANNOUNCED = 50
"""New destinations of one look that get an entry of their own in the system's log; the rest are counted."""

GRACE = 3.0
"""Seconds that a rollback timer may be late before the watcher rolls back."""

_MOST_UNITS = 20000
"""Cgroups that are remembered."""

_SHOWN = 12
"""Lines of an edit that the journal has."""


@dataclass
class Watcher:
    """The watcher of one table.

    checked: the last generation that was as expected, or whose edit was reported; reported: the digest of that edit;
    ledger, allowed: what is kept of rejected and of allowed flows, as of the last look, None before the first one.
    next_compare, next_look, next_save, next_try: monotonic times before which the table is not compared, the ledger not
    looked at and not copied without news, and no rollback tried again; pause: seconds until that. exporter: of metrics.
    units: the unit of each cgroup that was there, by its id. names: what the resolver did.
    """

    host: Host
    checked: int = 0
    reported: str = ""
    next_compare: float = field(default=0.0)
    ledger: KeptLedger | None = None
    allowed: AllowedFlows | None = None
    next_look: float = field(default=0.0)
    next_save: float = field(default=0.0)
    next_try: float = field(default=0.0)
    pause: float = INTERVAL
    units: dict[int, str] = field(default_factory=dict)
    names: NamesWatch = field(default_factory=NamesWatch)
    exporter: Exporter = field(init=False)

    def __post_init__(self) -> None:
        """Make the exporter of the same host."""
        self.exporter = Exporter(self.host)

    def run(self) -> None:
        """Watch until another watcher holds the lock or the lock file is deleted; systemd starts a new one."""
        with hold(self.host.paths.watcher_lock) as only:
            # Without the lock file, nobody could see that a watcher runs.
            while only and is_held(self.host.paths.watcher_lock):
                with contextlib.suppress(TidegateError, OSError, ValueError):
                    unit_sets.follow(self.host.paths)
                    self.note_units()
                with contextlib.suppress(TidegateError, OSError, ValueError):
                    self.check()
                    self.copy_ledger()
                time.sleep(INTERVAL)

    def note_units(self) -> None:
        """Remember which unit a cgroup is of: the ledger is looked at less often than units end."""
        if UNIT_LEDGER_SETS.keys() & {*records.about(self.host.paths.confirmed).get("others", ())}:
            if len(self.units) > _MOST_UNITS:
                self.units.clear()
            self.units.update(denied_ledger.unit_ids())

    def copy_ledger(self) -> None:
        """Copy the ledger now and then, since nf_tables forgets it; a new destination at once, with an announcement."""
        if time.monotonic() < self.next_look:
            return
        began = time.process_time()
        self.next_look = time.monotonic() + LOOK_INTERVAL
        paths, due = self.host.paths, time.monotonic() >= self.next_save
        if due:
            self.next_save = time.monotonic() + SAVE_INTERVAL
            running_time.keep(paths)
        before = kept_ledger.read(paths) if self.ledger is None else self.ledger
        if self.host.table.exists():
            live = denied_ledger.read(self.units)
            now, days = running_time.now(paths), settings.read(paths).ledger_days
            self.ledger = kept_ledger.merged(before, live, now, clock.boot_id(), days)
            new = kept_ledger.new_lines(before.lines, self.ledger.lines)
            if new or (due and self.ledger != kept_ledger.read(paths)):
                kept_ledger.write(paths, self.ledger)
            self._announce(new)
            self._keep_allowed(now, days, due=due)
            self.exporter.look(before, self.ledger, live, edited=bool(self.reported))
        else:
            self.exporter.look(before, before, Ledger(), edited=False)
        for event in self.names.look(paths):
            system_log.send(
                paths, event.level, event.text, event.event, {**event.about, "tier": settings.read(paths).tier}
            )
        self.next_look = time.monotonic() + max(LOOK_INTERVAL, (time.process_time() - began) / LOOK_SHARE)

    def _keep_allowed(self, now: float, days: int, *, due: bool) -> None:
        """Keep what was allowed, where the table notes it; what was kept before stays until it is too old."""
        kept = allowed_flows.read(self.host.paths) if self.allowed is None else self.allowed
        self.allowed = allowed_flows.look(kept, now, days)
        if due and self.allowed != allowed_flows.read(self.host.paths):
            allowed_flows.write(self.host.paths, self.allowed)

    def _announce(self, new: Sequence[KeptLine]) -> None:
        """Report each destination that was rejected for the first time as far as the ledger goes back."""
        tier = settings.read(self.host.paths).tier
        asked = record.names(self.host.paths.resolver_record) if new else {}
        for line in new[:_ANNOUNCED]:
            verb = "would be rejected" if line.observed else "was rejected"
            text = f"{denied_ledger.flow_text(*line[:4], line.units)} {verb} for the first time"
            about = {**_fields(line, tier), "name": asked.get(line.address)}
            system_log.send(self.host.paths, system_log.WARNING, text, "denied", about)
        if len(new) > _ANNOUNCED:
            more = len(new) - _ANNOUNCED
            were = "destinations were" if more > 1 else "destination was"
            text = f"{more} more {were} rejected for the first time"
            fields = {"count": more, "tier": tier}
            system_log.send(self.host.paths, system_log.WARNING, text, "denied_more", fields)

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
        actual = digest(live, others)
        record = confirmed_policy.read(self.host.paths)
        if last is not None:
            expected = last.digest
        else:
            expected = digest(record.snapshot, others) if record is not None and record.messages else actual
        self.checked = live.generation
        if actual in (expected, self.reported):
            self.reported = "" if actual == expected else actual
            return ""
        return self._edited(record, actual)

    def _edited(self, record: Record | None, actual: str) -> str:
        journal.add(self.host.paths, "edited", edit=self._edit(record))
        if settings.read(self.host.paths).drift == "repair" and self._repair():
            return "repaired"
        self.reported = actual
        return "edited"

    def _edit(self, record: Record | None) -> list[str]:
        """Return an edit in nft's words, the first lines of it."""
        if record is None:
            return []
        try:
            expected, live = self._shapes(record)
        except TidegateError as error:
            return [str(error)]
        diff = list(difflib.unified_diff(expected.split("\n"), live.split("\n"), n=0, lineterm=""))[2:]
        lines = [line.replace("\t", " ") for line in diff if not line.startswith("@@")]
        more = len(lines) - _SHOWN
        return [*lines[:_SHOWN], *([f"and {more} more line{'s' if more > 1 else ''}"] if more > 0 else [])]

    def _undone(self, record: Record) -> str:
        """Return which edits a repair undoes; "" where nft cannot list them, for that must not stop the repair."""
        with contextlib.suppress(TidegateError):
            expected, live = self._shapes(record)
            return "; ".join(hand_edits.undone(expected, live, expected))
        return ""

    def _shapes(self, record: Record) -> tuple[str, str]:
        """Return the table of a record and the live one, as they are compared."""
        return fingerprint.shape(record.listing, record.others), fingerprint.shape(
            self.host.table.listing(), record.others
        )

    def _repair(self) -> bool:
        """Load the confirmed policy over the edit, with the counter values of the live table."""
        record = records.load(self.host.paths.confirmed)
        live = self.host.table.snapshot()
        if record is None or live is None:
            return False
        undone = self._undone(record)
        numbered = with_numbers(record.snapshot, live).to_bytes()
        confirmed_policy.restore_record(self.host, replace(record, messages=numbered))
        confirmed_policy.write_last_loaded(self.host, record.others)
        self.checked, self.reported = 0, ""
        journal.add(self.host.paths, "repaired", token=record.token, what=undone)
        return True


def _fields(line: KeptLine, tier: str) -> dict[str, object]:
    """Return the fields of an announcement, see docs/observe.md."""
    return {
        "tier": tier,
        "user": None if line.uid is None else denied_ledger.user_name(line.uid),
        "uid": line.uid,
        "unit": " ".join(line.units) or None,
        "destination": line.address,
        "protocol": line.protocol,
        "port": line.port,
        "decision": "would_reject" if line.observed else "rejected",
        "packets": line.packets,
    }
