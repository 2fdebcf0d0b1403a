# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy with units, from group_vars to packets of real services, and read back from the kernel."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.support.project import run_tasks

from .conftest import PEER, PORT, Site

HERE = {"to": [PEER], "services": [f"tcp/{PORT}"]}
POLICY: dict[str, Any] = {
    "egress_mode": "enforce",
    "egress_tier": "app",
    "egress_internal_networks": ["10.0.0.0/8"],
    "egress_internal_services": [],
    "egress_dns_servers": ["10.10.3.53"],
    "egress_confirm": False,
    "egress_allow_units": [
        {"name": "agents", **HERE, "units": ["agent.service", "restic@.service"]},
        {"name": "batch", **HERE, "units": ["batch.slice"]},
        {"name": "both", **HERE, "units": ["ofroot.service", "ofothers.service"], "users": ["root"]},
    ],
}


APPLY: dict[str, Any] = {"tidegate.nftables.egress_apply": {}}
VERIFY: dict[str, Any] = {"tidegate.nftables.egress_verify": {}}


def play(site: Site, *tasks: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    """Results of actions on the machine, with a policy."""
    machine = site.machine
    variables = {**machine.variables, **POLICY, **changes}
    return run_tasks(machine.folder, list(tasks), host=machine.name, variables=variables, env=machine.environment)


@pytest.mark.parametrize("site", ["trixie"], indirect=True)
def test_services_of_root_have_what_their_entries_say(site: Site) -> None:
    site.service("ofroot")
    site.service("ofothers", "User=nobody")
    site.service("batched", "Slice=batch-night.slice")
    names = ("agent", "other", "restic@home", "ofroot", "ofothers", "batched")
    site.systemctl("start", *names)
    for name in names:
        site.wait(name, "reached")
    applied, verified = play(site, APPLY, VERIFY)
    assert applied["changed"]
    assert verified["differences"] == []
    for name in ("agent", "restic@home", "batched", "ofroot"):
        site.wait(name, "reached")
    for name in ("other", "ofothers"):
        site.wait(name, "refused")
    (again,) = play(site, APPLY)
    assert (again["changed"], again["path"]) == (False, "fast")
    once = {**HERE, "hours": 1, "reason": "INC-7", "unit": "other.service"}
    allowed, verified = play(site, {"tidegate.nftables.egress_allow_once": once}, VERIFY)
    assert "units:" in allowed["lasting"]
    site.wait("other", "reached")
    site.wait("ofothers", "refused")
    # It is told apart from the policy and from an edit.
    assert verified["differences"] == []
    # Now what the policy says of it is another one.
    swapped = [{"name": "agents", **HERE, "units": ["other.service"]}]
    changed, verified = play(site, APPLY, VERIFY, egress_allow_units=swapped)
    assert (changed["changed"], verified["differences"]) == (True, [])
    site.wait("other", "reached")
    for name in ("agent", "restic@home", "batched", "ofroot"):
        site.wait(name, "refused")
