# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change in the words of the table, where the controller cannot say more."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.request import description


def rule(action: str, chain: str, **more: str) -> dict[str, Any]:
    return {"kind": "rule", "action": action, "chain": chain, **more}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ([rule("add", "egress_allow", comment="erp")], "opened erp"),
        ([rule("delete", "egress_allow", comment="erp")], "closed erp"),
        ([rule("delete", "egress_allow", comment="a"), rule("add", "egress_allow", comment="a")], "changed a"),
        ([{"kind": "element", "action": "add", "set": "allow_erp4", "count": 1}], "changed erp"),
        ([{"kind": "element", "action": "add", "set": "inbound_ssh.1.6", "count": 1}], "changed ssh"),
        ([rule("delete", "egress_never", comment="never 1")], "changed egress_never"),
        (
            [
                rule("delete", "egress_denied", text="goto egress_observed"),
                rule("add", "egress_denied", text="goto egress_enforced"),
            ],
            "mode enforce",
        ),
        ([{"kind": "table", "action": "add", "name": "tidegate"}, rule("add", "x")], "the whole table was loaded"),
        ([rule("add", "egress_output")], "the table changed"),
        ([], "no change"),
    ],
)
def test_each_change_is_named(changes: list[dict[str, Any]], text: str) -> None:
    assert description(changes) == text
