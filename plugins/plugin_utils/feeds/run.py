# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is done once per run, by whichever of Ansible's worker processes comes first."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .copies import replace
from .model import FeedError


@dataclass(frozen=True)
class Run:
    """directory: of this run alone and removed with it. Workers share nothing else."""

    directory: Path

    def once(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Return what make returned to the first worker that asked for this key.

        A FeedError is kept as well: of five hundred hosts only one waits for a dead server.
        """
        done, failed = self.directory / f"{key}.done", self.directory / f"{key}.failed"
        if done.exists():  # Written by a rename, so it is complete.
            return done.read_bytes()
        with self._locked(key):
            if failed.exists():
                raise FeedError(*json.loads(failed.read_text(encoding="utf-8")))
            if not done.exists():
                try:
                    replace(done, make())
                except FeedError as error:
                    replace(failed, json.dumps([error.cause, error.fix]).encode())
                    raise
        return done.read_bytes()

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """Hold the lock of a key. The kernel releases the lock of a process that dies (flock(2))."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.directory / f"{key}.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
