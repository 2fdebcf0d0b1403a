# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every test here runs in a network namespace of its own, which nobody can enter and which ends with the process."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
VERSIONS = ("0.9.8", "1.0.6", "1.1.3")
CLONE_NEWNET = 0x40000000
OWN_NAMESPACE = Path("/proc/thread-self/ns/net")

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: int) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)} (these tests need root)")


@pytest.fixture(autouse=True)
def namespace() -> Iterator[None]:
    """Out of the machine's network for the time of one test."""
    outside = OWN_NAMESPACE.stat().st_ino
    back = os.open(OWN_NAMESPACE, os.O_RDONLY)
    try:
        _call("unshare", CLONE_NEWNET)
        assert OWN_NAMESPACE.stat().st_ino != outside, "still in the machine's own network"
        yield
    finally:
        _call("setns", back, CLONE_NEWNET)
        os.close(back)


class Nft:
    """One release of nft, called by its command line."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.path = CHECKOUT / "build" / "nft" / version / "nft"
        assert self.path.exists(), f"no nft {version}: run `make nft`"

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run([str(self.path), *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def try_(self, *arguments: str) -> str:
        """What it prints, errors too."""
        done = subprocess.run([str(self.path), *arguments], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def load(self, text: str) -> None:
        done = subprocess.run([str(self.path), "-f", "-"], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture(params=VERSIONS)
def each_nft(request: pytest.FixtureRequest) -> Nft:
    return Nft(request.param)


@pytest.fixture
def nft() -> Nft:
    return Nft("1.0.6")
