# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""egress-why: what the policy says about a connection of the user who asks, for those who are not root.

A socket of systemd starts one server for each question. It takes the user from the kernel, not from the question, and
answers with the verdict, the reason of egress_never and whom to ask: nothing else of the policy. Of a name without an
address it says why the resolver opens none: who asks the resolver for that name learns as much.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from typing import Any, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import resolver_document, settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import answer, denied_ledger, verdict
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.evaluate import Address
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import unit_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.units import cgroups

from .terminal import say

NAME = "egress-why"
_LONGEST = 300
"""Bytes of a question."""
_PATIENCE = 5
"""Seconds that a server waits for its question."""
_CREDENTIALS = struct.Struct("3i")
_REVEALED = ("decision", "never", "contact", "error", "refusal")
_NAME = "name"
"""The second word of a question about a name."""


def serve(paths: Paths, connection: socket.socket) -> int:
    """Answer one question about the user at the other end of a connection."""
    signal.alarm(_PATIENCE)
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _gid = _CREDENTIALS.unpack(credentials)
    question = connection.recv(_LONGEST).decode("ascii", "replace").split()
    signal.alarm(0)
    try:
        about = _answer(paths, question, verdict.Sender(uid, _units(pid), unit_sets.read(paths)))
    except (TidegateError, ValueError, OSError) as error:
        about = {"error": str(error) if isinstance(error, GuardError) else "The policy of this host cannot be read."}
    connection.sendall(json.dumps({name: about[name] for name in _REVEALED if name in about}).encode())
    return 0


def _units(process: int) -> frozenset[str]:
    """Return the names by which a policy means the unit of a process."""
    with suppress(OSError):
        own = cgroups.of_process(f"/proc/{process}/cgroup")
        return frozenset() if own is None else cgroups.names_above(own)
    return frozenset()


def _answer(paths: Paths, question: Sequence[str], sender: verdict.Sender) -> dict[str, Any]:
    if len(question) != 2:
        raise GuardError("bad_request", "The question is not an address and a service.")
    if question[1] == _NAME:
        return {"refusal": resolver_document.refusal(paths, question[0])}
    address, (protocol, port) = ipaddress.ip_address(question[0]), verdict.service(question[1])
    objects = verdict.objects(LiveTable())
    return answer.answer(verdict.judged(objects, address, protocol, port, sender), settings.read(paths))


def main(paths: Paths, words: Sequence[str]) -> int:
    """Ask, print the answer and return 0 where all is allowed, 1 where something is rejected, 2 after an error."""
    parser = argparse.ArgumentParser(
        prog=NAME, description="What the egress policy of this host says about a connection of yours."
    )
    parser.add_argument("host", help="an address or a name")
    parser.add_argument("service", help="a port, tcp/443 or a name such as https")
    arguments = parser.parse_args(words)
    user, code = denied_ledger.user_name(os.geteuid()), 0
    try:
        protocol, port = verdict.service(arguments.service)
        for address in _addresses(paths, arguments.host):
            about = {
                "entry": None,
                "nearest": [],
                "by": "",
                "doubts": [],
                **_ask(paths, f"{address} {protocol}/{port}"),
            }
            if "error" in about:
                raise GuardError("bad_request", about["error"])
            say("\n".join(answer.sentences(about, f"{address} {protocol}/{port} as {user}")))
            code = max(code, int(about["decision"] == answer.REJECTED))
    except (GuardError, OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"{NAME}: {error}\n")
        return 2
    return code


def _addresses(paths: Paths, host: str) -> Sequence[Address]:
    """Return the addresses of a host. Raise GuardError, with the reason where the resolver opens none."""
    try:
        return verdict.addresses(host)
    except GuardError as error:
        refusal = ""
        with suppress(GuardError, OSError, ValueError):
            refusal = str(_ask(paths, f"{host} {_NAME}").get("refusal", ""))
        if refusal:
            raise GuardError(error.reason, f"{error} {resolver_document.refused(refusal)}") from error
        raise


def _ask(paths: Paths, question: str) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(paths.why_socket))
        except OSError as error:
            raise GuardError("bad_request", f"Nobody answers at {paths.why_socket} ({error.strerror}).") from error
        connection.sendall(question.encode())
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as reply:
            about = json.load(reply)
    return {**about, "never": about.get("never"), "contact": about.get("contact", "")}
