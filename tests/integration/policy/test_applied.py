# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled tables under the engine with each release of nft: what time and others do to them between two runs."""

from __future__ import annotations

import copy
import datetime as dt
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.engine import Engine, RunResult
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds, policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import (
    BINARIES,
    counters,
    elements,
    nft,
    send,
)

pytestmark = pytest.mark.usefixtures("network")
RELEASES = pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
INVENTORY = replace(FixedInventory(), lists={"partners": feeds.PrefixListResult("partners", external=True)})
NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


def compiled(*entries: dict[str, Any]) -> dict[str, Any]:
    """A table of a tier that may have all of the internet."""
    variables = {
        "egress_mode": "enforce",
        "egress_tier": "build",
        "egress_internal_networks": ["10.0.0.0/8"],
        "egress_prefix_lists": {"partners": {"fed_by": "external"}},
        # Nothing but what a test says.
        "egress_tiers": {
            "build": {"extends": "build", "allow": [{**entry, "to": to_list(entry)} for entry in entries]}
        },
    }
    return compile_table(policy.build(variables, INVENTORY, today=NOW.date()))


def to_list(entry: dict[str, Any]) -> list[str]:
    return [entry["to"]]


def run(spec: dict[str, Any], binary: Path, notes: Path) -> bool:
    """One run; did it change anything?"""
    return apply(spec, binary, notes).changed


def apply(spec: dict[str, Any], binary: Path, notes: Path) -> RunResult:
    """One run that proves nothing by earlier notes."""
    for note in notes.glob("applied.*"):
        note.unlink()
    result = Engine(Nft(str(binary)), check=False, state=RunDirectory(str(notes))).run(
        parse.tables([copy.deepcopy(spec)])
    )
    assert result.path == "full"
    return result


PARTNERS = {"name": "tier-internet", "to": "prefix_list:partners", "services": ["https"]}


@RELEASES
def test_no_run_empties_what_others_fill_and_it_opens_no_more_than_the_internet(binary: Path, tmp_path: Path) -> None:
    spec = compiled(PARTNERS)
    assert run(spec, binary, tmp_path)
    assert not run(spec, binary, tmp_path)
    assert refused("1.1.1.1", binary)
    filled = "{ 1.1.1.1 timeout 1h, 9.9.9.0/24, 10.1.0.0/16, 169.254.169.254 }"
    nft("add", "element", "inet", "tidegate", "external_partners4", filled, binary=binary)
    assert not run(spec, binary, tmp_path)
    # Something else of the table changes.
    wider = compiled(PARTNERS, {"name": "more", "to": "192.0.2.1", "services": ["https"]})
    assert run(wider, binary, tmp_path)
    assert not run(wider, binary, tmp_path)
    assert len(elements("external_partners4", binary)) == 4
    assert not refused("1.1.1.1", binary)
    assert not refused("9.9.9.9", binary)
    assert refused("10.1.0.1", binary)
    assert refused("169.254.169.254", binary)
    assert refused("1.0.0.1", binary)


