# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network namespace of one's own, in which nobody else is and no packet comes."""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Iterator, final

_CLONE_NEWNET = 0x40000000
_PATH = "/proc/thread-self/ns/net"


@final
class ScratchNamespace:
    """A new network namespace, until close(). Raise OSError without CAP_SYS_ADMIN."""

    def __init__(self) -> None:
        self._home = os.open(_PATH, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call("unshare", _CLONE_NEWNET)
        except OSError:
            os.close(self._home)
            raise
        try:
            self._here = os.open(_PATH, os.O_RDONLY | os.O_CLOEXEC)
        finally:
            _call("setns", self._home, _CLONE_NEWNET)

    def close(self) -> None:
        """Let it end."""
        os.close(self._here)
        os.close(self._home)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Be in it: this thread, the sockets that it opens and the programs that it starts."""
        _call("setns", self._here, _CLONE_NEWNET)
        try:
            yield
        finally:
            _call("setns", self._home, _CLONE_NEWNET)


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
