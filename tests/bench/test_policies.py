# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller takes for one policy, and for the targets of one: seconds of processor time."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import process_time

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.aws.join_networks import join
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.compare import other_differences
from ansible_collections.tidegate.nftables.tests.bench.summary import ROWS, Row
from ansible_collections.tidegate.nftables.tests.support.controller import Controller
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.aws.test_join_networks import (
    scattered,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.test_growth import (
    TARGETS,
    apart,
    fleet,
    large,
    owned,
    rendered,
)

PREFIXES = 9_000
LIMITS = {"build": 1, "Kubernetes": 2, "AWS": 2}
"""Seconds to reach."""


def seconds(function: Callable[[], object], tries: int = 3) -> float:
    """Return the least processor time of some tries."""
    took = []
    for _try in range(tries):
        begin = process_time()
        function()
        took.append(process_time() - begin)
    return min(took)


def timed(function: Callable[[int], object], sizes: Sequence[int]) -> dict[int, float]:
    """Return the seconds for each size."""
    return {size: seconds(partial(function, size)) for size in sizes}


def row(what: str, sizes: Mapping[int, float], limit: float) -> None:
    """Note how long the largest size takes, beside the smallest: linear is their ratio."""
    (small, few), (large, many) = min(sizes.items()), max(sizes.items())
    ours = " / ".join(f"{each:.2f}" for each in sizes.values()) + " s"
    named = what.format(" / ".join(f"{size:,}" for size in sizes))
    linear = f"{large // small} times {few:.2f} s"
    ROWS.append(Row(named, ours, linear, many / (few * large / small), f"< {limit:g} s, linear", many < limit))
    assert many < limit


def test_one_policy_of_many_entries() -> None:
    def made(count: int) -> ResolvedPolicy:
        return build(egress_allow_app=[{**apart(number), "services": ["tcp/8443"]} for number in range(count)])

    row("building one policy: {} entries of one port", timed(made, (250, 500, 1000, 2000)), 1)


def test_patterns_of_hosts(tmp_path: Path) -> None:
    took = {}
    for hosts in (50, 100, 200):
        folder = tmp_path / str(hosts)
        folder.mkdir()
        project = fleet(folder, hosts)

        def policies(given: Controller = project, answer: Path = folder / "policies.json") -> None:
            assert "msg" not in given.run("h0", "egress_plan", {"write_policies": str(answer)})

        took[hosts] = seconds(policies, tries=1)
    row("policies with `hosts:` patterns: {} hosts", took, 2)


def test_verifying_users() -> None:
    row("verifying a right host: {} users", timed(lambda users: other_differences(*owned(users)), (64, 640)), 5)


def test_joining_networks() -> None:
    row("AWS quota join: {} networks", timed(lambda networks: join([scattered(networks)], 60), (250, 1000)), 0.2)


@pytest.mark.parametrize("name", LIMITS)
def test_a_large_prefix_list_in_twenty_entries(name: str) -> None:
    """In a process of its own, whose memory counts."""
    done = subprocess.run([sys.executable, "-m", __name__, name], stdout=subprocess.PIPE, text=True, check=True)
    took, megabytes = map(float, done.stdout.split())
    limit = LIMITS[name]
    fits = took < limit and megabytes < 200
    what = f"{PREFIXES:,} prefixes in 20 entries: {name}"
    ROWS.append(Row(what, f"{took:.2f} s, {megabytes:.0f} MB", "", None, f"< {limit:g} s, < 200 MB", fits))
    assert fits


def main(name: str) -> None:
    """Print the seconds and megabytes of the build, or of a target's file."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = process_time()
    resolved = large(PREFIXES, 20)
    if name in TARGETS:
        begin = process_time()
        rendered(name, resolved)
    took = process_time() - begin
    print(took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


if __name__ == "__main__":
    main(sys.argv[1])
