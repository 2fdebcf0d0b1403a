# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A compiled policy with units on a machine: its ledger says which unit was rejected, and the console reads it."""

from __future__ import annotations

import json

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables import units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import TODAY, FixedInventory

from .conftest import PEER, PORT, Site

VARIABLES = {
    "egress_mode": "enforce",
    "egress_tier": "app",
    "egress_internal_networks": ["10.0.0.0/8"],
    "egress_internal_services": ["https"],
    "egress_allow_app": [
        {"name": "telemetry", "to": [PEER], "services": ["opentelemetry"], "units": ["agent.service"]},
    ],
}


def test_the_ledger_says_which_unit_it_was(site: Site) -> None:
    resolved = policy.build(VARIABLES, FixedInventory(), today=TODAY)
    applied, _confirmed = site.machine.module(
        {"phase": "apply", "tables": [compile_table(resolved)], "units": units.document(resolved), "timeout": 600},
        {"phase": "confirm", "token": "{{ run0.guard.token }}"},
    )
    assert applied["changed"]
    site.systemctl("start", "agent", "other", "restic@home")
    site.wait("agent", "reached")
    for name in ("other", "restic@home"):
        site.wait(name, "refused")
    flow = f"{PEER} tcp/{PORT}"
    printed = site.run("tidegate", "denied")
    assert f"{flow} by other.service, restic@home.service (root), last" in printed
    line = json.loads(site.run("tidegate", "denied", "--json"))["lines"][0]
    assert (line["user"], line["units"]) == ("root", ["other.service", "restic@home.service"])
    assert site.run("tidegate", "denied", "--unit", "agent.service") == ""
    (seen,) = site.machine.module({"phase": "ledger"})
    assert seen["ledger"]["lines"][0]["unit"] is None
    # As denied prints it.
    why = site.run("tidegate", "why", PEER, f"tcp/{PORT}", "by", "other.service", "(root),", check=False)
    assert f"{flow} as other.service (root): rejected" in why
    assert "nearest: telemetry, for unit agent.service" in why
