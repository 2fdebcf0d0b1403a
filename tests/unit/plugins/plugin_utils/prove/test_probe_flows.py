# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which flows are tried, and when a packet agrees with the policy."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.probe_flows import (
    ProbeFlow,
    ProbeResult,
    probe_flows,
)


def test_every_combination_is_tried_once() -> None:
    result = probe_flows({"a": ["2001:db8::1", "192.0.2.1"], "b": ["192.0.2.2"]}, [443, 53, 53], ["root", "payd"])
    assert len(result) == len(set(result)) == (2 + 1) * 2 * 2 * 2
    assert result[0] == ProbeFlow("a", "192.0.2.1", "tcp", 53, "root")
    assert {flow.family for flow in result if flow.destination == "a"} == {"v4", "v6"}


@pytest.mark.parametrize(
    ("allowed", "outcome", "agrees"),
    [
        (True, "answered", True),
        (True, "refused", False),
        (True, "silent", False),
        (True, "failed", False),
        (False, "refused", True),
        (False, "answered", False),
        (False, "silent", False),  # a refusal is told at once
        (False, "failed", False),  # nothing was sent, so nothing was refused
    ],
)
def test_what_agrees(allowed: bool, outcome: str, agrees: bool) -> None:
    tried = ProbeResult(ProbeFlow("a", "192.0.2.1", "tcp", 53, "root"), allowed, not allowed, "entry x", outcome)
    assert tried.agrees is agrees
    assert outcome in str(tried)
    assert "entry x" in str(tried)
