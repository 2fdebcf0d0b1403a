# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made fleets: hosts with records, journals and states, the same for the same seed."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.sources import HostData

END = 1_795_183_200
"""2026-11-20 14:00 UTC."""
DAY = 86400
TIERS = ("app", "bastion", "build", "database", "web")
_SERVICES = (("tcp", 443), ("tcp", 80), ("udp", 123), ("tcp", 25), ("tcp", 5432), ("icmp", 8))
_USERS = ("www-data", "payd", "postgres", "root", None)


def record(host: str, tier: str, **changes: Any) -> dict[str, Any]:
    """Return a record of docs/schema/flow-1.json."""
    return {
        "version": 1,
        "source": "ledger",
        "host": host,
        "tier": tier,
        "user": "payd",
        "uid": 990,
        "unit": None,
        "destination": "203.0.113.9",
        "name": None,
        "protocol": "tcp",
        "port": 443,
        "decision": "rejected",
        "answered": False,
        "entry": None,
        "nearest": None,
        "cause": "unlisted",
        "first": END - 3 * DAY,
        "last": END - DAY,
        "flows": None,
        "packets": 12,
        "bytes": 720,
        "policy": "0f3b0d7a9a2f51c4",
        **changes,
    }


def row(level: str = "ok", **changes: Any) -> dict[str, Any]:
    """Return a row of the table of the playbook status."""
    fine = {"mode": "observe", "table": "confirmed", "observed_hours": 336.0, "unexplained": 0, "ready": True}
    return {"level": level, "note": "", **fine, **changes}


def event(name: str, when: str, **about: Any) -> dict[str, Any]:
    """Return an event of a host's journal."""
    return {"event": name, "when": when, **about}


def fleet(hosts: int, records: int, destinations: int, seed: int = 1) -> Iterator[HostData]:
    """Yield hosts with as many records in all; a tier talks to destinations of its own and to some of all."""
    chosen = random.Random(seed)
    addresses = [str(ipaddress.ip_address("198.18.0.0") + number) for number in range(destinations)]
    for number in range(hosts):
        tier = TIERS[number % len(TIERS)]
        host = f"{tier}{number:04}"
        own = [_random(host, tier, addresses, chosen) for _record in range(records // hosts)]
        state = row(mode="enforce", observed_hours=None, ready=None) if tier == "web" else row()
        yield HostData(
            host=host,
            tier=tier,
            row=state,
            policy="0f3b0d7a9a2f51c4",
            now=float(END),
            events=(event("confirmed", "2026-11-13T10:00:00Z", who="alice@control", what="add 2 entries"),),
            entries={"payments-api": number % 2, "old-mirror": 0},
            records=own,
        )


def _random(host: str, tier: str, addresses: list[str], chosen: random.Random) -> Mapping[str, Any]:
    place = min(int(chosen.expovariate(6 / len(addresses))), len(addresses) - 1)
    protocol, port = _SERVICES[place % len(_SERVICES)]
    user = chosen.choice(_USERS)
    first = END - int(chosen.betavariate(1.2, 1.6) * 14 * DAY)
    return record(
        host,
        tier,
        user=user,
        uid=None if user is None else 1000 + len(user),
        destination=addresses[place],
        name=f"host{place}.example.org" if place % 5 == 0 else None,
        protocol=protocol,
        port=port,
        decision=chosen.choices(("rejected", "would_reject", "allowed"), (5, 2, 3))[0],
        nearest="payments-api" if place % 7 == 0 else None,
        first=first,
        last=min(END, first + chosen.randrange(3 * DAY)),
        packets=chosen.randrange(1, 500),
    )
