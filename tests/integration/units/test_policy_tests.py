# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy tests of units by real packets: the verdict is of the tested unit, whatever others of its user are refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables import units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import TODAY, FixedInventory

from .conftest import PEER, PORT, Site
from .test_ledger import VARIABLES

HERE = {"to": [PEER], "services": ["opentelemetry"]}
OPENED = [
    {"name": "services", **HERE, "units": ["agent.service", "restic@.service"], "users": ["root"]},
    {"name": "others", **HERE, "units": ["batch.slice", "user@1000.service"]},
]
ACCEPTED, REJECTED = ("accepted", "answered"), ("rejected", "refused")


def a_test(unit: str, *, reach: bool, user: str = "root") -> dict[str, Any]:
    expect = "reach" if reach else "not_reach"
    return {"name": f"{user} in {unit}", "to": PEER, "port": PORT, "unit": unit, "user": user, "expect": expect}


def decided(site: Site, *tests: dict[str, Any], mode: str = "enforce") -> dict[str, Any]:
    """Return the confirmation of a policy with tests."""
    variables = {**VARIABLES, "egress_mode": mode, "egress_allow_app": OPENED}
    resolved = policy.build(variables, FixedInventory(), today=TODAY)
    # Seconds that pass only for what is silent.
    tested = {"tests": tests, "test_timeout": 10}
    terms = {"phase": "apply", "tables": [compile_table(resolved)], "units": units.document(resolved)}
    decision = {"phase": "confirm", "token": "{{ run0.guard.token }}", "mode": mode, **tested}
    # Each change is one from a host that allows everything.
    site.run("nft", "delete", "table", "inet", "tidegate", check=False)
    _applied, confirmed = site.machine.module({**terms, **tested, "timeout": 600}, decision, may_fail=True)
    return confirmed


def verdicts(confirmed: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {test["name"]: (test["verdict"], test["outcome"]) for test in confirmed["tests"]}


def names(tests: list[dict[str, Any]]) -> list[str]:
    return [test["name"] for test in tests]


@pytest.fixture
def tried(site: Site) -> Site:
    """The machine with services that all try PEER all the time, one that does not run, and a session of a user."""
    site.service("batched", "Slice=batch-night.slice")
    site.service("frozen")
    site.service("idle")
    site.systemctl("start", "agent", "other", "restic@home", "batched", "frozen", "user@1000")
    return site


@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_a_unit_is_tested_beside_others_of_its_user(tried: Site, mode: str) -> None:
    within = ("agent.service", "restic@.service", "restic@home.service", "batch.slice", "batch-night.slice")
    reached = [a_test(unit, reach=True) for unit in (*within, "user@1000.service")]
    refused = [a_test("other.service", reach=False), a_test("agent.service", reach=False, user="nobody")]
    confirmed = decided(tried, *reached, *refused, mode=mode)
    came = REJECTED if mode == "enforce" else ("rejected", "answered")
    assert verdicts(confirmed) == {**dict.fromkeys(names(reached), ACCEPTED), **dict.fromkeys(names(refused), came)}
    assert (confirmed["broken"], confirmed["unsent"]) == ([], [])
    assert tried.run("find", "/sys/fs/cgroup", "-name", "tidegate-test*") == ""
    # A process that was in its cgroup for a moment is nothing to systemd.
    assert tried.systemctl("is-active", "agent", "other", "restic@home").split() == ["active"] * 3


def test_what_fails_rolls_back_and_what_cannot_be_sent_says_so(tried: Site) -> None:
    unsent = [a_test(unit, reach=True) for unit in ("idle.service", "no-such.service", "frozen.service")]
    tried.systemctl("freeze", "frozen")
    try:
        confirmed = decided(tried, a_test("agent.service", reach=True), a_test("other.service", reach=True), *unsent)
    finally:
        tried.systemctl("thaw", "frozen")
    assert confirmed["reason"] == "tests_failed"
    assert confirmed["broken"] == [f"root in other.service ({PEER} tcp/{PORT} as root in other.service)"]
    results = verdicts(confirmed)
    assert results["root in other.service"] == REJECTED
    assert results["root in frozen.service"] == ("unknown", "failed")
    assert [results[name] for name in names(unsent[:2])] == [("unknown", "the unit does not run")] * 2
    assert [text.partition(" (")[0] for text in confirmed["unsent"]] == names(unsent)
    assert tried.run("find", "/sys/fs/cgroup", "-name", "tidegate-test*") == ""
