# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of `tidegate` that only look: status, denied and why."""

from __future__ import annotations

import argparse
import ipaddress
import json
import pwd
import re
import sys
import time
from contextlib import suppress
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import suggested_entries, unit_names
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    resolver_document,
    running_time,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import (
    answer,
    denied_ledger,
    kept_ledger,
    status,
    verdict,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.level import CRITICAL, OK, WARNING, level
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import unit_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable
from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import access_log, health
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import record
from ansible_collections.tidegate.nftables.plugins.module_utils.suggested_entries import Rejection
from ansible_collections.tidegate.nftables.plugins.module_utils.units import cgroups

from .terminal import say

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_BY = {"by": 1, "as": 1}
_KERNEL = "the kernel or another host"
"""How denied names the sender of a packet without a socket."""


def show_status(paths: Paths, arguments: argparse.Namespace) -> int:
    """Print the state of the host."""
    facts = status.facts(Host(paths, LiveTable()))
    code = level(facts)
    say(json.dumps(facts) if arguments.json else status.text(facts), "" if arguments.json else _COLOR[code])
    return code


_COLOR = {OK: "", WARNING: "yellow", CRITICAL: "red"}


def show_denied(paths: Paths, arguments: argparse.Namespace) -> int:
    """Print the ledger, also from before a reboot."""
    now, oldest = running_time.now(paths), seconds(arguments.since)
    uid = None if not arguments.user else _uid(arguments.user)
    kept = kept_ledger.current(paths, now)
    lines = [
        line
        for line in kept.lines
        if line.last >= now - oldest
        and (not arguments.user or line.uid == uid)
        and (not arguments.unit or arguments.unit in line.units)
    ]
    overflow = [item for item in kept.overflow if item.last >= now - oldest and (not arguments.user or item.uid == uid)]
    # By the clock of the host, as Squid writes it.
    by_proxy = access_log.rejected(paths.at(health.LOG), time.time() - oldest) if not arguments.user else []
    if arguments.json:
        asked = record.names(paths.resolver_record)
        say(
            json.dumps(
                {
                    "lines": [_line(line, now, asked) for line in lines],
                    "overflow": [_overflow(item, now) for item in overflow],
                    "proxy": [each._asdict() for each in by_proxy],
                }
            )
        )
        return _need_table()
    if arguments.yaml:
        # Not cut to the width of a terminal; JSON has no control characters.
        sys.stdout.writelines(f"{text}\n" for text in _entries(paths, lines[: arguments.lines]))
        return _need_table()
    asked = record.names_for_people(paths.resolver_record)
    for line in lines[: arguments.lines]:
        flow = denied_ledger.flow_text(line.address, line.protocol, line.port, line.uid, line.units)
        observed = " (accepted: mode observe)" if line.observed else ""
        name = f", name {asked[line.address]}" if line.address in asked else ""
        text = f"{line.packets:>8}  {flow}{name}, last {_ago(now - line.last)} ago{observed}"
        say(text, "yellow" if line.observed else "")
    if len(lines) > arguments.lines:
        say(f"and {len(lines) - arguments.lines} more: tidegate denied {len(lines)}")
    for item in overflow:
        say(
            f"and {item.packets} packet{'s' if item.packets != 1 else ''} of "
            f"{denied_ledger.sender(item.uid, item.protocol)} to further destinations, "
            f"for which the ledger had no room, last {_ago(now - item.last)} ago"
        )
    for each in by_proxy[: arguments.lines]:
        observed = " (accepted: mode observe)" if each.observed else ""
        seen = f"{each.client} to {each.name} tcp/{each.port}, last {_ago(time.time() - each.last)} ago"
        say(f"{each.times:>8}  through the proxy: {printable(seen)}{observed}", "yellow" if each.observed else "")
    if sys.stdout.isatty() and (lines or not by_proxy):
        empty = "No recorded rejection matches." if kept.lines else "No rejected packets are recorded."
        say("to paste: tidegate denied --yaml" if lines else empty)
    return _need_table()


def _entries(paths: Paths, lines: Sequence[kept_ledger.KeptLine]) -> Iterator[str]:
    """Yield the lines of YAML, a value each, of the entries that would allow what nothing explains by now."""
    objects, values = verdict.objects(LiveTable()), settings.read(paths)
    rejections = [
        Rejection(
            "" if line.uid is None else denied_ledger.user_name(line.uid),
            denied_ledger.service(line.protocol, line.port),
            line.address,
            line.packets,
            line.units[0] if len(line.units) == 1 else "",
        )
        for line in lines
        if _is_unexplained(objects, values, line)
    ]
    suggested = suggested_entries.entries(rejections, "packet", "rejected")
    yield f"{suggested_entries.variable(values.tier)}:{'' if suggested else ' []'}"
    for entry in suggested:
        for number, (key, value) in enumerate(entry.items()):
            yield f"  {' ' if number else '-'} {key}:" + ("" if isinstance(value, list) else f" {json.dumps(value)}")
            yield from (f"      - {json.dumps(item)}" for item in (value if isinstance(value, list) else ()))


def _is_unexplained(objects: Sequence[Any], values: settings.Settings, line: kept_ledger.KeptLine) -> bool:
    """Return whether the loaded table still rejects a flow, and no egress_never closes it."""
    sender = verdict.Sender(line.uid)
    with suppress(GuardError):
        address = ipaddress.ip_address(line.address)
        about = answer.answer(verdict.judged(objects, address, line.protocol, line.port or 0, sender), values)
        return about["decision"] != answer.ALLOWED and not about["never"]
    return True


def _need_table() -> int:
    if LiveTable().exists():
        return OK
    say(f"Table: {status.TABLE['absent']}.", "red")
    return CRITICAL


def _line(line: kept_ledger.KeptLine, now: float, asked: Mapping[str, str]) -> dict[str, Any]:
    return {
        "destination": line.address,
        "name": asked.get(line.address),
        "protocol": line.protocol,
        "port": line.port,
        "uid": line.uid,
        "user": None if line.uid is None else denied_ledger.user_name(line.uid),
        "units": list(line.units),
        "decision": answer.WOULD_REJECT if line.observed else answer.REJECTED,
        "packets": line.packets,
        "bytes": line.bytes,
        "first": _clock(now, line.first),
        "last": _clock(now, line.last),
    }


def _overflow(item: kept_ledger.KeptOverflow, now: float) -> dict[str, Any]:
    return {
        "user": denied_ledger.sender(item.uid, item.protocol),
        "decision": answer.WOULD_REJECT if item.observed else answer.REJECTED,
        "packets": item.packets,
        "last": _clock(now, item.last),
    }


def _clock(now: float, moment: float) -> int:
    """Return a moment of the running time in seconds since 1970."""
    return int(time.time() - (now - moment))


def seconds(text: str) -> int:
    """Return the seconds of 30m, 2h, 7d or 1w. Raise GuardError (bad_request)."""
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text.strip())
    if match is None:
        raise GuardError("bad_request", f'"{text}" is not a length of time. Fix: write 30m, 2h, 7d or 1w.')
    return int(match[1]) * _UNITS[match[2]]


