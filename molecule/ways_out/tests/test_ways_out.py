# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After another policy, one more destination, two emergencies and a rollback: the first policy, as if nothing was."""

from __future__ import annotations

import json
import socket
from typing import Any

from ansible_collections.tidegate.nftables.molecule.shared import lab

testinfra_hosts = lab.targets("app")


def test_the_first_policy_stands(host: Any) -> None:
    assert lab.standing(host) == host.file("/root/standing").content_string.strip()
    assert lab.status(host)["table"] == "confirmed"
    assert lab.status(host)["pending"] is None
    flows = {name: lab.FLOWS[name] for name in lab.both("payments", "mirror", "partner", "stranger")}
    assert lab.reached(lab.attempt(host, "payd", flows)) == lab.both("payments", "mirror")


def test_the_history_says_who_did_what(host: Any) -> None:
    assert lab.events(host) == [
        *("confirmed", "confirmed", "allowed"),
        *("emergency", "restored", "emergency", "restored", "confirmed"),
    ]
    journal = [json.loads(line) for line in host.file("/var/lib/tidegate/journal.jsonl").content_string.splitlines()]
    texts = [str(event) for event in journal]
    for number, reason in ((2, "INC-6"), (3, "INC-7"), (5, "INC-8"), (7, "payments are down")):
        assert reason in texts[number], texts[number]
        assert journal[number]["who"].endswith(f"@{socket.gethostname()}")


def test_ssh_gets_in_over_both_protocols(host: Any) -> None:
    for address in lab.machine_of(host).addresses:
        lab.ssh(address)
