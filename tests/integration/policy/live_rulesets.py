# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rulesets that a namespace holds, as nft lists them, and a policy to compare them with."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs import socket_levels
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import Table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.read import read_listing
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.difference import (
    Difference,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.ruleset import LiveRuleset
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import (
    BINARIES,
    UIDS,
    nft,
)

RELEASES = pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)


NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC).timestamp()


def held(binary: Path, now: float = NOON) -> LiveRuleset:
    """What the ruleset holds, as nft lists it."""
    os.environ["TZ"] = "UTC"
    names = json.loads(nft("-j", "list", "tables", binary=binary))["nftables"]
    tables: list[Table] = []
    for item in names:
        if "table" in item:
            family, name = item["table"]["family"], item["table"]["name"]
            listing = json.loads(nft("-nn", "-j", "list", "table", family, name, binary=binary))
            if socket_levels.missing(listing):
                socket_levels.add(listing, nft("-a", "-y", "list", "table", family, name, binary=binary))
            tables.append(read_listing(listing))
    return LiveRuleset(tables, UIDS, now)


def built(**changes: Any) -> policy.ResolvedPolicy:
    variables = {
        "egress_mode": "enforce",
        "egress_tier": "app",
        "egress_internal_networks": ["10.0.0.0/8", "fd12:3456:789a::/48"],
        "egress_dns_servers": ["10.0.0.53"],
        "egress_allow_app": [
            {"name": "pay", "to": ["203.0.113.0/24"], "services": ["https"], "users": ["payd"]},
            {"name": "all", "to": ["10.1.0.0/16"], "services": ["tcp/8000-8010", "icmp"]},
        ],
        **changes,
    }
    return policy.build(variables, FixedInventory(), today=dt.date(2026, 11, 20))


def first(differences: list[Difference]) -> list[Difference]:
    """Return the differences about the first packets of connections: what is wrong for them is said of others, too."""
    return [difference for difference in differences if not any(" in state " in user for user in difference.users)]


def one(differences: list[Difference], what: str) -> Difference:
    (difference,) = (difference for difference in differences if difference.kind == what)
    return difference
