# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What used the entries of a host, and which parts of them: services, users, destinations."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.decide import is_one_of
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.recorder import Recorder
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.sender import sender

Usage = dict[str, dict[str, Any]]
"""By entry: hits (first packets of connections), last (seconds since 1970), parts (its texts that were used)."""


def of_ledger(resolved: ResolvedPolicy, ledger: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a host noted of its entries, as entries.HostUsage. ledger: of the phase ledger of egress_guard.

    since is by the clock of the controller, as everything that it is compared with.
    """
    allowed = ledger["allowed"]
    since = None if allowed["since"] is None else time.time() - (ledger["now"] - allowed["since"])
    recorder = Recorder(resolved)
    return {
        "usage": usage(resolved, recorder.of_allowed(allowed["lines"])),
        "since": since,
        "left_out": allowed["left_out"],
        "refused": refused(recorder.of_ledger(ledger["lines"])),
    }


def refused(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return how many flows and packets of each sender were refused or would have been, the most packets first."""
    totals: dict[tuple[str, str], list[int]] = {}
    for record in records:
        total = totals.setdefault((sender(record), record["decision"]), [0, 0])
        total[0] += 1
        total[1] += record["packets"] or 0
    return [
        {"user": user, "decision": decision, "flows": flows, "packets": packets}
        for (user, decision), (flows, packets) in sorted(totals.items(), key=lambda item: (-item[1][1], item[0]))
    ]


def usage(resolved: ResolvedPolicy, records: Iterable[Mapping[str, Any]]) -> Usage:
    """Return the usage of one host. records: its own; those that an entry allowed count."""
    entries = {entry.name: entry for entry in resolved.all_entries()}
    rows: Usage = {}
    for record in records:
        entry = entries.get(record["entry"] or "")
        if entry is None or record["decision"] != "allowed":
            continue
        row = rows.setdefault(entry.name, {"hits": 0, "last": 0, "parts": []})
        row["hits"] += record["packets"] or 0
        row["last"] = max(row["last"], record["last"] or 0)
        row["parts"] = sorted({*row["parts"], *_parts(entry, record)})
    return rows


def parts(entry: ResolvedEntry) -> list[str]:
    """Return the parts of an entry that can be told apart by what uses them; [] for an entry of one part."""
    kinds = (
        [text for text in entry.service_texts if spoken(text) is not None],
        list(entry.users or ()),
        [destination.text for destination in entry.destinations],
    )
    return [text for kind in kinds if len(kind) > 1 for text in kind]


def _parts(entry: ResolvedEntry, record: Mapping[str, Any]) -> Iterable[str]:
    number = protocols.number(record["protocol"])
    protocol = int(record["protocol"]) if number is None else number
    for text in entry.service_texts:
        service = spoken(text)
        if service is not None and service.contains(protocol, record["port"] or 0):
            yield text
    for user in entry.users or ():
        if is_one_of(record["user"], (user,)) or is_one_of(str(record["uid"]), (user,)):
            yield user
    for destination in entry.destinations:
        if record["destination"] in destination.addresses:
            yield destination.text


def spoken(text: str) -> ServiceSet | None:
    """Return what a service of an entry stands for, None for one of the user's own."""
    literal = services.parse_literal(text)
    if literal is None and text in services.catalogue():
        return services.expand(services.catalogue(), text)
    return literal
