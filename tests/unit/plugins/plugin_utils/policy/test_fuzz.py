# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in the variables: a policy, or readable errors. ResolvedNever a traceback."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import INVENTORY, VARIABLES

TEXTS = [
    *(
        "",
        " ",
        "\n",
        "any",
        "internal",
        "internet",
        "hosts:",
        "hosts:mirror",
        "hosts:zzz",
        "group:mirror",
        "group:",
        "tier:database",
        "tier:zzz",
        "10.0.0.1",
        "10.0.0.0/8",
        "10.0.0.0/8/8",
    ),
    *(
        "1-2",
        "-",
        "/",
        ":",
        "::",
        "::/0",
        "fe80::1%lo",
        "%",
        "a.b",
        "*.a",
        "https",
        "tcp/",
        "tcp/1",
        "tcp/9-1",
        "tcp/²",
        "proto/1",
    ),
    *(
        "proto/",
        "web",
        "none",
        "observe",
        "2027-01-01",
        "é",
        "\x00",
        "x" * 300,
        "prefix_list:x",
        "http://",
        "[::1]:1",
        "10.0.0.1:٣",
    ),
]
KEYS = [
    *(
        "name",
        "to",
        "from",
        "except",
        "services",
        "users",
        "units",
        "for",
        "expires",
        "review_by",
        "reason",
        "owner",
        "optional",
    ),
    *(
        "reach",
        "not_reach",
        "user",
        "except_users",
        "except_units",
        "unit",
        "extends",
        "allow",
        "ceiling",
        "internal",
        "external",
        "any",
        "never",
    ),
    *("widest", "most", "ipv4", "ipv6", "internal_services"),
]
scalars = st.one_of(
    st.sampled_from(TEXTS),
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.text(max_size=6),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.sampled_from(TEXTS), st.integers()), inner, max_size=4),
    ),
    max_leaves=12,
)
entry = st.fixed_dictionaries(
    {"name": st.one_of(st.just("x"), anything), "to": anything, "services": anything},
    optional=dict.fromkeys((key for key in KEYS if key not in ("name", "to", "services")), anything),
)
names = [name.replace("*", "x") for name in datafiles.load("variables")]


def check(variables: dict[str, Any]) -> None:
    try:
        resolved = policy.build(variables, INVENTORY, today=dt.date(2026, 11, 20))
    except policy.PolicyErrors as raised:
        errors = raised
    else:
        compile_table(resolved)
        return
    assert str(errors).endswith("Nothing was changed.")
    assert all(error.where and error.cause for error in errors.errors)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*names, "egress_zzz"]), anything, max_size=4))
def test_anything_in_any_variable(variables: dict[str, Any]) -> None:
    check({**VARIABLES, **variables})


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["allow_x", "allow_base", "ceiling_raise_x", "tests_x", "never", "inbound_allow", "deny_quietly"]),
    entry,
)
def test_anything_in_an_entry(name: str, written: dict[str, Any]) -> None:
    check({**VARIABLES, f"egress_{name}": [written]})


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["app", "own", "x"]), anything, max_size=2), st.sampled_from(["app", "own", "x"])
)
def test_anything_in_a_tier(tiers: dict[str, Any], tier: str) -> None:
    check({**VARIABLES, "egress_tier": tier, "egress_tiers": tiers})
