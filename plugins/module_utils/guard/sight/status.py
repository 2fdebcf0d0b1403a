# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a host: as facts, and as text for the console."""

from __future__ import annotations

from collections import Counter
from typing import Any, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import connection_tracking
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, lock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    history,
    journal,
    last_loaded,
    pending,
    records,
    resolver_document,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import unit_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot_changes import digest
from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import health

from . import denied_ledger, temporary_allows

_SHOWN = 5
_COUNTED = ("lost", "edited", "repaired", "restored", "replaced", "stuck", "reverted", "failsafe")


def facts(host: Host) -> dict[str, Any]:
    """Return the state of this host as plain values.

    table: absent, confirmed, pending, emergency, edited or unconfirmed
    confirmed, pending: about those policies, or None
    saved: ok, none, or what is wrong with the file
    allowed: what allow_once opened and is still open, see temporary_allows.read
    watcher: whether it runs
    resolver: None without one of ours, else mode, answers (whether it does), problem (why it does not) and counts
    proxy: None where this host is none for others, else answers and problem
    tracked: see connection_tracking.usage
    units: see unit_sets.facts
    overflow: users whose rejected packets found no room in the ledger, with how many, in any mode
    events: how often each event that is a warning is in the journal
    """
    change = pending.read(host.paths)
    try:
        record = records.load(host.paths.confirmed)
        saved = "none" if record is None else "ok"
    except GuardError as error:
        record, saved = None, str(error)
    events = journal.read(host.paths)
    counts = Counter(event["event"] for event in events)
    return {
        "table": _table(host),
        "drift": settings.read(host.paths).drift,
        "saved": saved,
        "confirmed": None if record is None else {**_about(record), "when": clock.utc(record.when)},
        "pending": None
        if change is None
        else {
            "token": change.token,
            "kind": change.kind,
            "emergency": change.emergency,
            "who": change.who,
            "what": change.what,
            "since": change.since,
            "seconds": change.seconds_left,
            "trouble": change.trouble,
        },
        "allowed": temporary_allows.read(events, host.paths.temporary_units),
        "watcher": lock.is_held(host.paths.watcher_lock),
        "resolver": resolver_document.facts(host.paths),
        "proxy": health.facts(host.paths.at),
        "units": unit_sets.facts(host.paths),
        "overflow": _overflow(),
        "tracked": connection_tracking.usage(),
        "events": {name: counts[name] for name in _COUNTED},
        "last": events[-_SHOWN:],
        "earlier": [
            {"number": policy.number, "name": policy.name, "what": str(records.about(policy.path).get("what", ""))}
            for policy in history.earlier(host.paths)
        ],
    }


def text(state: dict[str, Any]) -> str:
    """Return the facts as lines for a person."""
    lines = [f"table      {TABLE[state['table']]}"]
    about = state["confirmed"]
    if about is not None:
        lines.append(
            f"confirmed  {about['when']} by {about['who'] or 'an unknown user'}: {about['what'] or 'no description'}"
        )
    elif state["saved"] == "none":
        lines.append("confirmed  no policy yet: a reboot leaves this host without one")
    else:
        lines.append(f"confirmed  {state['saved']}")
    change = state["pending"]
    if change is not None:
        left = change["seconds"]
        end = "the policy is restored" if change["emergency"] else "rolled back"
        end = f"{end} in {left} s" if left >= 0 else f"overdue to be rolled back since {-left} s"
        end += f"; tried again, since {change['trouble']}" if change["trouble"] else ""
        subject = f"emergency  {change['emergency']}" if change["emergency"] else f"pending    {change['what']}"
        lines.append(f"{subject}, by {change['who'] or 'an unknown user'}; {end}")
    lines += [
        f"allowed    {item['to']}{f' for {unit}' if (unit := item['unit']) else ''} until {item['until']}, "
        f"by {item['who'] or 'an unknown user'}: {item['why']}"
        for item in state["allowed"]
    ]
    lines.append(f"watcher    {'runs' if state['watcher'] else 'does not run'}; an edit is {_DRIFT[state['drift']]}")
    lines += [f"resolver   {resolver_text(state['resolver'])}"] if state["resolver"] else []
    proxy = state["proxy"]
    lines += [f"proxy      {'works' if proxy['answers'] else proxy['problem']}"] if proxy else []
    lines += [f"units      {units_text(state['units'])}"] if state["units"] else []
    lines.append(f"ledger     {overflow_text(state['overflow'])}")
    tracked = connection_tracking.text(state["tracked"])
    lines += [f"tracking   {tracked}"] if tracked else []
    warnings = [f"{name} {count}" for name, count in state["events"].items() if count]
    lines.append(f"events     {', '.join(warnings) or 'no warnings'}")
    lines += [
        f"           {event['when']} {event['event']} {event.get('what', '')}".rstrip() for event in state["last"]
    ]
    lines += [
        f"earlier    {policy['number']:>2} {policy['name']} {policy['what']}".rstrip() for policy in state["earlier"]
    ]
    return "\n".join(lines)


