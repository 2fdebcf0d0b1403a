# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person at the console wants to know first."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, lock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    history,
    journal,
    last_loaded,
    pending,
    records,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host

_SHOWN = 5
_COUNTED = ("lost", "edited", "repaired", "restored", "reverted", "failsafe")


def facts(host: Host) -> dict[str, Any]:
    """Return the state of this host as plain values.

    table: absent, confirmed, on_trial, edited or unconfirmed; confirmed, on_trial: about those policies, or None;
    saved: ok, none or what is wrong with the file; watcher: whether it runs; events: how often each alarming event is
    in the journal.
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
        "on_trial": None
        if change is None
        else {
            "token": change.token,
            "kind": change.kind,
            "who": change.who,
            "what": change.what,
            "since": change.since,
            "seconds": change.seconds,
        },
        "watcher": lock.taken(host.paths.watching),
        "events": {name: counts[name] for name in _COUNTED},
        "last": events[-_SHOWN:],
        "earlier": [
            {"number": one.number, "name": one.name, "what": str(records.about(one.path).get("what", ""))}
            for one in history.earlier(host.paths)
        ],
    }


def text(found: dict[str, Any]) -> str:
    """Return the facts as lines for a person."""
    lines = [f"table      {TABLE[found['table']]}"]
    about = found["confirmed"]
    if about is not None:
        lines.append(f"confirmed  {about['when']} by {about['who'] or 'somebody'}: {about['what'] or 'no description'}")
    elif found["saved"] == "none":
        lines.append("confirmed  no policy yet: a reboot leaves this host without one")
    else:
        lines.append(f"confirmed  {found['saved']}")
    trial = found["on_trial"]
    if trial is not None:
        left = trial["seconds"]
        end = f"put back in {left} s" if left >= 0 else f"its time was over {-left} s ago"
        lines.append(f"on trial   {trial['what']}, by {trial['who'] or 'somebody'}; {end}")
    lines.append(
        f"watcher    {'runs' if found['watcher'] else 'does not run'}; an edit by hand is {_DRIFT[found['drift']]}"
    )
    happened = [f"{name} {count}" for name, count in found["events"].items() if count]
    lines.append(f"events     {', '.join(happened) or 'none worth telling'}")
    lines += [
        f"           {event['when']} {event['event']} {event.get('what', '')}".rstrip() for event in found["last"]
    ]
    lines += [f"earlier    {one['number']:>2} {one['name']} {one['what']}".rstrip() for one in found["earlier"]]
    return "\n".join(lines)


TABLE = {
    "absent": "there is none: nothing is refused",
    "confirmed": "stands as it was confirmed",
    "on_trial": "a change is on trial",
    "edited": "stands, but somebody edited it since",
    "unconfirmed": "stands, but nobody confirmed it",
}
_DRIFT = {"report": "reported", "repair": "undone"}


def _table(host: Host) -> str:
    listing = host.table.listing()
    if pending.read(host.paths) is not None:
        return "on_trial"
    if listing is None:
        return "absent"
    record = confirmed_policy.read(host.paths)
    note = last_loaded.read(host.paths, host.table.version)
    if record is None:
        return "unconfirmed"
    expected = note.shape if note is not None else shape(record.listing, record.others)
    return "confirmed" if shape(listing, record.others) == expected else "edited"


def _about(record: records.Record) -> dict[str, Any]:
    return {"token": record.token, "who": record.who, "what": record.what}
