# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook status says of hosts that have no state to show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.support.controller import Controller

WRONG = {"egress_tier": "app", "egress_allow_app": [{"name": "pay", "to": ["10.0.0.300"], "services": ["https"]}]}


@pytest.mark.parametrize(
    ("registered", "note"),
    [
        (None, "app1: gave no answer"),
        ({"unreachable": True, "msg": "Failed to connect"}, "app1: gave no answer"),
        ({"failed": True, "msg": "egress_tier:\n  no tier"}, "app1: egress_tier: no tier"),
    ],
)
def test_a_host_without_a_row_says_why(tmp_path: Path, registered: Any, note: str) -> None:
    controller = Controller(tmp_path, {"all": {"hosts": {"app1": {}}}})
    if registered is not None:
        controller.variables.set_nonpersistent_facts("app1", {"state": registered})
    arguments = {"phase": "report", "results": "state", "fail": False}
    result = controller.run("app1", "egress_status", arguments)
    assert result["attention"] == ["app1"]
    assert note in controller.printed[0].splitlines()


def test_an_error_in_the_policy_is_what_the_table_says(tmp_path: Path) -> None:
    controller = Controller(tmp_path, {"all": {"hosts": {"app1": WRONG}}})
    failed = controller.run("app1", "egress_status", {})
    controller.variables.set_nonpersistent_facts("app1", {"state": failed})
    controller.run("app1", "egress_status", {"phase": "report", "results": "state", "fail": False})
    assert "10.0.0.300" in controller.printed[-1]
