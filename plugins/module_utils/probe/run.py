# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of several users: one child process for each user, all users at the same time."""

from __future__ import annotations

import json
import os
import resource
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING

from .loop import run_probes
from .model import Probe, ProbeError, Result
from .users import Identity, become, identity

if TYPE_CHECKING:
    from typing import Sequence

OTHER_FILES = 32
"""Descriptors that are left to Python and the caller when probes take the rest of the limit."""


class _Child:
    """One user's probes in a process of their own, answering with one JSON document through a pipe."""

    def __init__(self, who: Identity, probes: Sequence[Probe], timeout: float, parallel: int) -> None:
        reader, writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reader)
            _work(writer, who, probes, timeout, parallel)
        os.close(writer)
        self._reader = reader
        self._user = who.name or str(who.uid)

    def results(self) -> list[Result]:
        """Wait for the child's answer. Raises ProbeError when it had none."""
        with os.fdopen(self._reader, "rb") as pipe:
            self._reader = -1
            text = pipe.read()
        if not text:
            raise ProbeError(f"the process that probes as {self._user} died without an answer")
        answer = json.loads(text.decode())
        if "error" in answer:
            raise ProbeError(f"cannot probe as {self._user}: {answer['error']}")
        return [Result(**result) for result in answer["results"]]

    def end(self) -> None:
        """Leave no process and no descriptor behind, whether the answer was read or not."""
        if self._reader >= 0:
            os.close(self._reader)
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _work(writer: int, who: Identity, probes: Sequence[Probe], timeout: float, parallel: int) -> None:
    """The child's whole life: whatever happens, it never returns into the parent's program."""
    try:
        try:
            become(who)
            results = [asdict(result) for result in run_probes(probes, timeout, parallel)]
            answer: dict[str, object] = {"results": results}
        except OSError as error:
            answer = {"error": error.strerror}
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(json.dumps(answer).encode())
    finally:
        os._exit(0)


def _by_user(probes: Sequence[Probe]) -> dict[Identity, list[int]]:
    """Return the places of each user's probes. Raises ProbeError for the first probe whose user does not exist."""
    found: dict[Identity, list[int]] = {}
    known: dict[str | None, Identity] = {None: identity(str(os.geteuid()))}
    for index, probe in enumerate(probes):
        if probe.user is not None and probe.user not in known:
            try:
                known[probe.user] = identity(probe.user)
            except LookupError as error:
                raise ProbeError(str(error), index) from error
        found.setdefault(known[probe.user], []).append(index)
    others = [who for who in found if who.uid != os.geteuid()]
    if others and os.geteuid() != 0:
        raise ProbeError("only root can probe as another user: set become", found[others[0]][0])
    return found


def probe_all(probes: Sequence[Probe], timeout: float, parallel: int) -> list[Result]:
    """Run every probe as its user and return the results in order.

    ``timeout`` is in seconds for each probe; at most ``parallel`` of one user's are open at once, fewer where the limit
    of open files is lower. Raises ProbeError before anything is sent when a user cannot be become.
    """
    places = _by_user(probes)
    limit, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(1, min(parallel, limit - OTHER_FILES) if limit != resource.RLIM_INFINITY else parallel)
    children: list[tuple[list[int], _Child]] = []
    results: dict[int, Result] = {}
    try:
        for who, indices in places.items():
            children.append((indices, _Child(who, [probes[index] for index in indices], timeout, most)))
        for indices, child in children:
            results.update(zip(indices, child.results()))
    finally:
        for _indices, child in children:
            child.end()
    return [results[index] for index in range(len(probes))]
