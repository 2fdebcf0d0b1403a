# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name servers of the host in the rules of its fail-safe table."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import host_floor
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import resolvers

RULES = ["ct state established accept", "udp dport 53 ip daddr @resolvers4 accept", "ip6 daddr @resolvers6 accept"]


@pytest.fixture
def resolv_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "resolv.conf"
    monkeypatch.setattr(resolvers, "FILE", str(path))
    return path


def test_rules_name_the_servers_of_the_host_and_nobody_else(resolv_conf: Path) -> None:
    resolv_conf.write_text("nameserver 192.0.2.1\nnameserver 192.0.2.2\n")
    assert host_floor.of_host(RULES) == [RULES[0], "udp dport 53 ip daddr { 192.0.2.1, 192.0.2.2 } accept"]
    resolv_conf.write_text("nameserver 2001:db8::1\n")
    assert host_floor.of_host(RULES) == [RULES[0], "ip6 daddr { 2001:db8::1 } accept"]


def test_a_host_whose_servers_nobody_asks_for_needs_none(resolv_conf: Path) -> None:
    assert host_floor.of_host(RULES[:1]) == RULES[:1]
