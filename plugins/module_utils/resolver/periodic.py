# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the servers for every name of the policy again and again, where the host's resolver must not be touched.

What it cannot see: the addresses that only applications are given, which is why sets keep an address for the floor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Callable

from . import messages, question
from .document import Document
from .messages import Report
from .question import NOERROR, NXDOMAIN
from .writer import Writer

_SHORTEST = 30.0
"""Seconds between two questions for a name, at least."""
_TIMEOUT = 3.0


@dataclass
class Asker:
    """The state between two rounds. due: when each name is asked next, by name and type; good: its last good answer."""

    document: Document
    writer: Writer
    clock: Callable[[], float] = time.monotonic
    ask: Callable[[str, str, int, float], question.Answer] = question.ask
    _due: dict[tuple[str, int], float] = field(default_factory=dict)
    _good: dict[tuple[str, int], list[bytes]] = field(default_factory=dict)

    def round(self) -> float:
        """Ask for every name that is due; return the seconds until the next one is."""
        for name in self.document.exact:
            # Each version on its own: an answer without IPv4 must not end an IPv6 address.
            for kind in (question.A, question.AAAA):
                if self.clock() >= self._due.get((name, kind), 0.0):
                    self._due[name, kind] = self.clock() + self._one(name, kind)
        self.writer.retry()
        self.writer.record.without_address(name for name in self.document.exact if self._is_without(name))
        return max(0.0, min(self._due.values(), default=self.clock() + self._longest) - self.clock())

    def _is_without(self, name: str) -> bool:
        return not any(self._good.get((name, kind), [b"unknown"]) for kind in (question.A, question.AAAA))

    @property
    def _longest(self) -> float:
        """Seconds between two questions for a name, at most: its addresses must not end meanwhile."""
        return max(_SHORTEST, self.document.floor / 2)

    def _one(self, name: str, kind: int) -> float:
        """Ask for one name and write; return the seconds until it is asked again."""
        answer = self._first_answer(name, kind)
        if answer is None:
            # The last good answer stays for as long as nobody says otherwise.
            again = _SHORTEST
        else:
            self._good[name, kind] = [key for key, _ttl in answer.records]
            again = min([self._longest, *(float(ttl) for _key, ttl in answer.records)])
        self.writer.handle(messages.pack(Report(0, messages.FRESH, name, self._good.get((name, kind), []))))
        return max(_SHORTEST, again)

    def _first_answer(self, name: str, kind: int) -> question.Answer | None:
        problem = ""
        for server in self.document.servers:
            try:
                answer = self.ask(server, name, kind, _TIMEOUT)
            except OSError as error:
                problem = f"{server}: {error}"
                continue
            if answer.rcode in (NOERROR, NXDOMAIN):
                return answer
            problem = f"{server}: answer with code {answer.rcode}"
        self.writer.record.problem(name, problem)
        return None
