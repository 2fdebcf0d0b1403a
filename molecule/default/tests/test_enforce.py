# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Four tiers in enforce mode: every machine reaches what its group_vars say, and nothing else.

Before this, prepare has reached every flow from every machine, and side_effect has edited the table by hand.
"""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.molecule.shared import lab

testinfra_hosts = lab.targets(*lab.TIERS)

BASE = lab.both("dns-udp", "dns-tcp", "ntp", "mirror", "logs")
SQL = lab.both("database-sql")
# Who reaches what, read from group_vars by a person. "nosy" is any user that no entry names.
ALLOWED = {
    "web": {
        "root": BASE | lab.both("web-https"),
        "nosy": BASE | lab.both("web-https"),
        "certbot": BASE | lab.both("web-https", "partner"),
        "payd": BASE | lab.both("web-https"),
    },
    "app": {
        "root": BASE | SQL | lab.both("metadata"),
        "nosy": BASE | SQL,
        "payd": BASE | SQL | lab.both("payments", "payments-quic"),
    },
    "database": {
        "root": BASE | SQL | lab.both("database-etcd"),
        "nosy": BASE | SQL | lab.both("database-etcd"),
    },
    "bastion": {
        "root": BASE | lab.both("app-ssh", "mirror-as-ssh"),
        "nosy": BASE | lab.both("app-ssh", "mirror-as-ssh"),
    },
}


@pytest.mark.parametrize("user", ["root", "nosy", "certbot", "payd"])
def test_reaches_exactly_what_the_policy_allows(host: Any, user: str) -> None:
    machine = lab.machine_of(host)
    users = ALLOWED[machine.tier]
    expected = users.get(user, users["nosy"]) | lab.to_itself(machine)

    outcomes = lab.attempt(host, user, lab.FLOWS)

    assert lab.reached(outcomes) == expected
    # A rejected application gets an error at once: what is answered later was sent again, a second after the first.
    slow = {name: outcomes[name] for name in lab.TCP - expected if outcomes[name].milliseconds >= 1000}
    assert slow == {}
    assert {outcomes[name].result for name in lab.TCP - expected} == {"refused"}


def test_answers_incoming_connections(host: Any) -> None:
    machine = lab.machine_of(host)
    world = host.get_host(lab.targets("outside")[0])
    flows = [f"{service}@{address}" for service in ("tcp/22", "udp/53") for address in machine.addresses]

    assert lab.reached(lab.attempt(world, "root", {flow: flow for flow in flows})) == set(flows)


def test_counts_every_rejection_and_records_who_tried(host: Any) -> None:
    before = lab.counter(host, "denied")
    rejected = {name: lab.FLOWS[name] for name in lab.both("stranger", "stranger-dns-udp")}

    lab.attempt(host, "nosy", rejected)

    assert lab.counter(host, "denied") - before >= len(rejected)
    uid = int(host.check_output("id -u nosy"))
    assert {("192.0.2.66", "tcp", 443, uid), ("192.0.2.66", "udp", 53, uid)} <= lab.ledger(host, "denied4")
    assert {("2001:db8:192::66", "tcp", 443, uid), ("2001:db8:192::66", "udp", 53, uid)} <= lab.ledger(host, "denied6")


def test_runs_on_the_nft_of_its_release(host: Any) -> None:
    expected = lab.NFT_VERSION[lab.machine_of(host).release]

    assert host.check_output("nft --version").startswith(f"nftables v{expected} ")
