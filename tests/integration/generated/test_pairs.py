# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From any ruleset to any other: the kernel ends with exactly that, and what both have keeps all that it has counted.

Random specs of everything that nft_ruleset takes, two tables at once, after packets.
Beside tests/integration/nft/test_random.py, which follows handles through one table.
"""

from __future__ import annotations

import copy
import random
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable
from ansible_collections.tidegate.nftables.tests.effort import SEED, times
from ansible_collections.tidegate.nftables.tests.integration.nft.conftest import Lab
from ansible_collections.tidegate.nftables.tests.integration.nft.random_specs import table
from ansible_collections.tidegate.nftables.tests.integration.nft.test_random import _only, normal

PAIRS = times(6, 1000)
"""Of each nft."""

LIVELY: dict[str, Any] = {
    "name": "lively",
    "counters": [{"name": "hits"}],
    "quotas": [{"name": "q", "quota": "over 10 mbytes"}],
    "sets": [{"name": "seen", "type": "inet_service", "flags": ["dynamic", "timeout"], "timeout": "1h", "size": 100}],
}
RULES = [
    "counter name hits",
    "quota name q drop",
    "udp dport 9 counter",
    "udp dport 9 update @seen { udp dport }",
    "udp dport 10-20 counter accept",
    "ct state established accept",
]


def lively(rng: random.Random) -> dict[str, Any]:
    """A table that packets leave traces in; declarations, comments, order and hooks differ from one to the next."""
    spec = copy.deepcopy(LIVELY)
    rules = rng.sample(RULES, len(RULES)) if rng.random() < 0.5 else list(RULES)
    if rng.random() < 0.5:
        rules.insert(rng.randint(0, 3), f"tcp dport {rng.randint(1, 9)} accept")
    hook = {"type": "filter", "hook": "output", "priority": rng.choice(("filter", "-5"))}
    spec["chains"] = [{"name": "c", **hook, "policy": rng.choice(("accept", "drop")), "rules": rules}]
    for item in (spec["chains"][0], spec["counters"][0], spec["sets"][0]):
        if rng.random() < 0.3:
            item["comment"] = rng.choice(("one", "two"))
    spec["sets"][0]["size"] = rng.choice((100, 200))
    spec["quotas"][0]["quota"] = rng.choice(("over 10 mbytes", "over 20 mbytes"))
    if rng.random() < 0.3:
        spec["comment"] = rng.choice(("a", "b"))
    return spec


def send(packets: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _packet in range(packets):
            with suppress(OSError):  # what the policy drops is told to the sender
                sender.sendto(b"x" * 8, ("127.0.0.1", 9))


def traces(live: NftTable) -> dict[str, object]:
    """What packets left: counts of the counter, of the rules and of the quota, and the elements of the dynamic set."""
    (chain,), (dynamic_set,) = live.chains, live.sets
    counter, quota = live.object("counter", "hits"), live.object("quota", "q")
    assert counter is not None
    assert quota is not None
    return {
        "counter": [line for line in counter.text if line.startswith("packets")],
        "used": [line.partition(" used ")[2] for line in quota.text if "bytes" in line],
        "rules": sorted(rule.text for rule in chain.rules if "udp dport" in rule.canon),
        "seen": [element.key for element in dynamic_set.elements],
    }


@pytest.fixture(autouse=True)
def settled_namespace() -> None:
    subprocess.run(["ip", "addr", "replace", "127.0.0.1/8", "dev", "lo"], check=True)


@given(seed=st.integers(0, 2**32))
@settings(
    max_examples=PAIRS,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_from_any_ruleset_to_any_other(lab: Lab, seed: int) -> None:
    rng = random.Random(f"{SEED} {seed}")
    lab.load("flush ruleset")
    lab.forget()
    start, goal = (table(rng), lively(rng)), (table(rng), lively(rng))
    lab.run(*start)
    send(rng.randint(1, 5))
    before = lab.table("lively")
    lab.predicted(*goal)
    after = lab.table("lively")
    assert traces(after) == traces(before)
    if start[1].get("comment") == goal[1].get("comment"):
        keep_their_handles(before, after)
    reached = {name: lab.table(name) for name in ("t", "lively")}
    lab.load("flush ruleset")
    lab.run(*goal)
    for spec in goal:
        # What nobody wrote down, the old table may have left there.
        given_elements = {wanted["name"] for wanted in spec["sets"] if "elements" in wanted}
        fresh, loaded = (_only(one, given_elements) for one in (lab.table(spec["name"]), reached[spec["name"]]))
        assert normal(fresh) == normal(loaded)


def keep_their_handles(before: NftTable, after: NftTable) -> None:
    """Where the chain and what it refers to stay, a rule that both have in the same order keeps its handle."""
    (old,), (new,) = before.chains, after.chains
    same = old.comment == new.comment and old.hook is not None and new.hook is not None
    if same and old.hook is not None and new.hook is not None and old.hook.priority == new.hook.priority:
        both = {rule.canon for rule in old.rules} & {rule.canon for rule in new.rules}
        alone = {canon for canon in both if " @" not in canon and "name" not in canon}
        first = {rule.canon: rule.handle for rule in old.rules if rule.canon in alone}
        kept = [rule for rule in new.rules if rule.handle is not None and first.get(rule.canon) == rule.handle]
        # Where others changed places with them, as many as possible stay, whichever those are.
        orders = [[rule.canon for rule in chain.rules if rule.canon in both] for chain in (old, new)]
        if orders[0] == orders[1]:
            assert len(kept) == len(first)


def test_the_lists_of_rules_are_whole(tmp_path: Path) -> None:
    rng = random.Random(1)
    assert {len(lively(rng)["chains"][0]["rules"]) for _spec in range(50)} == {len(RULES), len(RULES) + 1}
