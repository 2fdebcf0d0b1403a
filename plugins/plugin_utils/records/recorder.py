# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the records of one host. Their shape is docs/schema/flow-1.json; a change of it is a new version."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif.judge import ALLOWED, DEPENDS, Judge, destination

from .nearest import Nearest

VERSION = 1
COLUMNS = (
    "kind",
    "name",
    "destination",
    "protocol",
    "port",
    "uid",
    "accepted",
    "answered",
    "flows",
    "packets",
    "bytes",
    "first",
    "last",
)
"""The columns of flows/columns.py that a record of a log needs."""
_NAME = re.compile(r"[a-z0-9_.-]{1,253}", re.ASCII)
_NAMES = {number: name for name, number in [*protocols.NUMBERS.items()][::-1]}


class Recorder:
    """Makes records by one host's policy. unreadable: flows to what is no address and no domain name."""

    def __init__(self, resolved: ResolvedPolicy) -> None:
        self.unreadable = 0
        self._judge, self._nearest = Judge(resolved), Nearest(resolved)
        self._host = {"version": VERSION, "host": resolved.host, "tier": resolved.tier or None}
        self._policy = policy_hash(resolved)

    def of_ledger(self, lines: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the records of what the phase ledger of egress_guard returned."""
        for line in lines:
            yield from self._record(
                kind="ledger",
                # A word of the host.
                name=line["name"] if _NAME.fullmatch(line["name"] or "") else None,
                flow=(line["address"], line["protocol"], line["port"]),
                uid=line["uid"],
                user=line["user"],
                unit=line.get("unit"),
                decision="would_reject" if line["observed"] else "rejected",
                # What only was observed may have been answered; nobody knows.
                answered=None if line["observed"] else False,
                counts=(None, line["packets"], line["bytes"]),
                times=(int(line["first"]), int(line["last"])),
            )

    def of_allowed(self, lines: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the records of what entries allowed, by flow and day, whatever the policy says now."""
        for line in lines:
            yield from self._record(
                kind="ledger",
                flow=(line["address"], line["protocol"], line["port"]),
                uid=line["uid"],
                user=line["user"],
                decision="allowed",
                answered=None,
                counts=(None, line["packets"], None),
                times=(int(line["first"]), int(line["last"])),
                certain=True,
            )

    def of_proxies(self, requests: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the records of what egress_proxy_log returned."""
        for request in requests:
            yield from self._record(
                kind="squid",
                name=request["name"].lower(),
                flow=(request["name"].lower(), protocols.NUMBERS["tcp"], request["port"]),
                uid=None,
                user=None,
                decision="would_reject" if request["observed"] else "rejected",
                answered=None if request["observed"] else False,
                counts=(request["times"], None, None),
                times=(int(request["first"]), int(request["last"])),
            )

    def of_logs(self, groups: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the records of groups of logs with COLUMNS."""
        for group in groups:
            uid = group["uid"]
            is_number = uid is not None and uid.isascii() and uid.isdigit()
            yield from self._record(
                kind=group["kind"],
                name=group["name"],
                flow=(group["destination"], group["protocol"], group["port"]),
                uid=int(uid) if is_number else None,
                user=None if is_number else uid,
                decision="allowed" if group["accepted"] else "rejected",
                answered=group["answered"] if group["accepted"] else False,
                counts=(group["flows"], group["packets"], group["bytes"]),
                times=(group["first"], group["last"]),
            )

    def again(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return a record of this host as the policy judges it now. Raise AddressError without a destination."""
        number = protocols.number(record["protocol"])
        user = record["user"] or (None if record["uid"] is None else str(record["uid"]))
        to = destination(record["destination"])
        flow = (to, int(record["protocol"]) if number is None else number, record["port"])
        judgement = self._judge(*flow, user)
        allowed = judgement.outcome == ALLOWED
        return {
            **record,
            **self._host,
            "destination": to,
            "entry": judgement.entry if allowed else None,
            "nearest": None if allowed else self._nearest(*flow),
            "cause": judgement.cause,
            "policy": self._policy,
        }

    def _record(
        self,
        *,
        kind: str,
        flow: tuple[str, int, int | None],
        uid: int | None,
        user: str | None,
        decision: str,
        answered: bool | None,
        counts: tuple[int | None, int | None, int | None],
        times: tuple[int | None, int | None],
        name: str | None = None,
        unit: str | None = None,
        certain: bool = False,
    ) -> Iterator[dict[str, Any]]:
        try:
            address = destination(flow[0])
            judgement = self._judge(address, flow[1], flow[2], user or (None if uid is None else str(uid)))
        except AddressError:
            self.unreadable += 1
            return
        # An entry accepted it, so where the policy depends on what the host alone knows, that was so.
        is_allowed = judgement.outcome == ALLOWED or (certain and judgement.outcome == DEPENDS)
        yield {
            **self._host,
            "source": kind,
            "user": user,
            "uid": uid,
            "unit": unit,
            "destination": address,
            "name": name,
            "protocol": _NAMES.get(flow[1], str(flow[1])),
            "port": flow[2],
            "decision": "would_reject" if decision == "allowed" and not (is_allowed or certain) else decision,
            "answered": answered,
            "entry": judgement.entry if is_allowed else None,
            "nearest": None if is_allowed else self._nearest(address, flow[1], flow[2]),
            "cause": judgement.cause,
            "first": times[0],
            "last": times[1],
            "flows": counts[0],
            "packets": counts[1],
            "bytes": counts[2],
            "policy": self._policy,
        }


def policy_hash(resolved: ResolvedPolicy) -> str:
    """Return the first 16 digits of the SHA-256 of the compiled table, as the host's record and metrics have it."""
    table = json.dumps([compile_table(resolved)], sort_keys=True)
    return hashlib.sha256(table.encode()).hexdigest()[:16]
