# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables that crash an older nft are found without it, and the preflight names them."""

from __future__ import annotations

import os

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import typed_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight import facts
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.findings import (
    Decisions,
    blockers,
    findings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.host_files import HostFiles
from ansible_collections.tidegate.nftables.tests.support.nft import NftCommand, binaries
from ansible_collections.tidegate.nftables.tests.support.waiting import run

# What is in a table -> what crashes on it where nft 1.1.3 wrote it, and where nft 1.0.6 did.
BOTH, FIRST, NONE = {"0.9.8", "1.0.6"}, {"0.9.8"}, set[str]()
WRITTEN = {
    "set s { type ipv4_addr; }": (BOTH, NONE),
    'set s { type ipv4_addr; flags interval; comment "mine"; }': (BOTH, NONE),
    "map m { type inet_service : verdict; }": (BOTH, NONE),
    "map m { type ipv4_addr : mark; }": (BOTH, NONE),
    "chain c { tcp dport vmap { 22 : accept }\n}": (BOTH, FIRST),
    "set s { typeof ip daddr . meta l4proto . th dport; }": (NONE, NONE),
    "set s { typeof ip daddr . meta skuid; flags dynamic; size 9; }": (NONE, NONE),
    "chain c { tcp dport { 22, 23 } ip saddr { 10.0.0.0/8 } accept\n}": (NONE, NONE),
    'chain c { accept comment "none"\n}': (NONE, NONE),
}


@pytest.mark.parametrize("text", WRITTEN)
@pytest.mark.parametrize("writer", ["1.1.3", "1.0.6"])
def test_what_crashes_an_older_nft_is_found(text: str, writer: str) -> None:
    NftCommand(binaries()[writer]).load(f"table inet banned {{\n {text}\n}}\ntable ip other {{\n}}\n")
    readers = {version: run([str(path), "list", "tables"], check=False) for version, path in binaries().items()}
    crashes = {version for version, listing in readers.items() if listing.returncode < 0}
    assert crashes == WRITTEN[text][writer == "1.0.6"]
    for version in ("0.9.8", "1.0.6"):
        assert typed_tables.names(version) == ([("inet", "banned")] if version in crashes else [])


@pytest.mark.parametrize("mode", ["observe", "enforce"])
@pytest.mark.parametrize("version", ["0.9.8", "1.0.6", "1.1.3"])
def test_the_preflight_stops_before_an_nft_that_crashes(
    version: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{binaries()[version].parent}:{os.environ['PATH']}")
    NftCommand(binaries()["1.1.3"]).load("table ip crowdsec {\n set s { type ipv4_addr; }\n}\n")
    against = blockers(findings(facts.gather(HostFiles("/nonexistent")), Decisions(mode)), Decisions(mode))
    if version == "1.1.3":
        assert against == []
        return
    (crash,) = against
    assert str(crash).startswith(
        f"nft {version} crashes on every listing: a newer nft wrote table ip crowdsec (CrowdSec). "
    )
    assert "Fix: install nft 1.1 or later" in str(crash)
