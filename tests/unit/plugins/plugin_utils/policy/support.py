# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the policy share: a small inventory, a policy without errors, and the sentences of one with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory

TODAY = dt.date(2026, 11, 20)
INVENTORY = FixedInventory(
    "app1",
    {"mirror": ["mirror1"], "database": ["db1", "db2"], "region_eu": ["db1"], "nameless": ["cloud1"]},
    {
        "mirror1": ["10.10.0.30", "fd12:3456:789a::30"],
        "db1": ["10.20.0.1"],
        "db2": ["10.20.0.2"],
        "cloud1": [],
    },
    tiers={"database": ["db1", "db2"], "mail": ["mirror1"]},
)
VARIABLES: Mapping[str, Any] = {
    "egress_mode": "enforce",
    "egress_tier": "app",
    "egress_internal_networks": ["10.0.0.0/8", "fd12:3456:789a::/48"],
}


def build(inventory: policy.Inventory = INVENTORY, today: dt.date = TODAY, **changes: Any) -> policy.ResolvedPolicy:
    """The policy of VARIABLES with these changes; a value of ... takes a variable away."""
    variables = {name: value for name, value in {**VARIABLES, **changes}.items() if value is not ...}
    return policy.build(variables, inventory, today=today)


def errors(**changes: Any) -> list[str]:
    """Return the errors of a policy, [] when it has none."""
    try:
        build(**changes)
    except policy.PolicyErrors as raised:
        return [str(error) for error in raised.errors]
    return []


def entry(**changes: Any) -> dict[str, Any]:
    """One entry without errors, with these changes; a value of ... takes a key away."""
    written = {"name": "api", "to": ["203.0.113.0/24"], "services": ["https"], **changes}
    return {key: value for key, value in written.items() if value is not ...}


def allowed(resolved: policy.ResolvedPolicy, address: str, service: str, user: str | None = None) -> bool:
    """Does a flow leave? service: `tcp/443`, `icmp` or a protocol number."""
    protocol, _slash, port = service.partition("/")
    number = int(protocol) if protocol.isdigit() else protocol
    flow = policy.Flow(address, number, int(port) if port else None, user)
    return policy.decide(resolved, flow).allowed
