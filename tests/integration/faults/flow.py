# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A UDP flow at full rate, in a process of its own; what the output hook drops is told to its sender."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import final

ADDRESS = "127.0.0.2"

BETWEEN_LOOKS = 200
"""Packets sent between two looks at whether that is enough."""


@final
@dataclass
class Flow:
    """Packets to a port of ADDRESS while the body runs; afterwards how many went out and how many were refused."""

    port: int
    sent: int = 0
    refused: int = 0

    def __enter__(self) -> Flow:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), str(self.port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "begun\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        out, _err = self._process.communicate()
        self.sent, self.refused = map(int, out.split())


def _send(port: int) -> None:
    """Send until stdin ends; print what became of it."""
    sent = refused = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        print("begun", flush=True)
        while not _ended():
            for _packet in range(BETWEEN_LOOKS):
                try:
                    sender.sendto(b"x", (ADDRESS, port))
                    sent += 1
                except PermissionError:
                    refused += 1
    print(sent, refused)


def _ended() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


if __name__ == "__main__":
    _send(int(sys.argv[1]))
