# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `tidegate` on the host, and what systemd starts. It needs no controller."""

from __future__ import annotations

import argparse
import os
import shlex
import socket
import sys
import tempfile
from pathlib import Path
from typing import Callable, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import exclusive
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths, of_program
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.systemd_units import (
    FAILSAFE_STATUS,
    GAVE_UP_STATUS,
    SETTLE,
    SETTLE_UNITS,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import confirmed_policy, history, pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import denied_ledger
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import commit_confirm, rollback
from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable_lines

from . import ask, boot, console, emergency, followed_units, names, watcher
from .arguments import parser
from .terminal import say

_BOOT_WAIT = 900.0
"""Seconds that nft may take for a table: the first run starts the boot unit while it holds the lock."""

_OUTLIVE = "Connections made meanwhile may outlive it: the policy keeps them, unless egress_established is recheck."

Arguments = argparse.Namespace


def main(words: Sequence[str] | None = None) -> int:
    """Run one command. Exit status: 0, 1 for a reported failure, 2 for wrong arguments; boot has more."""
    paths = of_program(sys.argv[0])
    if words is None and Path(sys.argv[0]).name == ask.NAME:
        return ask.main(paths, sys.argv[1:])
    arguments = parser().parse_args(words)
    if os.geteuid() != 0:
        # Without root, nft lists nothing, which looks like a host without a table. The path: sudo has one of its own.
        sys.stderr.write(f"tidegate: this needs root; try: sudo {' '.join(map(shlex.quote, sys.argv))}\n")
        return 1
    # A script for nft must be writable even when the disk is full.
    if paths.run.is_dir():
        tempfile.tempdir = str(paths.run)
    try:
        return int(_COMMANDS[arguments.command](paths, arguments))
    except TidegateError as error:
        sys.stderr.write(printable_lines(f"tidegate: {error}\n"))
        return GAVE_UP_STATUS if arguments.command == "boot" else 1


def _restore(paths: Paths, _arguments: Arguments) -> int:
    host = Host(paths, LiveTable())
    with exclusive(paths):
        change = pending.read(paths)
        if change is not None:
            rollback.roll_back(host, change, "tidegate restore on the host")
        record = confirmed_policy.load(host)
    if record is None:
        raise GuardError("not_found", "No policy was ever confirmed on this host, so there is nothing to restore.")
    say(f"Loaded the policy of {clock.utc(record.when)} by {record.who or 'an unknown user'}.")
    return 0


def _confirm(paths: Paths, arguments: Arguments) -> int:
    with exclusive(paths):
        change = pending.read(paths)
        if change is None and not arguments.token:
            raise GuardError("not_pending", f"No change is pending on this host. {UNCHANGED}")
        token = arguments.token or (change.token if change is not None else "")
        record = commit_confirm.confirm(Host(paths, LiveTable()), token)
    say(f"Confirmed and saved for boot: {record.what or record.token}.")
    return 0


def _rollback(paths: Paths, arguments: Arguments) -> int:
    host = Host(paths, LiveTable())
    with exclusive(paths):
        change = pending.read(paths)
        if change is not None:
            rollback.roll_back(host, change, "tidegate rollback on the host")
            ended = f"Ended the emergency ({change.emergency})" if change.emergency else f"Rolled back: {change.what}"
            say(f"{ended}.")
            if not arguments.to:
                return 0
        record = history.find(paths, arguments.to or "1")
        confirmed_policy.return_to(host, record, _caller())
        followed_units.settle(paths, _interpreter(paths))
    say(f"Loaded and saved for boot: the policy of {clock.utc(record.when)} by {record.who or 'an unknown user'}.")
    return 0


def _emergency(paths: Paths, arguments: Arguments) -> int:
    kind, minutes = arguments.command, arguments.minutes
    emergency.begin(Host(paths, LiveTable()), kind, minutes, _caller())
    effect = "All outbound traffic is allowed" if kind == emergency.OPEN else "Only the floor is allowed"
    outlive = f" {_OUTLIVE}" if kind == emergency.OPEN else ""
    say(f"{effect} for {emergency.length(minutes)}; `tidegate rollback` ends it now.{outlive}")
    return 0


def _boot(paths: Paths, _arguments: Arguments) -> int:
    with exclusive(paths, _BOOT_WAIT):
        loaded = boot.boot(Host(paths, LiveTable()))
    say(f"{loaded}")
    return FAILSAFE_STATUS if loaded == boot.FAILSAFE else 0


def _watch(paths: Paths, _arguments: Arguments) -> int:
    watcher.Watcher(Host(paths, LiveTable(patience=confirmed_policy.PATIENCE))).run()
    return 0


def _settle_names(paths: Paths, _arguments: Arguments) -> int:
    with exclusive(paths):
        names.settle(paths, _interpreter(paths))
    return 0


def _settle_units(paths: Paths, _arguments: Arguments) -> int:
    with exclusive(paths):
        followed_units.settle(paths, _interpreter(paths))
    return 0


def _interpreter(paths: Paths) -> str:
    """Return the Python that the program names in its first line."""
    return (files.read(paths.program) or "").partition("\n")[0][2:].split()[0]


def _answer(paths: Paths, _arguments: Arguments) -> int:
    """Answer the question on the connection that systemd gives as standard input."""
    with socket.socket(fileno=os.dup(0)) as connection:
        return ask.serve(paths, connection)


def _caller() -> str:
    return f"{os.environ.get('SUDO_USER') or denied_ledger.user_name(os.getuid())} (console)"


_COMMANDS: dict[str, Callable[[Paths, Arguments], int]] = {
    "status": console.show_status,
    "denied": console.show_denied,
    "why": console.show_why,
    "restore": _restore,
    "confirm": _confirm,
    "rollback": _rollback,
    "open": _emergency,
    "close": _emergency,
    "boot": _boot,
    "watch": _watch,
    SETTLE: _settle_names,
    SETTLE_UNITS: _settle_units,
    "answer": _answer,
}
