# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is open to one unit for some hours: it follows the unit, nobody else gets it, and it ends."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables import units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import TODAY, FixedInventory

from .conftest import PEER, PORT, Site
from .test_ledger import VARIABLES

ALLOW: dict[str, Any] = {
    "phase": "allow",
    "flows": [{"to": PEER, "protocol": "tcp", "port": PORT}],
    "minutes": 60,
    "who": "alice",
    "what": "INC-7",
}
# As if its time were over in a moment.
SHORTEN = """
import json, sys, time
sys.path.insert(0, "/usr/local/lib/tidegate/tidegate")
from pathlib import Path
from ansible_collections.tidegate.nftables.plugins.module_utils.units import temporary
file = Path("/run/tidegate/temporary_units.json")
temporary.add(file, [each._replace(until=time.monotonic() + 1) for each in temporary.read(file)])
"""


@pytest.fixture
def opened(site: Site) -> Site:
    """The machine with a compiled policy that opens PEER to the agent alone, and three services trying."""
    resolved = policy.build(VARIABLES, FixedInventory(), today=TODAY)
    site.machine.module(
        {"phase": "apply", "tables": [compile_table(resolved)], "units": units.document(resolved), "confirm": False}
    )
    site.systemctl("start", "agent", "other", "restic@home")
    site.wait("agent", "reached")
    for name in ("other", "restic@home"):
        site.wait(name, "refused")
    return site


def test_what_is_open_to_a_unit_follows_it_and_ends(opened: Site) -> None:
    (allowed,) = opened.machine.module({**ALLOW, "unit": "restic@.service"})
    assert allowed["until"].startswith("20")
    opened.wait("restic@home", "reached")
    opened.wait("other", "refused")
    status = opened.run("tidegate", "status", check=False)
    assert f"allowed    {PEER} tcp/{PORT} for restic@.service until {allowed['until'][:4]}" in status
    assert ", by alice: INC-7" in status
    why = ("tidegate", "why", PEER, f"tcp/{PORT}", "--unit")
    assert "(root): allowed by a temporary opening" in opened.run(*why, "restic@home.service")
    assert "rejected" in opened.run(*why, "other.service", check=False)
    opened.systemctl("restart", "restic@home")
    opened.systemctl("start", "restic@etc")
    for name in ("restic@home", "restic@etc"):
        opened.wait(name, "reached")
    opened.run("nft", "flush", "ruleset")
    opened.wait("agent", "reached")
    opened.wait("restic@home", "reached")
    opened.run("python3", "-c", SHORTEN)
    for name in ("restic@home", "restic@etc"):
        opened.wait(name, "refused")
    assert f"allowed    {PEER}" not in opened.run("tidegate", "status", check=False)
    opened.wait("agent", "reached")
    opened.systemctl("stop", "restic@home", "restic@etc")


def test_a_unit_that_cannot_be_opened_to_is_refused_with_a_reason(opened: Site) -> None:
    for unit, reason in (("other", "write other.service"), ("a-b-c-d-e.slice", "is below more than 3 slices")):
        (refused,) = opened.machine.module({**ALLOW, "unit": unit}, may_fail=True)
        assert reason in refused["msg"]
    opened.apply(("agent.service",))
    (refused,) = opened.machine.module({**ALLOW, "unit": "other.service"}, may_fail=True)
    # The table of these tests, which has no set for it.
    assert "has no set temporary_allow" in refused["msg"]
