# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trouble of the resolver, from what it records: it does not answer, or addresses of a name are not open."""

from __future__ import annotations

import time
from typing import Any, Callable, Iterator, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import system_log
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import resolver_document
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import record

SILENT, ANSWERS = "resolver_silent", "resolver_answers"
_EVENTS = {
    "refused": ("resolver_refused", "an answer was refused"),
    "problems": ("resolver_failed", "the addresses of an answer were not opened"),
}
_PATIENCE = 90.0
"""Seconds without a note that it answers; it makes one every 30."""
_ANNOUNCED = 10
"""Names of one look and kind that are announced: anyone on the host may ask for any number."""
_MOST = 1000
"""Names that are remembered."""


class Event(NamedTuple):
    """An entry of the system's log."""

    level: int
    event: str
    text: str
    about: dict[str, Any]


class NamesWatch:
    """Compares one look with those before. clock: seconds that nobody sets."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._alive: Any = None
        self._since = 0.0
        self._is_silent = False
        self._known: set[tuple[str, str]] = set()

    def look(self, paths: Paths) -> Iterator[Event]:
        """Yield what is new since the last look."""
        if not resolver_document.read(paths):
            return
        recorded = record.read(paths.resolver_record)
        yield from self._answering(recorded.get("alive"))
        for kind, (event, what) in _EVENTS.items():
            yield from self._names(kind, event, what, recorded.get(record.of_names(kind), {}))

    def _answering(self, alive: Any) -> Iterator[Event]:
        now = self._clock()
        if alive != self._alive or not self._since:
            self._alive, self._since = alive, now
            if self._is_silent and alive:
                self._is_silent = False
                yield Event(system_log.NOTICE, ANSWERS, "the resolver of this host answers again", {})
        elif not self._is_silent and now - self._since > _PATIENCE:
            self._is_silent = True
            text = "the resolver of this host does not answer; see journalctl -u tidegate-dns"
            yield Event(system_log.WARNING, SILENT, text, {})

    def _names(self, kind: str, event: str, what: str, troubles: dict[str, str]) -> Iterator[Event]:
        new = [name for name in troubles if (kind, name) not in self._known]
        if len(self._known) > _MOST:
            self._known.clear()
        self._known.update((kind, name) for name in new)
        for name in new[:_ANNOUNCED]:
            text = f"{what} for the first time: {name}: {troubles[name]}"
            yield Event(system_log.WARNING, event, text, {"name": name, "why": troubles[name]})
        if len(new) > _ANNOUNCED:
            more = len(new) - _ANNOUNCED
            text = f"{what} for the first time, of {more} more name{'s' if more > 1 else ''}"
            yield Event(system_log.WARNING, event, text, {"count": more})
