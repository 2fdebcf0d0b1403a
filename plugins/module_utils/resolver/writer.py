# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writer: decide about each answer that unbound's module reports, write, and reply. It alone may change sets."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Protocol

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError

from . import answers, messages
from .directory import Directory
from .document import Document
from .kernel import Writes
from .messages import Reply, Report
from .record import Record
from .shares import NoRoom, Shares

_PAUSE = 1.0
"""Seconds between two tries to write what was earlier than its set."""
_MOST_EARLY = 1000


class Sets(Protocol):
    """Where addresses go: kernel.SetWriter."""

    def write(self, writes: Writes) -> bool:
        """Write all or nothing, but for sets that do not exist; return whether all do. Raise NetlinkError."""


class Writer:
    """Decides by one document. record: what it did, for people and programs. shares: kept from writer to writer."""

    def __init__(self, document: Document, sets: Sets, record: Record, shares: Shares | None = None) -> None:
        self.record = record
        self._shares = shares or Shares()
        self._stay = document.stay
        self._directory = Directory(document)
        self._refuse = document.refuse
        self._sets = sets
        self._early: dict[str, Writes] = {}
        self._retry_at = 0.0

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
        if report.kind == messages.OTHER:
            self.record.other(report.name, report.keys)
            return None
        return messages.pack_reply(self._answer(report))

    def retry(self) -> None:
        """Write the answers that were earlier than their sets: a run starts the resolver before it loads the table."""
        if not self._early or time.monotonic() < self._retry_at:
            return
        self._retry_at = time.monotonic() + _PAUSE
        with suppress(NetlinkError):
            self._early = {name: writes for name, writes in self._early.items() if not self._sets.write(writes)}

    def _answer(self, report: Report) -> Reply:
        """Write an answer's addresses."""
        complete = True
        try:
            shared = answers.writes(self._directory.meaning(report.name), report.keys, self._refuse)
            self._shares.need_room(shared)
            writes = {share.set: keys for share, keys in shared.items()}
            if writes:
                complete = self._sets.write(writes)
                self._shares.use(shared, self._stay)
        except answers.Refused as refusal:
            self.record.refused(report.name, str(refusal))
            return Reply(report.number, str(refusal), complete=False)
        except (NetlinkError, NoRoom) as error:
            self.record.problem(report.name, str(error))
            return Reply(report.number, str(error), complete=False)
        self.record.written(report.name, report.keys)
        if not complete and len(self._early) < _MOST_EARLY:
            self._early[f"{report.name} {len(report.keys[0])}"] = writes
        return Reply(report.number, "", complete)
