# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action adds to the answers of a host; tests/integration/role has the whole of it."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.action.egress_apply import units_named
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry


def test_a_host_that_knows_no_units_is_told_where_the_policy_names_them() -> None:
    entries = [entry(name=f"e{number}", units=[f"{number}.service"]) for number in range(9)]
    resolved = build(
        egress_allow_app=[*entries, entry(name="other")],
        egress_never=[{"to": "192.0.2.1", "except_units": ["a.slice"]}],
    )
    assert units_named(resolved) == ["egress_allow_app[e0]", "egress_allow_app[e1]", "egress_allow_app[e2]"]
    assert units_named(build(egress_never=[{"to": "192.0.2.1", "except_units": ["a.slice"]}])) == ["egress_never[0]"]
    assert units_named(build(egress_allow_app=[entry()])) == []