TABLE = {
    "absent": "not loaded: all outbound traffic is allowed",
    "confirmed": "as confirmed",
    "pending": "a change is pending",
    "emergency": "an emergency is on, in place of the policy",
    "edited": "edited since it was confirmed",
    "unconfirmed": "loaded, but never confirmed",
}
_DRIFT = {"report": "reported", "repair": "repaired"}


def resolver_text(resolver: Mapping[str, Any]) -> str:
    """Return whether the resolver works, and what went wrong last."""
    parts = ["answers" if resolver["answers"] else f"does not answer: {resolver['problem']}"]
    parts += [f"{resolver[kind]} {words}" for kind, words in _RESOLVER.items() if resolver[kind]]
    if resolver["last"]:
        parts.append(f"last {resolver['last']}")
    return "; ".join(parts)


_RESOLVER = {
    "refused": "answers with an address that their name must not have",
    "problems": "answers that could not be written",
    "unknown": "questions for names that egress_dns_names: only would not resolve",
}


def units_text(units: Mapping[str, Any]) -> str:
    """Return how the units are that entries name, and who keeps their cgroups in the table."""
    parts = [f"{len(units['named'])} in the policy"]
    kinds = (("not on this host", "missing"), ("not running", "stopped"))
    parts += [f"{words}: {', '.join(units[kind])}" for words, kind in kinds if units[kind]]
    return "; ".join([*parts, f"followed by {'systemd' if units['by_systemd'] else 'their start and the watcher'}"])


def overflow_text(overflow: Sequence[Mapping[str, Any]]) -> str:
    """Return whether the ledger is complete, and else whose packets it has no line of."""
    users = [f"{item['user']} {item['packets']} packet{'s' if item['packets'] != 1 else ''}" for item in overflow]
    return f"incomplete, it has no line of: {', '.join(users)}" if users else "complete"


def _overflow() -> list[dict[str, Any]]:
    packets: Counter[str] = Counter()
    for item in denied_ledger.read_overflow():
        packets[denied_ledger.sender(item.uid, item.protocol)] += item.packets
    return [{"user": user, "packets": number} for user, number in packets.most_common()]


def _table(host: Host) -> str:
    change = pending.read(host.paths)
    if change is not None:
        return "emergency" if change.emergency else "pending"
    record = confirmed_policy.read(host.paths)
    last = last_loaded.read(host.paths)
    others = last.others if last is not None else confirmed_policy.others(host.paths)
    live = host.table.snapshot(others)
    if live is None:
        return "absent"
    if record is None:
        return "unconfirmed"
    as_loaded = confirmed_policy.is_live(host, record) if last is None else digest(live, others) == last.digest
    return "confirmed" if as_loaded else "edited"


def _about(record: records.Record) -> dict[str, Any]:
    return {"token": record.token, "who": record.who, "what": record.what}
