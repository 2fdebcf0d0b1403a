# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a phase of the guard by the program that the host has, whose modules are compiled, instead of sending the guard.

This file alone is sent to a host (plugin_utils/confirm/guard.py), so it imports nothing of the collection: the request
names what runs the phase, which is imported from the program once that is known to be of the controller's sources.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes as long to import as all of this takes to run
    from typing import Any, Mapping

PROGRAM = "/usr/local/lib/tidegate/tidegate"
WORD = b"tidegate"
SEAL = len(WORD) + 1 + 64 + 1 + 8 + 1 + 64
"""Bytes at the end of the program, see `seal`."""


def seal(content: bytes, sources: str, magic: bytes) -> bytes:
    """Return what stands at the end of a program, so that one that was damaged, edited or cut is none.

    content: the program up to it. sources: their checksum. magic: of the Python that its modules are compiled for,
    importlib.util.MAGIC_NUMBER.
    """
    return b" ".join((WORD, sources.encode(), magic.hex().encode(), hashlib.sha256(content).hexdigest().encode()))


def sealed(data: bytes) -> tuple[str, bytes] | None:
    """Return the checksum of the sources of a program and the magic number of its modules; None for anything else."""
    words = data[-SEAL:].split(b" ")
    if len(words) != 4 or len(data) < SEAL:
        return None
    sources, magic = words[1].decode("ascii", "replace"), words[2].decode("ascii", "replace")
    try:
        number = bytes.fromhex(magic)
    except ValueError:
        return None
    return (sources, number) if seal(data[:-SEAL], sources, number) == data[-SEAL:] else None


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of a phase with answered; else unanswered, why the guard has to be sent: nothing was done.

    request: root; sources, the checksum of the controller's; guard, the name of the module that runs phases; arguments
    of egress_guard, and check, see plugin_utils/confirm/guard.py.
    """
    try:
        # By its descriptor: another controller may replace it meanwhile.
        descriptor = os.open(request["root"] + PROGRAM, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        _need_program(descriptor, request["sources"])
        sys.path.insert(0, f"/proc/self/fd/{descriptor}")
        guard = importlib.import_module(request["guard"])
    except Exception as error:  # noqa: BLE001  # whatever it is, the guard that is sent does without
        return {"changed": False, "unanswered": f"{type(error).__name__}: {error}"}
    try:
        outcome: dict[str, Any] = guard.outcome(guard.with_defaults(request["arguments"]), request["check"])
    except Exception as error:  # noqa: BLE001  # a guard that is sent after it would do twice what this one has done
        outcome = {"failed": True, "msg": f"{type(error).__name__}: {error}", "exception": traceback.format_exc()}
    return {"answered": True, **outcome}


def _need_program(descriptor: int, sources: str) -> None:
    status = os.fstat(descriptor)
    if os.geteuid() != 0 or status.st_uid != 0 or status.st_mode & 0o022:
        raise PermissionError("it is not root's alone")
    with open(descriptor, "rb", closefd=False) as file:
        about = sealed(file.read())
    if about is None or about[0] != sources:
        raise ValueError("damaged" if about is None else "of another release")


def main(request: Mapping[str, Any]) -> None:
    """Print the answer as a module does."""
    sys.stdout.write(json.dumps(answer(request)))
