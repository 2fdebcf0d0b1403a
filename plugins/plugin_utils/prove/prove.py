# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's policy against the packets that were tried from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy

from .cells import cells
from .flows import ANSWERED, REFUSED, Flow, Tried
from .sentences import check

CAUSES = {
    "floor": "the floor",
    "never": "egress_never",
    "unlisted": "nothing allows it",
    "absent": "there is no policy",
}


def probes(flows: Sequence[Flow]) -> list[dict[str, Any]]:
    """Return what the module egress_probe is asked to try, in the same order."""
    return [
        {"to": flow.address, "protocol": flow.protocol, "port": flow.port, "user": flow.user, "name": flow.destination}
        for flow in flows
    ]


def tried(resolved: policy.ResolvedPolicy, flows: Sequence[Flow], results: Sequence[Mapping[str, Any]]) -> list[Tried]:
    """Put what the policy says beside what became of each packet; ``results`` are the module's, in the same order."""
    return [_tried(resolved, flow, str(result["outcome"])) for flow, result in zip(flows, results, strict=True)]


def _tried(resolved: policy.ResolvedPolicy, flow: Flow, outcome: str) -> Tried:
    verdict = policy.decide(resolved, policy.Flow(flow.address, flow.protocol, flow.port, flow.user))
    because = f"entry {verdict.entry}" if verdict.entry else CAUSES[verdict.cause]
    return Tried(flow, verdict.allowed, verdict.rejected, because, outcome)


def proof(resolved: policy.ResolvedPolicy, packets: Sequence[Tried]) -> dict[str, Any]:
    """Return what the action egress_prove returns: counts, cells, differences, tests."""
    enforcing = resolved.mode == "enforce"
    checked = check(resolved.tests, packets) if enforcing else []
    return {
        "mode": resolved.mode,
        "tier": resolved.tier,
        "flows": len(packets),
        "allowed": sum(one.allowed for one in packets),
        "answered": sum(one.outcome == ANSWERED for one in packets),
        "refused": sum(one.outcome == REFUSED for one in packets),
        "would_be_refused": sum(one.refused for one in packets if one.allowed),
        "differences": [str(one) for one in packets if not one.agrees],
        "tests": len(checked),
        "complaints": [test.complaint for test in checked if test.complaint],
        "cells": [asdict(cell) for cell in cells(packets)],
    }
