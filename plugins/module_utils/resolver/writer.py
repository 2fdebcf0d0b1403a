# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writer: decide about each answer that unbound's module reports, write, and reply. It alone may change sets."""

from __future__ import annotations

from typing import Protocol

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError

from . import answers, messages
from .directory import Directory
from .document import Document
from .kernel import Writes
from .messages import Report
from .record import Record


class Sets(Protocol):
    """Where addresses go: kernel.SetWriter."""

    def write(self, writes: Writes) -> None:
        """Write all or nothing; raise NetlinkError."""


class Writer:
    """Decides by one document. record: what it did, for people and programs."""

    def __init__(self, document: Document, sets: Sets, record: Record) -> None:
        self.record = record
        self._directory = Directory(document)
        self._refuse = document.refuse
        self._sets = sets

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
        return messages.pack_reply(report.number, self._answer(report))

    def _answer(self, report: Report) -> str:
        """Write an answer's addresses; return why the answer must not leave, "" where it may."""
        try:
            writes = answers.writes(self._directory.meaning(report.name), report.keys, self._refuse)
            if writes:
                self._sets.write(writes)
        except answers.Refused as refusal:
            self.record.refused(report.name, str(refusal))
            return str(refusal)
        except NetlinkError as error:
            self.record.problem(report.name, str(error))
            return str(error)
        self.record.written(report.name, report.keys)
        return ""
