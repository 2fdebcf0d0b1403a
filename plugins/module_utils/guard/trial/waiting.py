# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run that made a change waits on the host for its confirmation, so that nothing is sent and read a second time.

It decides nothing that a run of the guard would not: guard/confirmation.py asks it over a new connection, and it does
the same with the same code. It is no part of the way back, which is the rollback timer's: where it has ended, the
controller sends the guard once more.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Callable, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError, failure
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import background, clock, files, ssh_session
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import pending

Confirm = Callable[[Mapping[str, Any], str], Mapping[str, Any]]
"""Confirms for a request (token, not_over, what) that came over an SSH connection ("" for none)."""

_LOOK = 1.0
"""Seconds between two looks at whether the change is still pending."""
_PATIENCE = 10.0
"""Seconds that a whole request may take to arrive, and an answer to be read."""
_LONGEST = 1 << 20
"""Bytes of a request."""


def offer(paths: Paths, token: str, confirm: Confirm) -> None:
    """Leave a process that waits for the confirmation of a change until the change is no longer pending.

    Without it the change is as safe, and its confirmation takes longer; so what goes wrong here is left.
    """
    with suppress(OSError, GuardError):
        files.remove(paths.confirmation)
        with closing(_listen(paths.confirmation)) as listener:
            # The end of the session must not reach the new process before it has left it.
            held = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP, signal.SIGINT))
            forked = -1
            try:
                forked = os.fork()
            finally:
                if forked != 0:
                    signal.pthread_sigmask(signal.SIG_SETMASK, held)
            if forked != 0:
                return
            try:
                background.leave_session(listener.fileno())
                signal.pthread_sigmask(signal.SIG_SETMASK, held)
                _serve(listener, paths, token, confirm)
            finally:
                os._exit(0)


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # By way of its folder, since a socket's path has at most 107 bytes. The folder is root's alone.
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    finally:
        os.close(folder)
    return listener


def _serve(listener: socket.socket, paths: Paths, token: str, confirm: Confirm) -> None:
    listener.settimeout(_LOOK)
    while True:
        change = pending.read(paths)
        if change is None or change.token != token or change.seconds_left <= 0:
            return
        with suppress(socket.timeout):
            connection, _address = listener.accept()
            with connection:
                if _answer(connection, token, confirm):
                    return


def _answer(connection: socket.socket, token: str, confirm: Confirm) -> bool:
    """Answer one request; return whether it was decided. A request that is closed without an answer was not."""
    pid, uid, _gid = struct.unpack("=iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if uid != os.geteuid() or pid <= 0:
        return False
    try:
        request = json.loads(_received(connection))
        session = ssh_session.connection(pid)
        if request["token"] != token or (request["not_over"] and not session):
            # Who cannot be told from the run that made the change proves nothing here.
            return False
        if _has_gone(connection):
            # Nobody waits for this answer any more, and the process id may be another's by now.
            return False
        answer = dict(confirm(request, session))
    except TidegateError as error:
        answer = {"failed": True, **failure(error)}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    with suppress(OSError):
        connection.sendall(json.dumps(answer).encode())
    return True


def _received(connection: socket.socket) -> bytes:
    received = b""
    end = clock.uptime() + _PATIENCE
    while len(received) <= _LONGEST:
        connection.settimeout(max(end - clock.uptime(), 0.001))
        part = connection.recv(1 << 16)
        if not part:
            connection.settimeout(_PATIENCE)
            return received
        received += part
    raise ValueError("the request is too long")


def _has_gone(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(0))
