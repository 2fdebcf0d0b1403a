# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy is confirmed, loaded at boot, and loaded again after a flush."""

from __future__ import annotations

import json
import time
from typing import Any

from ansible_collections.tidegate.nftables.molecule.shared import lab

testinfra_hosts = lab.targets("app")


def status(host: Any) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(host.run("tidegate status --json").stdout)
    return state


def test_what_was_applied_is_confirmed_and_boots(host: Any) -> None:
    state = status(host)
    assert (state["table"], state["saved"], state["pending"]) == ("confirmed", "ok", None)
    assert state["confirmed"]["who"]
    for unit, target in (("tidegate", "sysinit"), ("tidegate-watch", "multi-user")):
        assert host.file(f"/etc/systemd/system/{target}.target.wants/{unit}.service").exists
        assert host.service(unit).is_running
    assert host.check_output("systemctl list-units --all --no-legend 'tidegate-rollback-*'") == ""


def test_a_flush_is_undone(host: Any) -> None:
    """Within five seconds by the watcher's interval, and later where other work keeps the machine busy."""
    lost = status(host)["events"]["lost"]
    host.check_output("nft flush ruleset")
    began = time.monotonic()
    # The event is written down after the table is back.
    while status(host)["events"]["lost"] == lost:
        assert time.monotonic() - began < 120
        time.sleep(0.1)
    state = status(host)
    assert state["events"]["lost"] == lost + 1
    assert state["table"] == "confirmed"
