# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long this host has been in mode observe, and its would-be rejections in that time."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Iterator

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

from . import ledger_facts

_LINE = ("address", "protocol", "port", "uid", "user", "packets", "last", "unit")
_OVERFLOW = ("user", "packets", "last")


def facts(host: Host) -> dict[str, Any]:
    """Return the evidence as plain values.

    confirmed: whether there is a confirmed policy
    observes: whether that one is in mode observe
    since: when the host began to observe without a gap, in seconds since 1970, None when it does not observe. It is as
        long ago as the host has run since then: a clock that was set, and a host that was off, count for nothing
    now: the host's clock, in seconds since 1970
    ledger, overflow: would-be rejections, as lines and overflow in ledger_facts.py
    """
    record = confirmed_policy.read(host.paths)
    now, running = time.time(), running_time.now(host.paths)
    since = None
    for policy in [record, *_earlier(host.paths)]:
        if policy is None or not observes(policy.listing):
            break
        since = now - max(0.0, running - policy.running_time)
    ledger = ledger_facts.facts(host.paths)
    return {
        "confirmed": record is not None,
        "observes": record is not None and observes(record.listing),
        "since": since,
        "now": now,
        "ledger": [{name: line[name] for name in _LINE} for line in ledger["lines"] if line["observed"]],
        "overflow": [{name: item[name] for name in _OVERFLOW} for item in ledger["overflow"] if item["observed"]],
    }


def _earlier(paths: Paths) -> Iterator[Record | None]:
    """Yield the earlier policies, the latest first; None for a damaged one."""
    for policy in history.earlier(paths):
        record: Record | None = None
        with contextlib.suppress(GuardError):
            record = records.load(policy.path)
        yield record
