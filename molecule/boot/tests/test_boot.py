# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After reboots, flushes and a damaged policy that the role has repaired: the policy of group_vars, loaded at boot."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.nftables.molecule.shared import lab

testinfra_hosts = lab.targets("app")


def test_the_last_boot_loaded_the_policy_of_group_vars(host: Any) -> None:
    assert host.service("tidegate").is_running
    assert host.service("tidegate-watch").is_running
    assert lab.status(host)["table"] == "confirmed"
    flows = {name: lab.FLOWS[name] for name in lab.both("payments", "payments-quic", "logs", "mirror", "partner")}
    reached = lab.reached(lab.attempt(host, "payd", flows))
    assert reached == lab.both("payments", "payments-quic", "logs", "mirror")


def test_everything_that_happened_was_written_down(host: Any) -> None:
    assert lab.events(host) == [
        *("confirmed", "reverted", "booted"),
        *("confirmed", "booted", "lost", "lost"),
        *("failsafe", "confirmed", "booted"),
    ]
    assert lab.status(host)["events"]["lost"] == 2


def test_ssh_gets_in_over_both_protocols(host: Any) -> None:
    for address in lab.machine_of(host).addresses:
        lab.ssh(address)
