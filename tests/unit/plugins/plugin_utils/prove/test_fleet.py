# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many policies at once."""

from __future__ import annotations

import time
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.fleet import Fleet
from ansible_collections.tidegate.nftables.tests.bench.fleet import fleet, prove


def test_a_fleet_is_proven_quickly() -> None:
    # A fifth of the fleet that tests/bench proves, in a fifth of its time; computing time, since a machine may be busy.
    policies = fleet(100, 4, 200, own=False)
    start = time.process_time()
    reached = prove(policies)
    assert time.process_time() - start < 1
    assert len(set(reached.values())) == 4


def test_hosts_of_one_policy_are_not_taken_for_others() -> None:
    policies = fleet(4, 2, 8, own=True)
    proven = Fleet(policies)
    for host, resolved in policies.items():
        assert proven.reach(host) == policy.passing(resolved, may=True)
    twin = replace(policies["host0"], host="twin")
    narrower = replace(twin, entries=twin.entries[1:])
    proven = Fleet({"host0": policies["host0"], "twin": twin, "narrower": narrower})
    assert proven.reach("host0") is proven.reach("twin")
    assert not proven.reach("twin") <= proven.reach("narrower")
