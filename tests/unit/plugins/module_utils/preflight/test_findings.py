# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the facts of a host mean, and over which of it enforcing is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.preflight import loaders
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.findings import (
    CHECKS,
    Decisions,
    blockers,
    findings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.host_files import HostFiles

QUIET: dict[str, Any] = {
    "tables": [],
    "iptables": [],
    "loaders": [],
    "conntrack": {"count": 10, "max": 1000, "users": []},
    "bridges": [],
    "forwarding": [],
    "nft": True,
    "crash": "",
    "unread": [],
}
TABLE = {"family": "ip", "name": "filter", "dormant": False, "chains": ["OUTPUT"], "rejects": "", "notrack": []}
SAVED = {"family": "ip", "backend": "legacy", "rejects": "", "notrack": []}


def loader(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "active": True, "enabled": True, "flushes": [], **changes}


# check -> facts that make it, each beside a quiet host
FOUND: dict[str, dict[str, Any]] = {
    "crash": {"crash": "nft 1.0.6 crashes on every listing: a newer nft wrote table inet banned"},
    "notrack": {"tables": [{**TABLE, "notrack": ["ip raw OUTPUT"]}]},
    "nft-missing": {"nft": False},
    "containers": {"bridges": ["docker0"]},
    "uncovered-interfaces": {"forwarding": ["docker0", "lab0"]},
    "rejecting-table": {"tables": [{**TABLE, "rejects": "chain OUTPUT has the policy drop"}]},
    "conntrack": {"conntrack": {"count": 800, "max": 1000, "users": []}},
    "flush-ruleset": {"loaders": [loader("nftables", flushes=["/etc/nftables.conf"])]},
    "unread": {"unread": ["table inet x: nft was ended by SIGSEGV"]},
    **{name: {"loaders": [loader(name)]} for name in ("ufw", "firewalld", "netfilter-persistent", "shorewall", "ferm")},
    "docker": {"loaders": [loader("docker", active=False)]},
    "kube-proxy": {"loaders": [loader("kube-proxy", active=False)]},
}


def test_a_quiet_host_has_no_findings() -> None:
    assert findings(QUIET, Decisions("enforce")) == []


@pytest.mark.parametrize("check", [check.name for check in CHECKS])
def test_each_check_finds_what_it_is_about_and_nothing_else(check: str) -> None:
    rows = findings({**QUIET, **FOUND[check]}, Decisions("enforce", interfaces=("docker*",)))
    assert [one.name for one in rows] == [check]
    assert all((rows[0].what, rows[0].meaning, rows[0].fix))


@pytest.mark.parametrize(
    ("facts", "decided"),
    [
        (FOUND["notrack"], {"untracked": True}),
        ({"iptables": [{**SAVED, "notrack": ["-A OUTPUT -p udp -j CT --notrack"]}]}, {"untracked": True}),
        (FOUND["containers"], {"containers": True}),
        ({"loaders": [loader("docker")]}, {"containers": True}),
    ],
)
def test_enforce_is_stopped_until_it_is_decided_and_observe_never(facts: Any, decided: dict[str, Any]) -> None:
    facts = {**QUIET, **facts}
    for decisions, count in (
        (Decisions("enforce"), 1),
        (Decisions("enforce", **decided), 0),
        (Decisions("observe"), 0),
    ):
        assert len(blockers(findings(facts, decisions), decisions)) == count


def test_interfaces_matter_where_containers_are_filtered_and_no_pattern_has_them() -> None:
    facts = {**QUIET, **FOUND["uncovered-interfaces"]}
    (finding,) = findings(facts, Decisions(interfaces=("docker0", "br-*")))
    assert finding.what == "this host forwards what lab0 sends"
    assert findings(facts, Decisions(interfaces=("docker0", "lab*"))) == []
    assert findings(facts, Decisions()) == []


def test_a_nearly_full_connection_table_is_told_with_its_numbers() -> None:
    (finding,) = findings({**QUIET, "conntrack": {"count": 800, "max": 1000, "users": []}}, Decisions())
    assert "800 of 1000" in finding.what
    assert findings({**QUIET, "conntrack": {"count": 799, "max": 1000, "users": []}}, Decisions()) == []
    assert findings({**QUIET, "conntrack": {"count": None, "max": None, "users": []}}, Decisions()) == []


@pytest.mark.parametrize(
    ("text", "flushes"),
    [
        ("#!/usr/sbin/nft -f\nflush ruleset\n", True),
        ("  flush   ruleset; table inet x {}\n", True),
        ("# flush ruleset\ntable inet x\ndelete table inet x\n", False),
        ("flush table inet x\n", False),
    ],
)
def test_a_configuration_that_flushes_everybody_is_seen(text: str, flushes: bool, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nftables.conf").write_text(text)
    assert loaders.flushing_files(HostFiles(str(tmp_path))) == (("/etc/nftables.conf",) if flushes else ())
