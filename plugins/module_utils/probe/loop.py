# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many probes at once in one process, as the user that the process runs as."""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections import deque
from typing import TYPE_CHECKING

from .model import Probe, Result, outcome_of
from .payload import datagram

if TYPE_CHECKING:
    from typing import Sequence


class _Attempt:
    """A probe on its way: its socket and the moment it began."""

    def __init__(self, probe: Probe) -> None:
        self.tcp = probe.protocol == "tcp"
        self.began = time.monotonic()
        self._probe = probe
        family = socket.AF_INET6 if ":" in probe.to else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)

    def start(self) -> int | None:
        """Send the first packet; return an errno when that settled it, None when an answer is awaited."""
        self.socket.setblocking(False)  # noqa: FBT003 - the standard library names no parameter here
        number = self.socket.connect_ex((self._probe.to, self._probe.port))
        if self.tcp:
            return None if number == errno.EINPROGRESS else number
        if number:
            return number
        try:
            self.socket.send(datagram(self._probe.port))
        except OSError as error:
            return error.errno
        return None

    def settle(self) -> int:
        """Return the errno of a socket that became ready, 0 for an answer."""
        if self.tcp:
            return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try:
            self.socket.recv(4096)
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def finish(self, number: int) -> Result:
        """Close the socket and say what came of it."""
        self.socket.close()
        return _result(number, self.began)


def _result(number: int, began: float) -> Result:
    took = round((time.monotonic() - began) * 1000, 1)
    return Result(outcome_of(number), errno.errorcode.get(number), took)


class _Loop:
    """The attempts of one run over one selector."""

    def __init__(self, probes: Sequence[Probe], timeout: float, parallel: int) -> None:
        self._waiting = deque(enumerate(probes))
        self._results: dict[int, Result] = {}
        self._open: dict[int, _Attempt] = {}  # in the order of their deadlines, since all have the same time
        self._timeout = timeout
        self._parallel = parallel
        self._selector = selectors.DefaultSelector()

    def run(self) -> list[Result]:
        with self._selector:
            while self._waiting or self._open:
                while self._waiting and len(self._open) < self._parallel:
                    self._begin(*self._waiting.popleft())
                self._collect()
        return [self._results[index] for index in sorted(self._results)]

    def _begin(self, index: int, probe: Probe) -> None:
        try:
            attempt = _Attempt(probe)
        except OSError as error:  # a kernel without that family
            self._results[index] = _result(error.errno or errno.EIO, time.monotonic())
            return
        number = attempt.start()
        if number is not None:
            self._results[index] = attempt.finish(number)
            return
        self._open[index] = attempt
        self._selector.register(attempt.socket, selectors.EVENT_WRITE if attempt.tcp else selectors.EVENT_READ, index)

    def _collect(self) -> None:
        if not self._open:
            return
        oldest = next(iter(self._open.values()))
        for key, _events in self._selector.select(max(0.0, oldest.began + self._timeout - time.monotonic())):
            self._settled(key.data, self._open[key.data].settle())
        late = time.monotonic() - self._timeout
        for index in [index for index, attempt in self._open.items() if attempt.began <= late]:
            self._settled(index, errno.ETIMEDOUT)

    def _settled(self, index: int, number: int) -> None:
        attempt = self._open.pop(index)
        self._selector.unregister(attempt.socket)
        self._results[index] = attempt.finish(number)


def run_probes(probes: Sequence[Probe], timeout: float, parallel: int) -> list[Result]:
    """Run probes as this process's user, at most ``parallel`` at once, ``timeout`` seconds each; results in order.

    Each sends one SYN or one datagram. What TCP retransmits in longer timeouts (after 1, 3, 7 s) is the kernel's doing.
    """
    return _Loop(probes, timeout, parallel).run()