def _ago(elapsed: float) -> str:
    """Return a time for people."""
    whole = int(elapsed)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    return f"{whole // 3600} h" if whole < 2 * 86400 else f"{whole // 86400} days"


def show_why(paths: Paths, arguments: argparse.Namespace) -> int:
    """Print what the policy says about a connection to each address of a destination; 0 when all are allowed."""
    by_user, by_unit = _sender(arguments.by)
    user, unit = arguments.user or by_user or "root", arguments.unit or by_unit
    sender = verdict.Sender(None if user == _KERNEL else _uid(user), _units(unit), unit_sets.read(paths))
    protocol, port = verdict.service(arguments.service, arguments.protocol)
    # Before the table is read: the resolver of this host opens the addresses that it answers.
    try:
        addresses = verdict.addresses(arguments.destination)
    except GuardError as error:
        if refusal := resolver_document.refusal(paths, arguments.destination):
            raise GuardError(error.reason, f"{error} {resolver_document.refused(refusal)}") from error
        raise
    objects = verdict.objects(LiveTable())
    values, answers = settings.read(paths), []
    for address in addresses:
        about = answer.answer(verdict.judged(objects, address, protocol, port, sender), values)
        flow = f"{address} {protocol}/{port} as {f'{unit} ({user})' if unit else user}"
        answers.append(
            {
                "destination": str(address),
                "protocol": protocol,
                "port": port,
                "user": user,
                "unit": unit or None,
                **about,
            }
        )
        if not arguments.json:
            say("\n".join(answer.sentences(about, flow)), "" if about["decision"] == answer.ALLOWED else "yellow")
    state = status.facts(Host(paths, LiveTable()))["table"]
    if arguments.json:
        say(json.dumps({"table": state, "answers": answers}))
    elif state != "confirmed":
        say(f"Table: {status.TABLE[state]}.", "yellow")
    if state == "absent":
        return CRITICAL
    return OK if all(about["decision"] != answer.REJECTED for about in answers) else WARNING


def _sender(words: list[str]) -> tuple[str, str]:
    """Return user and unit in "by www-data" or "as a.service (root)", as denied and why print it, with what follows."""
    if not words:
        return "", ""
    if words[0] not in _BY or len(words) < 2:
        raise GuardError("bad_request", f'"{" ".join(words)}" is not understood. Fix: write by USER.')
    text = " ".join(words[1:])
    units = re.match(r"(\S+?\.(?:service|scope))(?:, \S+)* \((\S+)\)", text)
    if units:
        return units[2], units[1]
    return (_KERNEL, "") if text.partition(",")[0] == _KERNEL else (words[1].rstrip(",:"), "")


def _units(unit: str) -> frozenset[str]:
    """Return the names by which a policy means a unit: its own, its template, and the slices that it is in now."""
    if not unit:
        return frozenset()
    try:
        unit_names.check(unit)
    except unit_names.UnitNameError as error:
        raise GuardError("bad_request", f'"{unit}" {error.cause}. Fix: {error.fix}.') from error
    running = [each for each in cgroups.cgroups(cgroups.root()) if unit in cgroups.names(each.unit)]
    return cgroups.names(unit).union(*map(cgroups.names_above, running))


def _uid(user: str) -> int:
    if user.isascii() and user.isdigit():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError as error:
        raise GuardError("bad_request", f'There is no user "{user}" on this host.') from error
