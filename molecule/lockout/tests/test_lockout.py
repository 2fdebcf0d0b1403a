# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After changes that must not stay: the policy of before, on every release, and ssh gets in."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.nftables.molecule.shared import lab

testinfra_hosts = lab.targets("app")


def test_the_policy_of_before_stands(host: Any) -> None:
    assert lab.standing(host) == host.file("/root/standing").content_string.strip()
    assert lab.status(host)["table"] == "confirmed"
    assert lab.status(host)["pending"] is None


def test_each_change_was_rolled_back_and_none_confirmed(host: Any) -> None:
    assert lab.events(host) == ["confirmed", "restored", "restored"]


def test_the_host_reaches_what_its_policy_says(host: Any) -> None:
    flows = {name: lab.FLOWS[name] for name in lab.both("payments", "payments-quic", "mirror", "partner")}

    assert lab.reached(lab.attempt(host, "payd", flows)) == lab.both("payments", "payments-quic", "mirror")


def test_ssh_gets_in_over_both_protocols(host: Any) -> None:
    for address in lab.machine_of(host).addresses:
        lab.ssh(address)
