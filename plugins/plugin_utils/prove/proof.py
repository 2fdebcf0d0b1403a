# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of one host: its policy beside the outcomes of real packets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy

from .cells import cells
from .packet_tests import packet_tests
from .probe_flows import ANSWERED, REFUSED, ProbeFlow, ProbeResult

CAUSES = {
    "resolvers": "only the host knows its name servers",
    "floor": "the floor",
    "never": "egress_never",
    "unlisted": "no entry allows it",
    "absent": "there is no policy",
}


def probes(flows: Sequence[ProbeFlow]) -> list[dict[str, Any]]:
    """Return the flows as the module egress_probe takes them, in the same order."""
    return [
        {"to": flow.address, "protocol": flow.protocol, "port": flow.port, "user": flow.user, "name": flow.destination}
        for flow in flows
    ]


def probe_results(
    resolved: policy.ResolvedPolicy, flows: Sequence[ProbeFlow], outcomes: Sequence[Mapping[str, Any]]
) -> list[ProbeResult]:
    """Return each flow with its verdict and outcome. outcomes: the module's results, in the order of the flows."""
    return [
        _probe_result(resolved, flow, str(outcome["outcome"])) for flow, outcome in zip(flows, outcomes, strict=True)
    ]


def _probe_result(resolved: policy.ResolvedPolicy, flow: ProbeFlow, outcome: str) -> ProbeResult:
    verdict = policy.decide(resolved, policy.Flow(flow.address, flow.protocol, flow.port, flow.user))
    because = f"entry {verdict.entry}" if verdict.entry else CAUSES[verdict.cause]
    return ProbeResult(flow, verdict.allowed, verdict.rejected, because, outcome)


def proof(resolved: policy.ResolvedPolicy, results: Sequence[ProbeResult]) -> dict[str, Any]:
    """Return the result of the action egress_prove: counts, cells, differences, tests."""
    enforcing = resolved.mode == "enforce"
    tests = packet_tests(resolved.tests, results) if enforcing else []
    return {
        "mode": resolved.mode,
        "tier": resolved.tier,
        "flows": len(results),
        "allowed": sum(result.allowed for result in results),
        "answered": sum(result.outcome == ANSWERED for result in results),
        "refused": sum(result.outcome == REFUSED for result in results),
        "would_be_refused": sum(result.rejected for result in results if result.allowed),
        "differences": [str(result) for result in results if not result.agrees],
        "tests": len(tests),
        "complaints": [test.complaint for test in tests if test.complaint],
        "cells": [asdict(cell) for cell in cells(results)],
    }
