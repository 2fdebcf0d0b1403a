# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writer: decide about each answer that unbound's module reports, write, and reply. It alone may change sets."""

from __future__ import annotations

import time
from typing import Callable, Protocol

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError

from . import answers, messages
from .directory import Directory
from .document import Document
from .kernel import Writes
from .lifetimes import Lifetimes
from .messages import Report
from .record import Record


class Sets(Protocol):
    """Where addresses go: kernel.SetWriter."""

    def write(self, writes: Writes) -> None:
        """Write all or nothing; raise NetlinkError."""

    def ends(self, name: str) -> dict[bytes, float]:
        """Return the addresses in a set with their ends."""


class Writer:
    """Decides by one document. record: what it did, for people and programs."""

    def __init__(
        self, document: Document, sets: Sets, record: Record, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.record = record
        self._directory = Directory(document)
        self._sets = sets
        self._lifetimes = Lifetimes(document)
        self._clock = clock
        for fed in document.sets:
            for name in (fed.set4, fed.set6):
                for key, end in sets.ends(name).items():
                    self._lifetimes.remember(name, key, end)

    def handle(self, data: bytes) -> bytes | None:
        """Return the reply to a datagram, None where none is expected."""
        try:
            report = messages.unpack(data)
        except ValueError as error:
            self.record.problem("", str(error))
            return None
        if report.kind == messages.UNKNOWN:
            self.record.unknown(report.name)
            return None
        return messages.pack_reply(report.number, self._answer(report))

    def _answer(self, report: Report) -> str:
        """Write an answer's addresses; return why the answer must not leave, "" where it may."""
        try:
            writes = answers.writes(
                self._directory.meaning(report.name), report.records, self._lifetimes, self._clock()
            )
            if writes:
                self._sets.write(writes)
        except answers.Refused as refusal:
            self.record.refused(report.name, str(refusal))
            return str(refusal)
        except NetlinkError as error:
            self.record.problem(report.name, str(error))
            return str(error)
        self.record.written(report.name, [key for key, _ttl in report.records])
        return ""
