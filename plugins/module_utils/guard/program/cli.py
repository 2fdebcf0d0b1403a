# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `tidegate` on the host, and what systemd starts. It needs no controller."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import pwd
import shlex
import sys
import tempfile
import time
from typing import Callable, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import WAIT, exclusive, hold
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.ssh_session import is_local
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.systemd_units import (
    FAILSAFE_STATUS,
    GAVE_UP_STATUS,
    RESOLVE,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import confirmed_policy, history, pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import denied_ledger, explain, status
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.evaluate import CannotJudge, Packet
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import commit_confirm, rollback, timer
from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable_lines
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import service
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE

from . import boot, emergency, watcher

_BOOT_WAIT = 900.0
"""Seconds that nft may take for a table: the first run starts the boot unit while it holds the lock."""

_OUTLIVE = "Connections made meanwhile may outlive it: the policy keeps them, unless egress_established is recheck."

Arguments = argparse.Namespace


def main(words: Sequence[str] | None = None) -> int:
    """Run one command. Exit status: 0, 1 for a reported failure, 2 for wrong arguments; boot has more."""
    arguments = _parser().parse_args(words)
    if os.geteuid() != 0 and arguments.command != RESOLVE:
        # Without root, nft lists nothing, which looks like a host without a table. The path: sudo has one of its own.
        sys.stderr.write(f"tidegate: this needs root; try: sudo {' '.join(map(shlex.quote, sys.argv))}\n")
        return 1
    paths = _paths()
    # A script for nft must be writable even when the disk is full.
    if paths.run.is_dir():
        tempfile.tempdir = str(paths.run)
    try:
        return int(_COMMANDS[arguments.command](paths, arguments))
    except TidegateError as error:
        sys.stderr.write(printable_lines(f"tidegate: {error}\n"))
        return GAVE_UP_STATUS if arguments.command == "boot" else 1


def _paths() -> Paths:
    """Return the paths of the host, or of the part of a file system, that this program is installed in.

    They are no argument: whoever may run one command as root by a rule of sudo must not choose what it reads and loads.
    """
    program, place = os.path.realpath(sys.argv[0]), str(Paths().program)
    return Paths(program[: -len(place)] if program.endswith(place) else "")


def _status(paths: Paths, arguments: Arguments) -> int:
    facts = status.facts(Host(paths, LiveTable()))
    _say((json.dumps(facts) if arguments.json else status.text(facts)) + "\n")
    return 0


def _denied(_paths: Paths, arguments: Arguments) -> int:
    ledger = denied_ledger.read()
    for line in ledger.lines[: arguments.lines]:
        _say(
            f"{line.packets:>8}  {denied_ledger.flow(line)}, last {_ago(line.seconds)} ago"
            f"{' (accepted: mode observe)' if line.observed else ''}\n"
        )
    if len(ledger.lines) > arguments.lines:
        _say(f"and {len(ledger.lines) - arguments.lines} more: tidegate denied {len(ledger.lines)}\n")
    for item in ledger.overflow:
        _say(
            f"and {item.packets} packet{'s' if item.packets != 1 else ''} of "
            f"{denied_ledger.sender(item.uid, item.protocol)} to further destinations, "
            f"for which the ledger had no room, last {_ago(item.seconds)} ago\n"
        )
    return 0


def _say(text: str) -> None:
    """Print a text; names and comments that others chose must not reach a terminal as they are."""
    sys.stdout.write(printable_lines(text))


def _ago(seconds: int) -> str:
    """Return a time for people; the ledger goes back a day."""
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def _why(paths: Paths, arguments: Arguments) -> int:
    try:
        address = ipaddress.ip_address(arguments.address)
        if not 1 <= arguments.port <= 65535:
            raise ValueError(f"{arguments.port} is not a port")
        uid = int(arguments.user) if arguments.user.isdigit() else pwd.getpwnam(arguments.user).pw_uid
    except (ValueError, KeyError) as error:
        raise GuardError(
            "bad_request", f"{error}. Usage: tidegate why ADDRESS PORT [--user NAME] [--protocol tcp]."
        ) from error
    host = Host(paths, LiveTable())
    listing = host.table.json("table", *TABLE)
    packet = Packet(address, arguments.protocol, arguments.port, uid, time.time(), is_local(str(address)))
    try:
        answer = explain.why(json.loads(listing)["nftables"] if listing else [], packet)
    except CannotJudge as doubt:
        raise GuardError("bad_request", f"This cannot be evaluated: {doubt}.") from doubt
    flow = f"{address} {arguments.protocol}/{arguments.port} as {arguments.user}"
    _say(_sentence(answer, flow) + "\n")
    state = status.facts(host)["table"]
    if state != "confirmed":
        _say(f"Table: {status.TABLE[state]}.\n")
    return 0 if answer.verdict == "accept" else 1


def _sentence(answer: explain.Explanation, flow: str) -> str:
    where = f'rule "{answer.rule}" in {answer.chain}' if answer.rule else f"chain {answer.chain}"
    if not answer.chain:
        lines = [f"{flow}: allowed. No rule of tidegate applies to it."]
    elif answer.only_observed:
        lines = [f"{flow}: allowed because this host is in mode observe; mode enforce would reject it ({where})."]
    else:
        lines = [f"{flow}: {'allowed' if answer.verdict == 'accept' else 'rejected'} ({where})."]
    lines += [f"  nearly: {entry}" for entry in answer.nearly]
    lines += [f"  not evaluated: {doubt}" for doubt in answer.doubts]
    return "\n".join(lines)


def _restore(paths: Paths, _arguments: Arguments) -> int:
    host = Host(paths, LiveTable())
    with exclusive(paths):
        change = pending.read(paths)
        if change is not None:
            rollback.roll_back(host, change, "tidegate restore on the host")
        record = confirmed_policy.load(host)
    if record is None:
        raise GuardError("not_found", "No policy was ever confirmed on this host, so there is nothing to restore.")
    _say(f"Loaded the policy of {clock.utc(record.when)} by {record.who or 'an unknown user'}.\n")
    return 0


def _confirm(paths: Paths, arguments: Arguments) -> int:
    with exclusive(paths):
        change = pending.read(paths)
        if change is None and not arguments.token:
            raise GuardError("not_pending", f"No change is pending on this host. {UNCHANGED}")
        token = arguments.token or (change.token if change is not None else "")
        record = commit_confirm.confirm(Host(paths, LiveTable()), token)
    _say(f"Confirmed and saved for boot: {record.what or record.token}.\n")
    return 0


def _rollback(paths: Paths, arguments: Arguments) -> int:
    host = Host(paths, LiveTable())
    with exclusive(paths):
        change = pending.read(paths)
        if change is not None:
            rollback.roll_back(host, change, "tidegate rollback on the host")
            ended = f"Ended the emergency ({change.emergency})" if change.emergency else f"Rolled back: {change.what}"
            _say(f"{ended}.\n")
            if not arguments.to:
                return 0
        record = history.find(paths, arguments.to or "1")
        confirmed_policy.return_to(host, record, _caller())
    _say(f"Loaded and saved for boot: the policy of {clock.utc(record.when)} by {record.who or 'an unknown user'}.\n")
    return 0


def _emergency(paths: Paths, arguments: Arguments) -> int:
    kind, minutes = arguments.command, arguments.minutes
    emergency.begin(Host(paths, LiveTable()), kind, minutes, _caller())
    effect = "All outbound traffic is allowed" if kind == emergency.OPEN else "Only the floor is allowed"
    outlive = f" {_OUTLIVE}" if kind == emergency.OPEN else ""
    _say(f"{effect} for {emergency.length(minutes)}; `tidegate rollback` ends it now.{outlive}\n")
    return 0


def _boot(paths: Paths, _arguments: Arguments) -> int:
    with exclusive(paths, _BOOT_WAIT):
        loaded = boot.boot(Host(paths, LiveTable()))
    _say(f"{loaded}\n")
    return FAILSAFE_STATUS if loaded == boot.FAILSAFE else 0


def _watch(paths: Paths, _arguments: Arguments) -> int:
    watcher.Watcher(Host(paths, LiveTable(patience=confirmed_policy.PATIENCE))).run()
    return 0


def _resolve(paths: Paths, _arguments: Arguments) -> int:
    service.run(service.Files(paths.names, paths.program, paths.resolver))
    return 0


def _wait_and_roll_back(paths: Paths, arguments: Arguments) -> int:
    change = pending.read(paths)
    if change is None or change.token != arguments.token:
        raise GuardError("not_pending", "This change is not pending on this host.")
    # Now, so that a host without CAP_NET_ADMIN is noticed before the table is changed.
    LiveTable().generation()
    if not timer.detach(paths):
        return 0
    timer.wait(change)
    return _roll_back(paths, arguments)


def _roll_back(paths: Paths, arguments: Arguments) -> int:
    """Roll back until it is done, even when the lock is held for too long: people are locked out."""
    change = pending.read(paths)
    seconds = WAIT if change is None else max(WAIT, change.deadline - change.snapshot_at)
    pause = rollback.FIRST_PAUSE
    while True:
        try:
            with hold(paths.lock, seconds):
                rollback.roll_back_token(Host(paths, LiveTable()), arguments.token, "nobody confirmed it in time")
        except GuardError as error:
            if error.reason != "not_rolled_back":
                raise
        except TidegateError:
            raise
        except Exception:
            # A fault in this program must lock nobody out.
            rollback.load_snapshot(paths)
            raise
        else:
            return 0
        time.sleep(pause)
        pause = min(2 * pause, rollback.LONGEST_PAUSE)


def _caller() -> str:
    return f"{os.environ.get('SUDO_USER') or denied_ledger.user_name(os.getuid())} (console)"


_COMMANDS: dict[str, Callable[[Paths, Arguments], int]] = {
    "status": _status,
    "denied": _denied,
    "why": _why,
    "restore": _restore,
    "confirm": _confirm,
    "rollback": _rollback,
    "open": _emergency,
    "close": _emergency,
    "boot": _boot,
    "watch": _watch,
    RESOLVE: _resolve,
    timer.WAIT_COMMAND: _wait_and_roll_back,
    timer.COMMAND: _roll_back,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tidegate", description="The egress policy of this host. Needs root.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    command = commands.add_parser("status", help="which policy is loaded, who confirmed it, what is pending, events")
    command.add_argument("--json", action="store_true", help="for programs")
    command = commands.add_parser("denied", help="rejected flows, the most frequent first")
    command.add_argument("lines", nargs="?", type=int, default=20, help="how many lines (20)")
    command = commands.add_parser("why", help="which rule decides about a connection from this host")
    command.add_argument("address")
    command.add_argument("port", type=int)
    command.add_argument("--user", default="root", help="whose connection it is (root)")
    command.add_argument("--protocol", default="tcp", choices=["tcp", "udp", "sctp", "dccp"])
    commands.add_parser("restore", help="load the confirmed policy, whatever is loaded now")
    command = commands.add_parser("confirm", help="confirm the pending change")
    command.add_argument("token", nargs="?", default="")
    command = commands.add_parser("rollback", help="roll back the pending change, or return to an earlier policy")
    command.add_argument("to", nargs="?", default="", help="number, name or time as status shows them")
    for name, text in (
        ("open", "allow all outbound traffic for some minutes"),
        ("close", "allow only the floor for some minutes"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("minutes", type=int)
    commands.add_parser("boot", help="for systemd: load the policy at boot")
    commands.add_parser("watch", help="for systemd: watch the table")
    commands.add_parser(RESOLVE, help="for systemd: resolve names and open their addresses")
    for name in (timer.WAIT_COMMAND, timer.COMMAND):
        commands.add_parser(name, help="for the rollback timer").add_argument("token")
    return parser
