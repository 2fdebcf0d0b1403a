# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command on the host, and what systemd starts. It needs no controller."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import pwd
import sys
import tempfile
import time
from typing import Callable, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import exclusive, held
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.ssh_session import is_local
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.systemd_units import (
    FAILSAFE_STATUS,
    GAVE_UP_STATUS,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import confirmed_policy, history, pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.confirmed_policy import Request
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import denied_ledger, status
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import explain as deciding
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.evaluate import CannotJudge, Flow
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import commit_confirm as changes
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import rollback, timer
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE

from . import boot as booting
from . import emergency, watcher

_WAIT = 30.0
"""Seconds that a command waits for another run to finish."""

_WAIT_OF_BOOT = 900.0
"""As long as nft may take for a table: the first run starts the unit while it is at work itself."""

Arguments = argparse.Namespace


def main(words: Sequence[str] | None = None) -> int:
    """Run one command. Exit status: 0, 1 for a failure that was told, 2 for wrong arguments; boot has more."""
    given = _parser().parse_args(words)
    if os.geteuid() != 0:
        # Without its rights nft shows nothing, which is not the same as that there is nothing.
        sys.stderr.write(f"tidegate: this needs root; try: sudo tidegate {given.command}\n")
        return 1
    paths = Paths(given.root)
    # A script for nft must be writable even when the disk is full.
    if paths.run.is_dir():
        tempfile.tempdir = str(paths.run)
    try:
        return int(_COMMANDS[given.command](paths, given))
    except (GuardError, EngineError, NetlinkError) as error:
        sys.stderr.write(f"tidegate: {error}\n")
        return GAVE_UP_STATUS if given.command == "boot" else 1


def _status(paths: Paths, given: Arguments) -> int:
    found = status.facts(Host(paths, LiveTable()))
    sys.stdout.write((json.dumps(found) if given.json else status.text(found)) + "\n")
    return 0


def _denied(_paths: Paths, given: Arguments) -> int:
    lines, rest = denied_ledger.read(LiveTable())
    for line in lines[: given.lines]:
        port = "" if line.port is None else f"/{line.port}"
        by = "the kernel or another host" if line.uid is None else _user_name(line.uid)
        sys.stdout.write(
            f"{line.packets:>8}  {line.address} {line.protocol}{port}  by {by}, last {_ago(line.seconds)} ago"
            f"{' (let through: observe mode)' if line.would else ''}\n"
        )
    if len(lines) > given.lines:
        sys.stdout.write(f"and {len(lines) - given.lines} more: tidegate denied {len(lines)}\n")
    if rest:
        sys.stdout.write(f"and {rest} packets to others, for which the ledger had no room\n")
    return 0


def _ago(seconds: int) -> str:
    """Return a time for people; the ledger goes back a day."""
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def _why(paths: Paths, given: Arguments) -> int:
    try:
        address = ipaddress.ip_address(given.address)
        if not 1 <= given.port <= 65535:
            raise ValueError(f"{given.port} is no port")
        uid = int(given.user) if given.user.isdigit() else pwd.getpwnam(given.user).pw_uid
    except (ValueError, KeyError) as error:
        raise GuardError(
            "bad_request", f"{error}. Usage: tidegate why ADDRESS PORT [--user NAME] [--protocol tcp]."
        ) from error
    host = Host(paths, LiveTable())
    said = host.table.json("table", *TABLE)
    flow = Flow(address, given.protocol, given.port, uid, time.time(), is_local(str(address)))
    try:
        answer = deciding.why(json.loads(said)["nftables"] if said else [], flow)
    except CannotJudge as doubt:
        raise GuardError("bad_request", f"This cannot be judged: {doubt}.") from doubt
    sys.stdout.write(_sentence(answer, f"{address} {given.protocol}/{given.port} as {given.user}") + "\n")
    found = status.facts(host)
    if found["table"] != "confirmed":
        sys.stdout.write(f"The table {status.TABLE[found['table']]}.\n")
    return 0 if answer.verdict == "accept" else 1


def _sentence(answer: deciding.Answer, what: str) -> str:
    where = f'rule "{answer.rule}" in {answer.chain}' if answer.rule else f"chain {answer.chain}"
    if not answer.chain:
        lines = [f"{what}: allowed. No rule of tidegate sees it."]
    elif answer.only_observed:
        lines = [f"{what}: let through because this host only observes; enforced, it would be refused ({where})."]
    else:
        lines = [f"{what}: {'allowed' if answer.verdict == 'accept' else 'refused'} ({where})."]
    lines += [f"  nearly: {one}" for one in answer.nearly]
    lines += [f"  not judged: {one}" for one in answer.doubts]
    return "\n".join(lines)


def _restore(paths: Paths, _given: Arguments) -> int:
    host = Host(paths, LiveTable())
    with exclusive(paths, _WAIT):
        change = pending.read(paths)
        if change is not None:
            rollback.take_back(host, change, "tidegate restore on the host")
        record = confirmed_policy.load(host)
    if record is None:
        raise GuardError("not_found", "No policy was ever confirmed on this host: there is nothing to restore.")
    sys.stdout.write(f"The policy of {clock.utc(record.when)} by {record.who or 'somebody'} stands.\n")
    return 0


def _confirm(paths: Paths, given: Arguments) -> int:
    with exclusive(paths, _WAIT):
        change = pending.read(paths)
        token = given.token or (change.token if change is not None else "")
        record = changes.confirm(Host(paths, LiveTable()), token)
    sys.stdout.write(f"Confirmed and saved for boot: {record.what or record.token}.\n")
    return 0


def _rollback(paths: Paths, given: Arguments) -> int:
    host = Host(paths, LiveTable())
    with exclusive(paths, _WAIT):
        change = pending.read(paths)
        if change is not None:
            rollback.take_back(host, change, "tidegate rollback on the host")
            sys.stdout.write(f"Put back: {change.what or change.token}.\n")
            if not given.to:
                return 0
        record = history.find(paths, given.to or "1")
        confirmed_policy.adopt(host, record, _caller())
    sys.stdout.write(
        f"The policy of {clock.utc(record.when)} by {record.who or 'somebody'} stands and is saved for boot.\n"
    )
    return 0


def _emergency(paths: Paths, given: Arguments) -> int:
    host = Host(paths, LiveTable())
    who = _caller()
    with exclusive(paths, _WAIT):
        rollback.recover(host)
        request = Request(
            who, f"emergency: {given.command} for {given.minutes} minutes", confirmed_policy.others(paths)
        )
        emergency.declare(host, given.command, given.minutes, request)
    what = "Everything is let out" if given.command == emergency.OPEN else "Only the floor is let out"
    sys.stdout.write(f"{what} for {given.minutes} minutes; `tidegate rollback` ends it now.\n")
    return 0


def _boot(paths: Paths, _given: Arguments) -> int:
    with exclusive(paths, _WAIT_OF_BOOT):
        done = booting.boot(Host(paths, LiveTable()))
    sys.stdout.write(f"{done}\n")
    return FAILSAFE_STATUS if done == booting.FAILSAFE else 0


def _watch(paths: Paths, _given: Arguments) -> int:
    watcher.Watcher(Host(paths, LiveTable())).run()
    return 0


def _guard(paths: Paths, given: Arguments) -> int:
    change = pending.read(paths)
    if change is None or change.token != given.token:
        raise GuardError("not_pending", "There is no such change on trial.")
    # Looked for now, so that a host without nft or rights is found out while nothing was changed.
    LiveTable().generation()
    if not timer.detach(paths):
        return 0
    timer.wait(change)
    return _fire(paths, given)


def _fire(paths: Paths, given: Arguments) -> int:
    """Act although the lock is held for too long: whoever holds it is stuck, and people are locked out."""
    change = pending.read(paths)
    patience = _WAIT if change is None else max(_WAIT, change.deadline - change.taken)
    with held(paths.lock, patience):
        host = Host(paths, LiveTable())
        try:
            rollback.fire(host, given.token, "nobody confirmed it in time")
        except (GuardError, EngineError, NetlinkError):
            raise
        except Exception:
            # A fault of this program must not lock anybody out.
            rollback.by_nft_alone(host)
            raise
    return 0


def _caller() -> str:
    return f"{os.environ.get('SUDO_USER') or _user_name(os.getuid())} (console)"


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


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
    "guard": _guard,
    "fire": _fire,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tidegate", description="The egress policy of this host. Needs root.")
    parser.add_argument("--root", default="", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    found = commands.add_parser("status", help="what stands, who confirmed it, what is on trial, what happened")
    found.add_argument("--json", action="store_true", help="for machines")
    found = commands.add_parser("denied", help="who was refused what, the most frequent first")
    found.add_argument("lines", nargs="?", type=int, default=20, help="how many lines (20)")
    found = commands.add_parser("why", help="which rule decides about a connection from this host")
    found.add_argument("address")
    found.add_argument("port", type=int)
    found.add_argument("--user", default="root", help="whose connection it is (root)")
    found.add_argument("--protocol", default="tcp", choices=["tcp", "udp", "sctp", "dccp"])
    commands.add_parser("restore", help="load the confirmed policy again, whatever stands now")
    found = commands.add_parser("confirm", help="keep the change that is on trial")
    found.add_argument("token", nargs="?", default="")
    found = commands.add_parser(
        "rollback", help="put the change on trial back; without one, return to an earlier policy"
    )
    found.add_argument("to", nargs="?", default="", help="number, name or time as status shows them")
    for name, text in (
        ("open", "let everything out for some minutes"),
        ("close", "let only the floor out for some minutes"),
    ):
        found = commands.add_parser(name, help=text)
        found.add_argument("minutes", type=int)
    commands.add_parser("boot", help="what the boot does")
    commands.add_parser("watch", help="what the watcher does")
    for name in ("guard", "fire"):
        commands.add_parser(name, help="what the guard of a change does").add_argument("token")
    return parser
