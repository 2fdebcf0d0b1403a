# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs beside sets that packets have filled: they are as without, and no nft reads the elements."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import namespace as namespaces
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.counted_elements import dynamic_elements
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import mirror
from ansible_collections.tidegate.nftables.tests.support.namespaces import OWN

from .conftest import Lab

FILLED = 2 * mirror.FEW


def table(*, address: str = "192.0.2.1", port: int = 80, size: int = 65535) -> dict[str, Any]:
    seen = {"typeof": "ip daddr . th dport", "flags": ["dynamic", "timeout"], "timeout": "1d", "size": size}
    return {
        "name": "t",
        "sets": [
            {"name": "allowed", "type": "ipv4_addr", "flags": ["interval"], "elements": [address, "198.51.100.0/24"]},
            {"name": "seen", "counter": True, **seen},
        ],
        "chains": [
            {
                "name": "c",
                "type": "filter",
                "hook": "output",
                "priority": 0,
                "rules": [
                    'tcp dport 22 counter accept comment "first"',
                    f"tcp dport {{ {port}, 443 }} ip daddr @allowed counter accept",
                    "meta l4proto udp update @seen { ip daddr . th dport }",
                ],
            }
        ],
    }


@pytest.fixture
def filled(lab: Lab) -> Lab:
    """A lab whose table has a set that packets have filled, and a counter that counts."""
    lab.run(table())
    (first, *_rest) = lab.rules("c")
    counted = first.canon.replace("counter", "counter packets 7 bytes 9")
    lab.load(f"replace rule inet t c handle {first.handle} {counted}")
    elements = ", ".join(f"100.64.{number >> 8}.{number & 255} . 53" for number in range(FILLED))
    lab.load(f"add element inet t seen {{ {elements} }}")
    return lab


@pytest.mark.parametrize("changed", [{"address": "192.0.2.9"}, {"port": 8080}, {"address": "192.0.2.9", "port": 8080}])
def test_a_change_beside_filled_sets_touches_nothing_else(filled: Lab, changed: dict[str, Any]) -> None:
    before = [rule.handle for rule in filled.rules("c")]
    filled.predicted(table(**changed))
    after = filled.rules("c")
    assert "packets 7 bytes 9" in filled.listing("table", "inet", "t")
    assert dynamic_elements("inet", "t") == FILLED
    assert [rule.handle in before for rule in after] == [True, "port" not in changed, True]


@pytest.mark.parametrize("changed", [{"port": 8080}, {"address": "192.0.2.9", "port": 8080}])
def test_nft_reads_no_element_that_packets_added(
    filled: Lab, changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, start = OWN.readlink(), subprocess.run
    started: list[tuple[str, ...]] = []

    def run(command: list[str], *, check: bool = False, **options: Any) -> Any:
        if OWN.readlink() == here:
            started.append(tuple(command[1:2]))
        return start(command, check=check, **options)

    monkeypatch.setattr(subprocess, "run", run)
    for check in (True, False):
        assert filled.run(table(**changed), check=check).changed
    # 0.9.8 reads all elements before it adds or deletes one, so what it would do is done without it.
    reads = filled.version < (1,) and "address" in changed
    assert {words for words in started if words != ("--version",)} == (set() if reads else {("-f",)})
    assert OWN.readlink() == here


def test_a_process_that_may_make_no_namespace_works_without(filled: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str, *_arguments: int) -> None:
        raise PermissionError(1, "not allowed")

    monkeypatch.setattr(namespaces, "_call", refuse)
    filled.predicted(table(port=8080))
    assert dynamic_elements("inet", "t") == FILLED


def test_a_set_that_is_made_anew_keeps_what_packets_put_into_it(filled: Lab) -> None:
    filled.predicted(table(size=60000))
    assert "size 60000" in filled.listing("set", "inet", "t", "seen")
    assert dynamic_elements("inet", "t") == FILLED


def test_an_error_is_the_one_of_a_run_without(filled: Lab, lab: Lab) -> None:
    wrong = table()
    wrong["chains"][0]["rules"].append("ip daddr @nothing accept")
    with pytest.raises(Exception, match="nothing") as beside:
        filled.run(wrong)
    lab.load("flush set inet t seen")
    with pytest.raises(Exception, match="nothing") as alone:
        lab.run(wrong)
    assert str(beside.value) == str(alone.value)
