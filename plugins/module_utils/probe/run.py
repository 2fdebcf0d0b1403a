# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send probes of several users: one child process for each user, all at the same time."""

from __future__ import annotations

import json
import os
import resource
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING

from .loop import run_probes
from .model import UNSENT, Measurement, Probe, ProbeError, ProbeProcessError
from .users import Identity, become, identity

if TYPE_CHECKING:
    from typing import Sequence

RESERVED_FILES = 32
"""Descriptors of the limit that stay free for Python and the caller."""


class _Child:
    """A process that sends the probes of one user and answers with one JSON document through a pipe."""

    def __init__(self, user: Identity, probes: Sequence[Probe], timeout: float, parallel: int) -> None:
        reader, writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reader)
            _work(writer, user, probes, timeout, parallel)
        os.close(writer)
        self._reader = reader
        self._user = user.name or str(user.uid)

    def measurements(self) -> list[Measurement]:
        """Wait for the answer and return its measurements. Raises ProbeError when there is none."""
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


def _work(writer: int, user: Identity, probes: Sequence[Probe], timeout: float, parallel: int) -> None:
    """Send the probes and write the answer. Never returns, so that the child does not run the parent's program."""
    try:
        try:
            become(user)
            measurements = [asdict(measurement) for measurement in run_probes(probes, timeout, parallel)]
            answer: dict[str, object] = {"measurements": measurements}
        except OSError as error:
            answer = {"error": error.strerror}
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(json.dumps(answer).encode())
    finally:
        os._exit(0)


def _by_user(probes: Sequence[Probe]) -> dict[Identity, list[int]]:
    """Return the indices of each user's probes. Raises ProbeError for the first user who does not exist."""
    by_user: dict[Identity, list[int]] = {}
    known: dict[str | None, Identity] = {None: identity(str(os.geteuid()))}
    for index, probe in enumerate(probes):
        if probe.user is not None and probe.user not in known:
            try:
                known[probe.user] = identity(probe.user)
            except LookupError as error:
                raise ProbeError(f"{error} {UNSENT}", index) from error
        by_user.setdefault(known[probe.user], []).append(index)
    others = [user for user in by_user if user.uid != os.geteuid()]
    if others and os.geteuid() != 0:
        raise ProbeError(
            f"Only root can send probes as another user. {UNSENT} Fix: set become: true.", by_user[others[0]][0]
        )
    return by_user


def probe_all(probes: Sequence[Probe], timeout: float, parallel: int) -> list[Measurement]:
    """Send every probe as its user and return the measurements in order.

    timeout: seconds for each probe. parallel: how many of one user are open at once; fewer where the limit of open
    files is lower. Raises ProbeError, for users before any packet is sent.
    """
    indices_by_user = _by_user(probes)
    limit, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    parallel_now = max(1, min(parallel, limit - RESERVED_FILES) if limit != resource.RLIM_INFINITY else parallel)
    children: list[tuple[list[int], _Child]] = []
    measurements: dict[int, Measurement] = {}
    try:
        for user, indices in indices_by_user.items():
            children.append((indices, _Child(user, [probes[index] for index in indices], timeout, parallel_now)))
        for indices, child in children:
            measurements.update(zip(indices, child.measurements()))
    finally:
        for _indices, child in children:
            child.end()
    return [measurements[index] for index in range(len(probes))]
