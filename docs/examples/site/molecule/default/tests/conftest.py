"""How the tests of this scenario send packets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import testinfra


@pytest.fixture
def reached(request: pytest.FixtureRequest) -> Callable[..., set[str]]:
    """Which flows of a user get an answer: reached("app", "www-data", ["203.0.113.10 tcp/443"])."""
    inventory = request.config.getoption("ansible_inventory")

    def send(tier: str, user: str, flows: Iterable[str]) -> set[str]:
        machine = testinfra.get_host(f"ansible://test-{tier}", ansible_inventory=inventory, force_ansible=True)
        probes = []
        for flow in flows:
            to, _space, service = flow.partition(" ")
            protocol, _slash, port = service.partition("/")
            probes.append({"name": flow, "to": to, "protocol": protocol, "port": int(port), "user": user})
        sent: dict[str, Any] = machine.ansible(
            "tidegate.nftables.egress_probe", json.dumps({"probes": probes}), check=False
        )
        outcomes = {result["name"]: result["outcome"] for result in sent["results"]}
        # Everybody answers: silence would be a fault of the test, not a refusal.
        assert set(outcomes.values()) <= {"answered", "refused"}, outcomes
        return {flow for flow, outcome in outcomes.items() if outcome == "answered"}

    return send
