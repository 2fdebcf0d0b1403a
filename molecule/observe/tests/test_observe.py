# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe mode: the same rules reject nothing and count what they would reject."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.molecule.shared import lab

testinfra_hosts = lab.targets("app")


@pytest.mark.parametrize("user", ["root", "nosy"])
def test_reaches_everything(host: Any, user: str) -> None:
    assert lab.reached(lab.attempt(host, user, lab.FLOWS)) == set(lab.FLOWS)


def test_counts_what_enforce_would_reject(host: Any) -> None:
    strange = {name: lab.FLOWS[name] for name in lab.both("stranger", "stranger-dns-udp", "payments-ssh")}
    before = lab.counter(host, "would_deny")

    lab.attempt(host, "nosy", strange)

    assert lab.counter(host, "would_deny") - before >= len(strange)


def test_does_not_count_what_is_allowed(host: Any) -> None:
    allowed = {name: lab.FLOWS[name] for name in lab.both("mirror", "dns-udp", "dns-tcp", "ntp", "logs")}
    before = lab.counter(host, "would_deny")

    assert lab.reached(lab.attempt(host, "nosy", allowed)) == set(allowed)
    assert lab.counter(host, "would_deny") == before


def test_an_applications_packets_have_one_count_everywhere(host: Any) -> None:
    sent = {"192.0.2.66": 3, "2001:db8:192::66": 5}
    port = 20000 + int(time.time()) % 10000
    before = _noted(host)
    for address, number in sent.items():
        family = "AF_INET6" if ":" in address else "AF_INET"
        send = f"socket.socket(socket.{family}, socket.SOCK_DGRAM).sendto(b'x', ('{address}', {port}))"
        host.check_output(f'runuser -u nosy -- python3 -c "import socket; [{send} for time in range({number})]"')

    after = _noted(host)
    assert {family: after[family] - before[family] for family in after} == {"ipv4": 3, "ipv6": 5}
    shown = json.loads(host.check_output("tidegate denied --json --user nosy"))["lines"]
    assert {line["destination"]: line["packets"] for line in shown if line["port"] == port} == sent
    # What was sent to journald may not be in its files yet.
    host.check_output("journalctl --sync")
    entries = host.check_output(f"journalctl -t tidegate TIDEGATE_EVENT=denied TIDEGATE_PORT={port} -o json")
    announced = map(json.loads, entries.splitlines())
    assert {each["TIDEGATE_DESTINATION"]: int(each["TIDEGATE_PACKETS"]) for each in announced} == sent
    (drafts,) = yaml.safe_load(host.check_output("tidegate denied --yaml --user nosy 1000")).values()
    suggested = [entry for entry in drafts if entry["services"] == [f"udp/{port}"]]
    assert {to for entry in suggested for to in entry["to"]} == set(sent)
    assert [(entry["users"], entry["reason"].split()[0]) for entry in suggested] == [(["nosy"], "8")]


def _noted(host: Any) -> dict[str, int]:
    """Have the watcher look, which it does when it starts; return the packets that its metrics have, by family."""
    host.check_output("rm -f /srv/tidegate.prom && systemctl restart tidegate-watch")
    text = host.check_output(
        "for again in $(seq 300); do [ -e /srv/tidegate.prom ] && break; sleep 0.1; done; cat /srv/tidegate.prom"
    )
    counted = re.findall(
        r'^tidegate_refused_packets_total\{.*mode="observe".*family="(.*?)".*\} (\d+)$', text, re.MULTILINE
    )
    return {family: sum(int(value) for each, value in counted if each == family) for family in ("ipv4", "ipv6")}
