# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made ledgers: records of hosts of a tier, as egress_flows_info returns them."""

from __future__ import annotations

import itertools
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.drafts import Drafts, Tier, drafts
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.rules import Surroundings
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.words import Vocabulary

DAY, HOUR = 86400, 3600
START = 1_795_219_200
"""Midnight in UTC."""
INTERNAL = addresses.parse("10.0.0.0/8")


def record(host: str = "app1", **changes: Any) -> dict[str, Any]:
    """A flow that was seen on two days, often enough."""
    return {
        "version": 1,
        "source": "ledger",
        "host": host,
        "tier": "app",
        "user": "payd",
        "uid": 990,
        "unit": None,
        "destination": "8.8.4.4",
        "name": None,
        "protocol": "tcp",
        "port": 8443,
        "decision": "would_reject",
        "answered": None,
        "entry": None,
        "nearest": None,
        "cause": "unlisted",
        "first": START,
        "last": START + DAY,
        "flows": None,
        "packets": 12,
        "bytes": 720,
        "policy": "0" * 16,
        **changes,
    }


def evident(**changes: Any) -> list[dict[str, Any]]:
    """A flow of two hosts on two days, which is enough."""
    return [record(host, **changes) for host in ("app1", "app2")]


def to_each(*destinations: str, **changes: Any) -> list[dict[str, Any]]:
    """The same to several addresses."""
    return list(itertools.chain.from_iterable(evident(destination=address, **changes) for address in destinations))


def tier(hosts: int = 3, **changes: Any) -> Tier:
    """A tier of some hosts, whose inventory has no words."""
    known = {"vocabulary": Vocabulary(), "around": Surroundings(INTERNAL), **changes}
    return Tier(name="app", hosts=hosts, **known)


def suggested(records: list[dict[str, Any]], **changes: Any) -> Drafts:
    """What is made of records in such a tier."""
    return drafts(records, tier(**changes))
