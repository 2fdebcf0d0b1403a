# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was refused becomes drafts; with them in the policy the kernel lets exactly these flows pass."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import denied_ledger
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.recorder import Recorder
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest import proof
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.drafts import Tier, drafts
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.rules import Surroundings
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.words import Vocabulary
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import UIDS, counters, load, nft, send

pytestmark = pytest.mark.usefixtures("network")

VARIABLES: dict[str, Any] = {
    "egress_tier": "app",
    "egress_internal_networks": ["10.0.0.0/8", "fd12:3456:789a::/48"],
    "egress_never": [{"to": ["203.0.113.66"]}],
    "egress_allow_app": [{"name": "api", "to": ["203.0.113.9"], "services": ["https"]}],
}
INVENTORY = FixedInventory("app1", {"db": ["db1", "db2"]}, {"db1": ["10.2.0.1"], "db2": ["10.2.0.2"]}, {})
DESTINATIONS = (
    "10.2.0.1",
    "10.2.0.2",
    "10.2.0.3",
    *(f"198.51.100.{number}" for number in range(4, 12)),
    "203.0.113.9",
    "203.0.113.66",
    "2001:db8::9",
)
REFUSED: tuple[tuple[str, str, str, int], ...] = (
    ("payd", "10.2.0.1", "tcp", 5432),
    ("payd", "10.2.0.2", "tcp", 5432),
    ("postfix", "203.0.113.9", "tcp", 25),
    ("payd", "2001:db8::9", "udp", 443),
    *(("payd", f"198.51.100.{number}", "tcp", 443) for number in range(4, 8)),
)
NEVER: tuple[tuple[str, str, str, int], ...] = (
    ("payd", "203.0.113.66", "tcp", 443),
    ("payd", "203.0.113.9", "tcp", 23),
    ("www-data", "203.0.113.9", "tcp", 3333),
)
SERVICES = (("tcp", 22), ("tcp", 23), ("tcp", 25), ("tcp", 443), ("tcp", 3333), ("tcp", 5432), ("udp", 443))
Flow = tuple[str, str, str, int]


def built(**changes: Any) -> policy.ResolvedPolicy:
    resolved = policy.build({**VARIABLES, **changes}, INVENTORY, today=dt.datetime.now(dt.UTC).date())
    return replace(resolved, own=NOTHING)


def passing(tmp_path: Path, resolved: policy.ResolvedPolicy) -> set[Flow]:
    """Send every flow under a policy and return those that the kernel let out."""
    load(compile_table(resolved), tmp_path)
    passed, before = set(), counters()["denied"]
    for user, address, (protocol, port) in product(("payd", "postfix", "www-data"), DESTINATIONS, SERVICES):
        send(policy.Flow(address, protocol, port, user))
        if (after := counters()["denied"]) == before:
            passed.add((user, address, protocol, port))
        before = after
    nft("delete", "table", "inet", "tidegate")
    return passed


def ledger_lines(observed: bool) -> list[dict[str, Any]]:
    """Return the ledger of the kernel, with times as if each flow had been seen on two days."""
    names = {number: name for name, number in UIDS.items()}
    return [
        {
            "address": line.address,
            "name": None,
            "protocol": protocols.number(line.protocol),
            "port": line.port,
            "uid": line.uid,
            "user": names[line.uid or 0],
            "observed": line.observed,
            "packets": line.packets,
            "bytes": line.bytes,
            "first": 1_795_219_200,
            "last": 1_795_305_600,
        }
        for line in denied_ledger.read().lines
        if line.observed is observed
    ]


@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_the_drafts_make_the_refused_flows_pass_and_nothing_else(mode: str, tmp_path: Path) -> None:
    before = passing(tmp_path, built(egress_mode="enforce"))
    resolved = built(egress_mode=mode)
    load(compile_table(resolved), tmp_path)
    for user, address, protocol, port in [*REFUSED, *NEVER] * 3:
        send(policy.Flow(address, protocol, port, user))
    lines = ledger_lines(mode == "observe")
    nft("delete", "table", "inet", "tidegate")
    records = [{**record, "host": host} for host in ("app1", "app2") for record in Recorder(resolved).of_ledger(lines)]
    assert len(records) == 2 * len([*REFUSED, *NEVER])
    words = Vocabulary(hosts={"10.2.0.1": "db1", "10.2.0.2": "db2"}, groups={"db": ["db1", "db2"]})
    tier = Tier(name="app", hosts=2, vocabulary=words, around=Surroundings(resolved.internal))
    suggestions = drafts(records, tier)
    assert [draft.to for draft in suggestions.drafts if draft.kind != "address"] == ["198.51.100.4/30", "group:db"]
    assert sorted(each.why for each in suggestions.look_at) == ["mining", "never", "port"]
    for draft in suggestions.drafts:
        proven = proof.prove(draft, resolved, "app1", lambda _host, added: built(egress_mode=mode, **added))
        assert proven.accepted, proven.verdict
    allowed = {proof.variable("app"): [{**draft.entry, "reason": "reviewed"} for draft in suggestions.drafts]}
    assert passing(tmp_path, built(egress_mode="enforce", **allowed)) - before == set(REFUSED)