@RELEASES
def test_an_expiring_entry_is_the_same_in_every_time_zone(
    binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = compiled({"name": "dated", "to": "192.0.2.1", "services": ["https"], "expires": "2027-03-31"})
    for number, zone in enumerate(("UTC", "America/New_York", "Asia/Kathmandu", "UTC")):
        monkeypatch.setenv("TZ", zone)
        assert run(spec, binary, tmp_path) == (number == 0), zone
        assert not run(spec, binary, tmp_path), zone
    # The end of the day in UTC, whatever a listing calls it.
    assert "2027-04-01 00:00:00" in nft("list", "chain", "inet", "tidegate", "egress_allow", binary=binary)


@RELEASES
def test_an_entry_closes_at_its_moment_without_any_run(
    binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    spec = compiled({"name": "dated", "to": "192.0.2.1", "services": ["https"], "expires": "2027-03-31"})
    (chain,) = (chain for chain in spec["chains"] if chain["name"] == "egress_allow")
    for seconds in (2 << number for number in range(8)):
        # Once more, for a later moment, where a busy machine tried only after it.
        moment = int(time.time()) + seconds
        chain["rules"] = [re.sub(r"meta time < [0-9]+", f"meta time < {moment}", rule) for rule in chain["rules"]]
        assert run(spec, binary, tmp_path)
        closed = refused("192.0.2.1", binary)
        if time.time() < moment:
            break
    assert not closed
    time.sleep(max(0.0, moment + 0.2 - time.time()))
    assert refused("192.0.2.1", binary)
    assert not run(spec, binary, tmp_path)


EVERYTHING: dict[str, Any] = {
    "egress_tier": "app",
    "egress_internal_networks": ["10.0.0.0/8"],
    "egress_never": [{"to": "cloud-metadata", "except_users": ["root"]}],
    "egress_deny_quietly": [{"to": "192.0.2.80"}],
    "egress_containers": True,
    "egress_inbound_allow": [{"name": "site", "from": "any", "services": ["https"]}],
    "egress_allow_app": [{"name": "api", "to": "203.0.113.7", "services": ["https"], "for": ["host", "containers"]}],
}


def whole(**changes: Any) -> dict[str, Any]:
    """A table with every chain that there can be."""
    return compile_table(policy.build({**EVERYTHING, **changes}, INVENTORY, today=NOW.date()))


def changes_of(result: RunResult) -> list[dict[str, Any]]:
    """The changes as a module returns them."""
    return [one.as_dict() for one in result.changes]


def listed(binary: Path) -> list[str]:
    """Every line of the table with handles and counters, but for the times of ledger entries."""
    text = nft("-a", "list", "table", "inet", "tidegate", binary=binary)
    return [re.sub(r"expires \S+", "", line).strip() for line in text.splitlines()]


@RELEASES
def test_between_observe_and_enforce_one_rule_changes_and_no_count_is_lost(binary: Path, tmp_path: Path) -> None:
    assert run(whole(egress_mode="observe"), binary, tmp_path)
    for address in ("203.0.113.7", "203.0.113.8", "169.254.169.254", "192.0.2.80"):
        send(policy.Flow(address, "tcp", 443, "payd"))
    assert counters(binary)["would_deny"] == 2
    before = listed(binary)
    enforced = apply(whole(egress_mode="enforce"), binary, tmp_path)
    assert [(one["action"], one["kind"], one["chain"], one["text"]) for one in changes_of(enforced)] == [
        ("add", "rule", "egress_denied", "goto egress_enforced"),
        ("delete", "rule", "egress_denied", "goto egress_observed"),
    ]
    after = listed(binary)
    (new,) = (line for line in after if line not in before)
    (old,) = (line for line in before if line not in after)
    assert (new.partition(" # ")[0], old.partition(" # ")[0]) == ("goto egress_enforced", "goto egress_observed")
    assert refused("203.0.113.8", binary)
    assert not refused("203.0.113.7", binary)
    assert (counters(binary)["would_deny"], len(elements("would_deny4", binary))) == (2, 2)
    assert len(apply(whole(egress_mode="observe"), binary, tmp_path).changes) == 2
    assert not refused("203.0.113.8", binary)
    assert (counters(binary)["would_deny"], counters(binary)["denied"]) == (3, 1)


@RELEASES
def test_observing_inside_beside_enforce_touches_nothing_else(binary: Path, tmp_path: Path) -> None:
    assert run(whole(egress_mode="enforce"), binary, tmp_path)
    assert refused("10.1.1.1", binary)
    before = listed(binary)
    partly = apply(whole(egress_mode="enforce", egress_observe=["internal"]), binary, tmp_path)
    assert {(one["action"], one.get("chain") or one.get("set") or one["name"]) for one in changes_of(partly)} == {
        ("add", "observed_internal4"),
        ("add", "egress_denied"),
    }
    after = listed(binary)
    assert [line for line in before if line not in after] == []
    assert not refused("10.1.1.1", binary)
    assert refused("203.0.113.8", binary)
    assert (counters(binary)["would_deny"], elements("would_deny4", binary)[0]["concat"][0]) == (1, "10.1.1.1")
    # Observing all of it is again one rule.
    assert len(apply(whole(egress_mode="observe", egress_observe=["internal"]), binary, tmp_path).changes) == 2


def entries(count: int, **changed: Any) -> list[dict[str, Any]]:
    """Entries for a host each, with one for all of them; changed: of the first."""
    found = [
        {"name": f"host-{number:02}", "to": f"203.0.113.{number}", "services": ["https"]} for number in range(count)
    ]
    return [{**found[0], **changed}, *found[1:], {"name": "network", "to": "203.0.113.0/24", "services": ["tcp/8443"]}]


@RELEASES
def test_many_entries_keep_their_counters_when_one_changes(binary: Path, tmp_path: Path) -> None:
    def spec(given: list[dict[str, Any]]) -> dict[str, Any]:
        return whole(egress_mode="enforce", egress_allow_app=given)

    assert run(spec(entries(40)), binary, tmp_path)
    assert not run(spec(entries(40)), binary, tmp_path)
    assert [refused(address, binary) for address in ("203.0.113.7", "203.0.113.200")] == [False, True]
    before = {line for line in listed(binary) if "comment" in line}
    # Another address, into the middle of another entry's, then a new entry: no rule of another one is touched.
    for given, rules in ((entries(40, to="203.0.113.9"), 0), (entries(41, to="203.0.113.9"), 1)):
        changes = [one for one in changes_of(apply(spec(given), binary, tmp_path)) if one["kind"] == "rule"]
        assert [one["chain"] for one in changes if "comment" in one] == ["egress_allow_host-40"] * rules
        assert before <= set(listed(binary))
        assert not run(spec(given), binary, tmp_path)
    assert [refused(address, binary) for address in ("203.0.113.9", "203.0.113.0", "203.0.113.40")] == [
        False,
        True,
        False,
    ]


def refused(address: str, binary: Path) -> bool:
    """Does a connection to tcp/443 end in our refusal?"""
    before = counters(binary)["denied"]
    send(policy.Flow(address, "tcp", 443))
    return counters(binary)["denied"] > before
