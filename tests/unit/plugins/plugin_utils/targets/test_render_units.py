# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of one unit mean the same, and units have names of their own."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, registry, render_units
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry

SETTINGS = {"namespace": "shop", "labels": {"tier": "app"}}
API: dict[str, Any] = {"egress_allow_app": [entry()]}


def part(host: str, target: str = "kubernetes", unit: str | None = None, **changes: Any) -> dict[str, Any]:
    variables = {"egress_kubernetes": SETTINGS, "egress_unit": unit, **changes}
    resolved = build(**{**API, **changes})
    return {**host_contribution.contribution(resolved, registry.target(target), variables, NOTHING), "host": host}


def errors(*parts: dict[str, Any]) -> list[str]:
    with pytest.raises(policy.PolicyErrors) as raised:
        render_units.render_units(parts)
    return [str(error).partition(". Fix:")[0] for error in raised.value.errors]


def test_hosts_that_mean_the_same_are_one_unit() -> None:
    (unit,) = render_units.render_units([part("app1"), part("app2")])
    assert (unit.name, unit.hosts, unit.file) == ("app", ("app1", "app2"), "tidegate-app.yaml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"egress_floor_without": ["dns"]}, "have different egress_floor_without"),
        ({"egress_mode": "observe"}, "have different egress_mode"),
        ({"egress_kubernetes": {**SETTINGS, "namespace": "other"}}, "have different settings"),
        ({"egress_never": [{"to": "198.51.100.9"}]}, "do not mean the same by egress_never"),
        ({"egress_allow_app": [entry(services=["http"])]}, "do not mean the same by api"),
    ],
)
def test_hosts_that_differ_are_an_error(changes: dict[str, Any], message: str) -> None:
    settings = changes.get("egress_kubernetes", SETTINGS)
    other = {**changes, "egress_kubernetes": settings}
    assert errors(part("app1"), part("app2", **other)) == [f"unit app: app1 and app2 {message}"]


def test_hosts_with_different_tables_are_an_error() -> None:
    different = part("app2", "nftables", egress_allow_app=[entry(services=["http"])])
    assert errors(part("app1", "nftables"), different) == ["unit app: app1 and app2 have different policies"]


def test_names_that_a_target_could_not_tell_apart_are_an_error() -> None:
    message = "unit App_1: has the same name as unit app-1 where capitals and underscores do not count"
    assert errors(part("a", unit="app-1"), part("b", unit="App_1")) == [message]
    assert len(render_units.render_units([part("a", unit="app-1"), part("b", unit="app-2")])) == 2


def test_a_target_that_cannot_observe_says_so() -> None:
    (unit,) = render_units.render_units([part("app1", egress_mode="observe")])
    assert unit.notices == ("kubernetes cannot observe: the file is that of mode enforce",)
    (enforced,) = render_units.render_units([part("app1")])
    assert enforced.notices == ()
    (table,) = render_units.render_units([part("app1", "nftables", egress_mode="observe")])
    assert table.notices == ()
