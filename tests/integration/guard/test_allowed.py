# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What entries allow is kept by flow and day, from real packets, over reloads and reboots."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program.watcher import Watcher
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import ledger_facts
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import table_counters

from .conftest import GuardedHost
from .golden_tables import golden
from .test_metrics import send

ALLOWED, OTHER = ("203.0.113.9", 514), ("203.0.113.10", 514)
REJECTED = ("203.0.113.9", 515)


@pytest.fixture
def noting(host: GuardedHost) -> GuardedHost:
    """A host that notes what it allows, with an interface into nowhere."""
    for command in (
        "link set lo up",
        "link add tgout type veth peer name tgnowhere",
        "link set tgout arp off up",
        "link set tgnowhere up",
        "address add 198.18.0.1/24 dev tgout",
        "route add default dev tgout",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    host.apply(golden("ledger-all"), settings=Settings(), confirm=False)
    return host


def flows(host: GuardedHost) -> dict[tuple[str, int], int]:
    """Return packets by destination and port."""
    lines = ledger_facts.facts(host.paths)["allowed"]["lines"]
    assert all((line["protocol"], line["user"]) == (17, "root") and line["first"] <= line["last"] for line in lines)
    return {(line["address"], line["port"]): line["packets"] for line in lines}


def test_what_was_allowed_is_kept_over_reloads_and_reboots_and_is_not_what_was_rejected(noting: GuardedHost) -> None:
    send(ALLOWED, ALLOWED, REJECTED)
    Watcher(noting).copy_ledger()
    noting.table.load("flush set inet tidegate allowed4")
    send(ALLOWED, OTHER)
    Watcher(noting).copy_ledger()
    assert flows(noting) == {ALLOWED: 3, OTHER: 1}
    since = ledger_facts.facts(noting.paths)["allowed"]["since"]
    noting.reboot()
    assert noting.run("boot").returncode == 0
    assert flows(noting) == {ALLOWED: 3, OTHER: 1}
    assert ledger_facts.facts(noting.paths)["allowed"]["since"] == pytest.approx(since, abs=120)
    assert [(line["address"], line["port"]) for line in ledger_facts.facts(noting.paths)["lines"]] == [REJECTED]
    assert "allowed by entry payments-api" in noting.run("why", "203.0.113.9", "udp/514").stdout


def test_a_full_set_lets_the_flow_pass_and_is_counted(noting: GuardedHost) -> None:
    listing = noting.listing()
    noting.table.load("delete table inet tidegate\n" + listing.replace("size 8192", "size 1"))
    send(ALLOWED, OTHER, OTHER)
    assert flows(noting) == {ALLOWED: 1}
    assert ledger_facts.facts(noting.paths)["allowed"]["left_out"] == 2
    assert table_counters("inet", "tidegate")["denied"][0] == 0


def test_a_host_that_does_not_note_it_says_so(noting: GuardedHost) -> None:
    send(ALLOWED)
    Watcher(noting).copy_ledger()
    noting.apply(golden("app-enforce"), settings=Settings(), confirm=False)
    Watcher(noting).copy_ledger()
    allowed = ledger_facts.facts(noting.paths)["allowed"]
    assert allowed["since"] is None
    assert [line["address"] for line in allowed["lines"]] == [ALLOWED[0]]
