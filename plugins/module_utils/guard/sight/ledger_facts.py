# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kept ledger as plain values, for the controller."""

from __future__ import annotations

import pwd
import time
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import running_time, settings
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import record

from . import allowed_flows, denied_ledger, kept_ledger

_UNKNOWN = 255
"""Number of a protocol whose name is not known; reserved by IANA."""


def facts(paths: Paths) -> dict[str, Any]:
    """Return what was rejected, and what was allowed where the host notes it, also before a reboot.

    now: the host's clock, in seconds since 1970. lines: the flows; name: the only one that the address was the answer
    for, where the resolver of this host knows it; user: the name of the uid, where it has one; first,
    last: in seconds since 1970, as long ago as the host has run since then. overflow: packets of which there is no
    line, by user. observed: whether they were let out. allowed: what entries allowed, as lines for each flow and day;
    since: when the host began to note it without a gap, None when it does not; left_out: packets that no line has.
    """
    asked = record.names(paths.resolver_record)
    now, running = time.time(), running_time.now(paths)
    kept = kept_ledger.current(paths, running)
    allowed = allowed_flows.look(allowed_flows.read(paths), running, settings.read(paths).ledger_days)
    return {
        "now": now,
        "lines": [
            {
                "address": line.address,
                "name": asked.get(line.address),
                "protocol": _protocol(line.protocol),
                "port": line.port,
                "uid": line.uid,
                "user": _user(line.uid),
                "unit": line.units[0] if len(line.units) == 1 else None,
                "observed": line.observed,
                "packets": line.packets,
                "bytes": line.bytes,
                "first": now - (running - line.first),
                "last": now - (running - line.last),
            }
            for line in kept.lines
        ],
        "overflow": [
            {
                "user": denied_ledger.sender(item.uid, item.protocol),
                "observed": item.observed,
                "packets": item.packets,
                "last": now - (running - item.last),
            }
            for item in kept.overflow
        ],
        "allowed": {
            "since": None if allowed.since is None else now - (running - allowed.since),
            "left_out": allowed.left_out,
            "lines": [
                {
                    "address": line.address,
                    "protocol": _protocol(line.protocol),
                    "port": line.port,
                    "uid": line.uid,
                    "user": _user(line.uid),
                    "packets": line.packets,
                    "first": now - (running - line.first),
                    "last": now - (running - line.last),
                }
                for line in allowed.lines
            ],
        },
    }


def _protocol(name: str) -> int:
    number = protocols.number(name)
    return _UNKNOWN if number is None else number


def _user(uid: int | None) -> str | None:
    if uid is None:
        return None
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
