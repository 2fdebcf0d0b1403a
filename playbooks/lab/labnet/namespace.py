# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enter a network namespace and return: sockets that are made inside stay there."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000  # linux/sched.h
NAMES = Path("/run/netns")
"""Where ip-netns(8) keeps a file for each namespace that has a name."""

_libc = ctypes.CDLL(None, use_errno=True)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):  # os.setns exists since Python 3.12
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Run the block in a namespace. Only for programs of one thread, because each thread has its own namespace."""
    with Path("/proc/self/ns/net").open("rb") as home, (NAMES / name).open("rb") as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())
