# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watcher's metrics: a file for the textfile collector of node_exporter, written at each look at the ledger."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator

from ansible_collections.tidegate.nftables.plugins.module_utils import connection_tracking
from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    journal,
    pending,
    records,
    resolver_document,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import metrics
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.denied_ledger import Ledger
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.kept_ledger import KeptLedger
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.metrics import Family, Totals
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.counted_elements import fill
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.rule_counters import rule_counters
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import table_counters
from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import access_log, health
from ansible_collections.tidegate.nftables.plugins.module_utils.proxy.access_log import Position
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import record
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    LEDGER_FULL_COUNTER,
    LEDGER_SETS,
    LEDGER_SIZE,
    TABLE,
    is_entry_chain,
    of_names_set,
    would_deny,
)

FILE = "tidegate.prom"
_WEEK = 7 * 86400


@dataclass
class Exporter:
    """Counts from look to look, over restarts of the watcher and reboots of the host.

    totals: see metrics.py. events: how often each event was in the journal; last_event: the last one that was counted.
    requests: to the proxy, by decision; position: up to where its log is counted.
    """

    host: Host
    totals: Totals | None = None
    events: Counter[str] | None = None
    last_event: str = ""
    requests: Counter[str] = field(default_factory=Counter)
    position: Position = field(default_factory=Position)

    def look(self, before: KeptLedger, after: KeptLedger, live: Ledger, *, edited: bool) -> None:
        """Count what came between two ledgers and write the file. edited: whether the table is not as confirmed."""
        values = settings.read(self.host.paths)
        if not values.metrics_dir:
            return
        self._load()
        self.totals = metrics.add(self.totals or {}, before, after, values.internal)
        self._count_events()
        began, processor = time.monotonic(), time.process_time()
        path = self.host.paths.at(values.metrics_dir) / FILE
        try:
            families = [*self._families(values, live, edited=edited)]
        except (TidegateError, OSError, ValueError):
            families = []
        success = [
            Family("tidegate_collector_success", "gauge", "Whether everything could be read.", [({}, bool(families))])
        ]
        cost = Family(
            "tidegate_collector_cpu_seconds", "gauge", "CPU time of this look.", [({}, time.process_time() - processor)]
        )
        duration = Family(
            "tidegate_collector_duration_seconds", "gauge", "Duration of this look.", [({}, time.monotonic() - began)]
        )
        if Path(path).parent.is_dir():
            files.write(path, metrics.render([*families, *success, cost, duration]).encode(), 0o644)
        self._save()

    def _families(self, values: Settings, live: Ledger, *, edited: bool) -> Iterator[Family]:
        yield from metrics.rejected(self.totals or {}, values.tier)
        counters = table_counters(*TABLE)
        yield Family(
            "tidegate_table_packets_total",
            "counter",
            "Named counters of the table; they begin anew when it is loaded anew.",
            [({"counter": name}, packets) for name, (packets, _bytes) in sorted(counters.items())],
        )
        yield from self._entries()
        yield from self._names()
        yield from self._proxy()
        yield from self._ledger(live, counters)
        yield from self._policy(values, edited=edited)
        usage = connection_tracking.usage()
        yield _single("tidegate_conntrack_entries", "Tracked connections.", usage["count"] or 0)
        yield _single("tidegate_conntrack_limit", "Connections that the kernel tracks at most.", usage["max"] or 0)
        soon = sum(0 <= end - time.time() <= _WEEK for end in values.expires)
        about = "Entries that expire within so many days."
        yield Family("tidegate_entries_expiring", "gauge", about, [({"days": "7"}, soon)])
        events = [({"event": name}, (self.events or Counter())[name]) for name in journal.EVENTS]
        yield Family("tidegate_events_total", "counter", "Events in the journal of this host.", events)
        yield _single("tidegate_last_check_timestamp_seconds", "When this was written.", round(time.time(), 3))

    def _entries(self) -> Iterator[Family]:
        packets: Counter[str] = Counter()
        for rule in rule_counters(*TABLE):
            if rule.comment and is_entry_chain(rule.chain):
                packets[rule.comment] += rule.packets
        shown = sorted(packets)[: metrics.MOST_ENTRIES]
        about = "First packets of connections that an entry allowed; begins anew when the table is loaded anew."
        samples = [({"entry": name}, packets[name]) for name in shown]
        yield Family("tidegate_allowed_packets_total", "counter", about, samples)
        left_out = len(packets) - len(shown)
        yield _single("tidegate_series_overflow", "Entries that have no series, because there are too many.", left_out)

    def _names(self) -> Iterator[Family]:
        if not resolver_document.read(self.host.paths):
            return
        recorded = record.read(self.host.paths.resolver_record)
        yield _single("tidegate_names_alive_timestamp_seconds", "When it answered last.", recorded.get("alive", 0))
        outcomes = {"written": "written", "refused": "refused", "failed": "problems", "unresolved": "unknown"}
        answers = [({"outcome": word}, recorded.get(key, 0)) for word, key in outcomes.items()]
        about = "Answers about names of the policy; begins anew when the resolver does."
        yield Family("tidegate_names_answers_total", "counter", about, answers)
        filled = fill(*TABLE, lambda info: of_names_set(info.name) is not None)
        sets = {of_names_set(name): numbers for name, numbers in sorted(filled.items())}
        labelled = [
            ({"entry": of[0], "family": f"ipv{of[1]}"}, numbers) for of, numbers in sets.items() if of is not None
        ][: 2 * metrics.MOST_ENTRIES]
        for place, name, about in (
            (0, "tidegate_names_set_elements", "Addresses that the names of an entry have now."),
            (1, "tidegate_names_set_capacity", "Addresses that they can have."),
        ):
            yield Family(name, "gauge", about, [(labels, numbers[place]) for labels, numbers in labelled])

    def _proxy(self) -> Iterator[Family]:
        problem = health.problem(self.host.paths.at)
        if problem is None:
            return
        with suppress(OSError):
            counted, self.position = access_log.count(self.host.paths.at(health.LOG), self.position)
            self.requests += counted
        yield _single("tidegate_proxy_up", "Whether the proxy for other hosts works as its role left it.", not problem)
        decisions = [({"decision": word}, self.requests[word]) for word in access_log.DECISIONS]
        yield Family("tidegate_proxy_requests_total", "counter", "Requests to the proxy by its decision.", decisions)

    def _ledger(self, live: Ledger, counters: dict[str, tuple[int, int]]) -> Iterator[Family]:
        modes = {"enforce": False, "observe": True}
        lines = [({"mode": mode}, sum(line.observed == seen for line in live.lines)) for mode, seen in modes.items()]
        yield Family("tidegate_ledger_entries", "gauge", "Lines of the ledger.", lines)
        room = len(LEDGER_SETS) // len(modes) * LEDGER_SIZE
        yield Family(
            "tidegate_ledger_capacity", "gauge", "Lines that fit into it.", [({"mode": mode}, room) for mode in modes]
        )
        names = {"enforce": LEDGER_FULL_COUNTER, "observe": would_deny(LEDGER_FULL_COUNTER)}
        full = [({"mode": mode}, counters.get(name, (0, 0))[0]) for mode, name in names.items()]
        about = "Packets of which the ledger has no line; begins anew when the table is loaded anew."
        yield Family("tidegate_ledger_overflow_packets_total", "counter", about, full)

    def _policy(self, values: Settings, *, edited: bool) -> Iterator[Family]:
        about = records.about(self.host.paths.confirmed)
        labels = {"tier": values.tier, "mode": values.mode, "policy": str(about.get("spec", ""))[:16]}
        yield Family("tidegate_policy_info", "gauge", "The confirmed policy.", [(labels, 1)])
        when = int(float(about.get("when") or 0))
        yield _single("tidegate_policy_applied_timestamp_seconds", "When it was confirmed; 0 for never.", when)
        yield _single("tidegate_table_loaded", "Whether a table is loaded.", self.host.table.exists())
        yield _single("tidegate_drift", "Whether the table was edited since.", edited)
        change = pending.read(self.host.paths)
        yield _single("tidegate_pending_change", "Whether a change waits for its confirmation.", change is not None)

    def _count_events(self) -> None:
        texts = [json.dumps(event, sort_keys=True) for event in journal.read(self.host.paths)]
        new = texts[texts.index(self.last_event) + 1 :] if self.last_event in texts else texts
        counted = Counter(json.loads(text)["event"] for text in new)
        self.events = (self.events or Counter()) + counted
        self.last_event = texts[-1] if texts else self.last_event

    def _load(self) -> None:
        if self.totals is not None:
            return
        self.totals, self.events = {}, Counter()
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            saved: dict[str, Any] = json.loads(files.read(self.host.paths.metrics) or "{}")
            totals = {tuple(key): (int(packets), int(flows)) for *key, packets, flows in saved.get("totals", ())}
            self.totals = {key: value for key, value in totals.items() if len(key) == 3}
            self.events = Counter({str(name): int(count) for name, count in saved.get("events", {}).items()})
            self.last_event = str(saved.get("last_event", ""))
            self.requests = Counter({str(word): int(number) for word, number in saved.get("requests", {}).items()})
            self.position = Position(*map(int, saved.get("position", ())))

    def _save(self) -> None:
        totals = [[*key, *value] for key, value in sorted((self.totals or {}).items())]
        content = {
            "totals": totals,
            "events": dict(self.events or {}),
            "last_event": self.last_event,
            "requests": dict(self.requests),
            "position": self.position,
        }
        text = json.dumps(content, sort_keys=True)
        if files.read(self.host.paths.metrics) != text:
            files.write(self.host.paths.metrics, text.encode())


def _single(name: str, about: str, value: float) -> Family:
    return Family(name, "gauge", about, [({}, value)])
