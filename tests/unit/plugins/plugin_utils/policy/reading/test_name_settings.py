# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host opens names: each setting, and that none of them seems to protect where it does nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, errors

RESOLVER: dict[str, Any] = {"egress_names": "resolver", "egress_dns_servers": ["10.0.0.53"]}


@pytest.mark.parametrize(("written", "seconds"), [(90, 90), ("90", 90), ("90s", 90), ("10m", 600), ("1h", 3600)])
def test_times_are_seconds_or_have_a_unit(written: Any, seconds: int) -> None:
    assert build(egress_names_floor=written).names.floor == seconds
    assert build(egress_names_grace=written).names.grace == seconds


@pytest.mark.parametrize("written", [True, "1y", "", "h", -1, "1.5h", 59, "8d", ["1h"]])
def test_what_is_no_time_is_an_error(written: Any) -> None:
    (message,) = errors(egress_names_floor=written)
    assert message.startswith("egress_names_floor: ")
    assert "is not a length of time from 60 s to 7 days. Fix: write seconds, or a number with" in message


def test_defaults() -> None:
    names = build().names
    assert (names.feeder, names.floor, names.grace, names.keep, names.resolving) == ("none", 3600, 120, "used", "any")


@pytest.mark.parametrize(
    "changes",
    [
        {"egress_names": "resolver"},
        {"egress_names": "periodic"},
        {**RESOLVER, "egress_floor_without": ["dns"]},
    ],
)
def test_who_fills_sets_needs_servers_to_ask(changes: dict[str, Any]) -> None:
    (message,) = errors(**changes)
    assert message.startswith("egress_names: ")
    assert "asks the servers in egress_dns_servers, and none are named" in message


@pytest.mark.parametrize(
    "changes",
    [
        {"egress_dns_names": "only"},
        {"egress_dns_allow": ["pool.ntp.org"]},
        {"egress_dns_inside": {".corp.example": ["10.0.0.0/8"]}},
    ],
)
def test_what_only_the_resolver_does_is_an_error_without_it(changes: dict[str, Any]) -> None:
    (message,) = errors(**changes)
    assert "is for the resolver of the host. Fix: set egress_names: resolver" in message
    assert errors(**RESOLVER, **changes) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"egress_names": "hosts"}, 'egress_names: unknown value "hosts"'),
        ({"egress_names_keep": "long"}, 'egress_names_keep: unknown value "long"'),
        ({"egress_dns_allow": ["*.com"]}, "is every name of a top-level domain"),
        ({"egress_dns_inside": {".corp.example": ["internal"]}}, '"internal" is not a network'),
        ({"egress_dns_inside": {"corp": ["10.0.0.0/8"]}}, "is a single label"),
        ({"egress_dns_inside": [".corp.example"]}, "is not a mapping"),
    ],
)
def test_errors_name_the_variable(changes: dict[str, Any], message: str) -> None:
    (error,) = errors(**{**RESOLVER, **changes})
    assert message in error
