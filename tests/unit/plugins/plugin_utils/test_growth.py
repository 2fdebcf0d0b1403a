# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing takes time by the square of what people write: four times as much takes at most ten times as long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.compare import compare
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.markdown import markdown
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.model import HostPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import passing
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, render_units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.aws import security_group
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.kubernetes import network_policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import Target
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.compare import other_differences
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.ruleset import LiveRuleset
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.support.controller import Controller
from ansible_collections.tidegate.nftables.tests.support.growth import growth
from ansible_collections.tidegate.nftables.tests.support.meshes import SHAPES, mesh
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.random_units import KUBERNETES
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.verify.listings import (
    ACCEPT,
    match,
    meta,
    port,
    table,
)

LIMIT = 10
"""Linear is 4, with logarithms 5 to 7, quadratic 16."""


def apart(number: int) -> dict[str, Any]:
    """Return an entry that has nothing to do with any other."""
    return entry(name=f"e{number}", to=[f"203.0.{number // 200}.{number % 200}"], services=[f"tcp/{20000 + number}"])


def overlapping(number: int) -> dict[str, Any]:
    """Return an entry to everything inside, as those of many topics are."""
    return entry(name=f"e{number}", to=["internal"], services=[f"tcp/{20000 + number}-{20010 + number}"])


def variables(each: Callable[[int], dict[str, Any]]) -> Callable[[int], dict[str, Any]]:
    return lambda count: {"egress_allow_app": [each(number) for number in range(count)]}


def plan(policies: tuple[ResolvedPolicy, ResolvedPolicy]) -> str:
    before, after = ({"host": HostPolicy(resolved)} for resolved in policies)
    return markdown(compare(before, after, name="main"))


def changed(entries: int) -> tuple[ResolvedPolicy, ResolvedPolicy]:
    base = mesh("mesh", entries, users=50)
    return base, replace(base, entries=base.entries[1:])


def owned(users: int) -> tuple[ResolvedPolicy, LiveRuleset]:
    """Return a policy with an entry for each user, and a table with a rule for each."""
    uids = range(1000, 1000 + users)
    allow = [entry(name=f"u{uid}", to=[f"203.0.113.{uid % 200}"], users=[str(uid)]) for uid in uids]
    rules = [[match(meta("skuid"), uid), port(uid), ACCEPT] for uid in uids]
    return build(egress_allow_app=allow), LiveRuleset([table(rules)], {}, 0.0)


def large(prefixes: int, entries: int = 4) -> ResolvedPolicy:
    """Return a policy with a prefix list of so many networks, which each entry names."""
    networks = addresses.union(
        addresses.parse(f"{16 + n // 4096}.{n // 16 % 256}.{n % 16 * 16}.0/22") for n in range(prefixes)
    )
    allow = [entry(name=f"e{n}", to=["prefix_list:big"], services=[f"tcp/{20000 + n}"]) for n in range(entries)]
    world = FixedInventory(lists={"big": feeds.PrefixListResult("big", networks)})
    return build(world, egress_allow_app=allow, egress_prefix_lists={"big": {"file": "x"}})


TARGETS: Mapping[str, tuple[Target, dict[str, Any]]] = {
    "Kubernetes": (network_policy.TARGET, {"egress_kubernetes": KUBERNETES}),
    "AWS": (
        security_group.TARGET,
        {"egress_aws": {"vpc_id": "vpc-0a1b2c3d", "rules": 1000, "groups": 1}, "egress_approximate": {"aws": "wider"}},
    ),
}


def rendered(name: str, resolved: ResolvedPolicy) -> None:
    """Render a target. AWS has no room for so many rules, which is its answer after every join was tried."""
    with suppress(PolicyErrors):
        render_units.render_units([host_contribution.contribution(resolved, *TARGETS[name], NOTHING)])


ROWS: Mapping[str, tuple[int, Callable[[int], Any], Callable[[Any], object]]] = {
    "building entries apart": (100, variables(apart), lambda given: build(**given)),
    "building entries that overlap": (100, variables(overlapping), lambda given: build(**given)),
    "compiling": (200, lambda count: build(**variables(apart)(count)), compile_table),
    "Kubernetes": (50, lambda count: build(**variables(apart)(count)), partial(rendered, "Kubernetes")),
    "building a large prefix list": (1000, lambda count: count, large),
    **{f"a large prefix list, {name}": (250, large, partial(rendered, name)) for name in TARGETS},
    "verifying users": (50, owned, lambda given: other_differences(*given)),
    "planning": (50, changed, plan),
    **{f"passing, {shape}": (50, partial(mesh, shape, users=50), passing) for shape in SHAPES},
}
"""What it is -> (a size, what makes an input of a size, what is measured)."""


@pytest.mark.parametrize("row", ROWS)
def test_four_times_as_much_takes_about_four_times_as_long(row: str) -> None:
    size, make, run = ROWS[row]
    assert growth(make, run, size, LIMIT) < LIMIT


def fleet(folder: Path, hosts: int) -> Controller:
    """Return a project whose every host names all of them by a pattern."""
    names = {f"h{number}": {"ansible_host": f"10.0.{number // 200}.{number % 200}"} for number in range(hosts)}
    allow = [entry(name="all", to=["hosts:all"], services=["tcp/9100"]), entry(name="one", to=["hosts:h0"])]
    written = {"egress_tier": "app", "egress_internal_networks": ["10.0.0.0/8"], "egress_allow_app": allow}
    return Controller(folder, {"all": {"hosts": names, "vars": written}})


def test_a_fleet_takes_time_by_its_hosts(tmp_path: Path) -> None:
    def project(hosts: int) -> tuple[Controller, Path]:
        folder = tmp_path / f"{hosts}-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        return fleet(folder, hosts), folder / "policies.json"

    def policies(given: tuple[Controller, Path]) -> None:
        controller, answer = given
        assert "msg" not in controller.run("h0", "egress_plan", {"write_policies": str(answer)})

    assert growth(project, policies, 25, LIMIT, tries=2) < LIMIT
