# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes to prove a fleet: what each host reaches, its tests, and whether a base let more through."""

from __future__ import annotations

import time

import pytest

from ansible_collections.tidegate.nftables.tests.bench.fleet import fleet, prove

HOSTS, TIERS, ENTRIES = 500, 4, 200


@pytest.mark.parametrize(("own", "seconds"), [(False, 5.0), (True, 20.0)], ids=["tiers", "every host another policy"])
def test_a_fleet_is_proven(own: bool, seconds: float, capsys: pytest.CaptureFixture[str]) -> None:
    policies = fleet(HOSTS, TIERS, ENTRIES, own=own)
    start = time.perf_counter(), time.process_time()
    reached = prove(policies)
    took, computed = time.perf_counter() - start[0], time.process_time() - start[1]
    with capsys.disabled():
        different = len(set(reached.values()))
        sizes = f"{HOSTS} hosts, {TIERS} tiers, {ENTRIES} entries each, {different} different"
        print(f"\n{sizes}: {took:.2f} s, of which {computed:.2f} s computing")
    assert different == (HOSTS if own else TIERS)
    assert took < seconds
