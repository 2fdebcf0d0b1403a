# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the run that waits on a host to confirm its change, without Ansible's module framework.

This file alone is sent to a host over a new connection (plugin_utils/confirm/sent_alone.py), so it imports nothing of
the collection. Who waits (trial/waiting.py) sees by whom and over which connection it is asked.
"""

from __future__ import annotations

import json
import os
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes as long to import as all of this takes to run
    from typing import Any, Mapping

FOLDER = "/run/tidegate"
NAME = "confirmation.sock"


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of the phase confirm; with unanswered, the cause, where nobody decided.

    request: root, token, not_over, what, and the seconds to wait, see plugin_utils/confirm/commit_confirm.py.
    """
    try:
        return {"changed": False, **_asked(request)}
    except Exception as error:  # noqa: BLE001  # whatever it is, a run of the guard says it better
        return {"changed": False, "unanswered": f"{type(error).__name__}: {error}"}


def _asked(request: Mapping[str, Any]) -> dict[str, Any]:
    folder = os.open(request["root"] + FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    status = os.fstat(folder)
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError(f"others may write to {FOLDER}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as waiting:
        # Who waits may be stopped. Unanswered, a run of the guard has the rest of the time.
        waiting.settimeout(request["seconds"])
        waiting.connect(f"/proc/self/fd/{folder}/{NAME}")
        waiting.sendall(json.dumps(request).encode())
        waiting.shutdown(socket.SHUT_WR)
        received = b""
        while part := waiting.recv(1 << 16):
            received += part
    decided: dict[str, Any] = json.loads(received)
    return decided


def main(request: Mapping[str, Any]) -> None:
    """Print the answer as a module does."""
    sys.stdout.write(json.dumps(answer(request)))
