# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send many probes at once from one process, as its user."""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections import deque
from contextlib import nullcontext
from typing import TYPE_CHECKING

from .model import Measurement, Probe, outcome_of
from .payload import datagram

if TYPE_CHECKING:
    from typing import Callable, ContextManager, Sequence


class _Attempt:
    """A probe under way: its socket and its start, in seconds of the monotonic clock."""

    def __init__(self, probe: Probe) -> None:
        self.tcp = probe.protocol == "tcp"
        self.started = 0.0
        self._probe = probe
        family = socket.AF_INET6 if ":" in probe.to else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)

    def start(self) -> int | None:
        """Send the first packet; return an errno when the outcome is known, None while an answer may come."""
        self.started = time.monotonic()
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

    def error(self) -> int:
        """Return the errno of a socket that is ready, 0 for an answer."""
        if self.tcp:
            return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try:
            self.socket.recv(4096)
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def finish(self, number: int) -> Measurement:
        """Close the socket and return the measurement for an errno."""
        self.socket.close()
        return _measurement(number, self.started)


def _measurement(number: int, started: float) -> Measurement:
    milliseconds = round((time.monotonic() - started) * 1000, 1)
    return Measurement(outcome_of(number), errno.errorcode.get(number), milliseconds)


class _ProbeLoop:
    """The attempts of one run over one selector."""

    def __init__(
        self, probes: Sequence[Probe], timeout: float, parallel: int, inside: Callable[[], ContextManager[object]]
    ) -> None:
        self._waiting = deque(enumerate(probes))
        self._measurements: dict[int, Measurement] = {}
        self._open: dict[int, _Attempt] = {}  # in the order of their deadlines, because all have the same timeout
        self._timeout = timeout
        self._parallel = parallel
        self._inside = inside
        self._selector = selectors.DefaultSelector()

    def run(self) -> list[Measurement]:
        with self._selector:
            while self._waiting or self._open:
                while self._waiting and len(self._open) < self._parallel:
                    self._begin(min(self._parallel - len(self._open), len(self._waiting)))
                self._collect()
        return [self._measurements[index] for index in sorted(self._measurements)]

    def _begin(self, count: int) -> None:
        attempts: dict[int, _Attempt] = {}
        with self._inside():
            for index, probe in [self._waiting.popleft() for _number in range(count)]:
                try:
                    attempts[index] = _Attempt(probe)
                except OSError as error:  # noqa: PERF203 - a kernel without that family
                    self._measurements[index] = _measurement(error.errno or errno.EIO, time.monotonic())
        for index, attempt in attempts.items():
            self._start(index, attempt)

    def _start(self, index: int, attempt: _Attempt) -> None:
        number = attempt.start()
        if number is not None:
            self._measurements[index] = attempt.finish(number)
            return
        self._open[index] = attempt
        self._selector.register(attempt.socket, selectors.EVENT_WRITE if attempt.tcp else selectors.EVENT_READ, index)

    def _collect(self) -> None:
        if not self._open:
            return
        oldest = next(iter(self._open.values()))
        for key, _events in self._selector.select(max(0.0, oldest.started + self._timeout - time.monotonic())):
            self._close(key.data, self._open[key.data].error())
        overdue = time.monotonic() - self._timeout
        for index in [index for index, attempt in self._open.items() if attempt.started <= overdue]:
            self._close(index, errno.ETIMEDOUT)

    def _close(self, index: int, number: int) -> None:
        attempt = self._open.pop(index)
        self._selector.unregister(attempt.socket)
        self._measurements[index] = attempt.finish(number)


def run_probes(
    probes: Sequence[Probe],
    timeout: float,
    parallel: int,
    inside: Callable[[], ContextManager[object]] = nullcontext,
) -> list[Measurement]:
    """Send probes as the user of this process, at most parallel at once; return the measurements in order.

    timeout: seconds for each; inside: what holds while sockets are made. Each sends one SYN or one datagram; with a
    longer timeout the kernel retransmits the SYN after 1, 3 and 7 s.
    """
    return _ProbeLoop(probes, timeout, parallel, inside).run()
