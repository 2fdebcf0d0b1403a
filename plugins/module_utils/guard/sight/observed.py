# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long this host has been in mode observe, and its would-be rejections in that time."""

from __future__ import annotations

import contextlib
import pwd
import time
from typing import Any, Iterator

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    history,
    records,
    running_time,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.records import Record
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import observes
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host

from . import denied_ledger, observed_ledger

_UNKNOWN = 255
"""Number of a protocol whose name is not known; reserved by IANA."""


def facts(host: Host) -> dict[str, Any]:
    """Return the evidence as plain values.

    confirmed: whether there is a confirmed policy
    observes: whether that one is in mode observe
    since: when the host began to observe without a gap, in seconds since 1970, None when it does not observe. It is as
        long ago as the host has run since then: a clock that was set, and a host that was off, count for nothing
    now: the host's clock, in seconds since 1970
    ledger: would-be rejections; user: the name of the uid, where it has one
    overflow: packets that would have been rejected and of which the ledger has no line, by user
    """
    record = confirmed_policy.read(host.paths)
    now, running = time.time(), running_time.now(host.paths)
    since = None
    for policy in [record, *_earlier(host.paths)]:
        if policy is None or not observes(policy.listing):
            break
        since = now - max(0.0, running - policy.running_time)
    kept = observed_ledger.merged(observed_ledger.read(host.paths), denied_ledger.read(), running)
    return {
        "confirmed": record is not None,
        "observes": record is not None and observes(record.listing),
        "since": since,
        "now": now,
        "ledger": [
            {
                "address": line.address,
                "protocol": _protocol(line.protocol),
                "port": line.port,
                "uid": line.uid,
                "user": _user(line.uid),
                "packets": line.packets,
                "last": now - (running - line.last),
            }
            for line in kept.lines
        ],
        "overflow": [
            {
                "user": denied_ledger.sender(item.uid, item.protocol),
                "packets": item.packets,
                "last": now - (running - item.last),
            }
            for item in kept.overflow
        ],
    }


def _protocol(name: str) -> int:
    number = protocols.number(name)
    return _UNKNOWN if number is None else number


def _earlier(paths: Paths) -> Iterator[Record | None]:
    """Yield the earlier policies, the latest first; None for a damaged one."""
    for policy in history.earlier(paths):
        record: Record | None = None
        with contextlib.suppress(GuardError):
            record = records.load(policy.path)
        yield record


def _user(uid: int | None) -> str | None:
    if uid is None:
        return None
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
