# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send probes of several users and cgroups: one child process for each of both, all at the same time."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import time
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from .cgroup import sockets_in
from .loop import run_probes
from .model import FAILED, UNSENT, Measurement, Probe, ProbeError, ProbeProcessError
from .users import Identity, become, identity

if TYPE_CHECKING:
    from typing import Callable, ContextManager, Sequence

RESERVED_FILES = 32
"""Descriptors of the limit that stay free for Python and the caller."""


GRACE = 5.0
"""Seconds beyond its probes after which a child that made its sockets in another cgroup is ended."""


class _Sender(NamedTuple):
    """Whose sockets a child makes, and the folder of the cgroup that they are made in, "" for the child's own."""

    user: Identity
    cgroup: str


class _Child:
    """A process that sends the probes of one sender and answers with one JSON document through a pipe."""

    def __init__(self, sender: _Sender, probes: Sequence[Probe], timeout: float, parallel: int) -> None:
        reader, writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reader)
            _work(writer, sender, probes, timeout, parallel)
        os.close(writer)
        self._reader = reader
        self._user = sender.user.name or str(sender.user.uid)
        # Whoever owns the other cgroup can freeze and kill what is in it.
        rounds = -(-len(probes) // parallel)
        self._deadline = time.monotonic() + rounds * timeout + GRACE if sender.cgroup else None
        self._count = len(probes)

    def measurements(self) -> list[Measurement]:
        """Wait for the answer and return its measurements. Raises ProbeError when there is none.

        In another cgroup, all of them are FAILED then: what becomes of a process there is not the caller's fault.
        """
        if self._deadline is None:
            return self._answer()
        left = self._deadline - time.monotonic()
        try:
            if select.select([self._reader], [], [], max(0.0, left))[0]:
                return self._answer()
        except ProbeProcessError:
            pass
        return [Measurement(FAILED, None, 0.0)] * self._count

    def _answer(self) -> list[Measurement]:
        with os.fdopen(self._reader, "rb") as pipe:
            self._reader = -1
            text = pipe.read()
        if not text:
            raise ProbeProcessError(f"The process that sends the probes of {self._user} died without an answer.")
        answer = json.loads(text.decode())
        if "error" in answer:
            raise ProbeProcessError(f"Cannot send probes as {self._user}: {answer['error']}.")
        return [Measurement(**measurement) for measurement in answer["measurements"]]

    def end(self) -> None:
        """End the process and close its pipe, whether the answer was read or not."""
        if self._reader >= 0:
            os.close(self._reader)
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _work(writer: int, sender: _Sender, probes: Sequence[Probe], timeout: float, parallel: int) -> None:
    """Send the probes and write the answer. Never returns, so that the child does not run the parent's program."""
    try:
        try:
            inside: Callable[[], ContextManager[object]] = nullcontext
            if sender.cgroup:
                inside = partial(sockets_in, sender.cgroup, sender.user)
            else:
                become(sender.user)
            measurements = [asdict(measurement) for measurement in run_probes(probes, timeout, parallel, inside)]
            answer: dict[str, object] = {"measurements": measurements}
        except OSError as error:
            answer = {"error": error.strerror}
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(json.dumps(answer).encode())
    finally:
        os._exit(0)


def _by_sender(probes: Sequence[Probe]) -> dict[_Sender, list[int]]:
    """Return the indices of each sender's probes. Raises ProbeError for the first user who does not exist."""
    by_sender: dict[_Sender, list[int]] = {}
    known: dict[str | None, Identity] = {None: identity(str(os.geteuid()))}
    for index, probe in enumerate(probes):
        if probe.user is not None and probe.user not in known:
            try:
                known[probe.user] = identity(probe.user)
            except LookupError as error:
                raise ProbeError(f"{error} {UNSENT}", index) from error
        by_sender.setdefault(_Sender(known[probe.user], probe.cgroup), []).append(index)
    others = [sender for sender in by_sender if sender.user.uid != os.geteuid() or sender.cgroup]
    if others and os.geteuid() != 0:
        raise ProbeError(
            f"Only root can send probes as another user. {UNSENT} Fix: set become: true.", by_sender[others[0]][0]
        )
    return by_sender


def probe_all(probes: Sequence[Probe], timeout: float, parallel: int) -> list[Measurement]:
    """Send every probe as its user and return the measurements in order.

    timeout: seconds for each probe. parallel: how many of one sender are open at once; fewer where the limit of open
    files is lower. Raises ProbeError, for users before any packet is sent.
    """
    indices_by_sender = _by_sender(probes)
    limit, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    parallel_now = max(1, min(parallel, limit - RESERVED_FILES) if limit != resource.RLIM_INFINITY else parallel)
    children: list[tuple[list[int], _Child]] = []
    measurements: dict[int, Measurement] = {}
    try:
        for sender, indices in indices_by_sender.items():
            children.append((indices, _Child(sender, [probes[index] for index in indices], timeout, parallel_now)))
        for indices, child in children:
            measurements.update(zip(indices, child.measurements()))
    finally:
        for _indices, child in children:
            child.end()
    return [measurements[index] for index in range(len(probes))]
