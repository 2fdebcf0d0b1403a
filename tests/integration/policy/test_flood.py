# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a flood of rejected packets hides, slows or decides: nothing. Real packets of several users, on each nft."""

from __future__ import annotations

import ipaddress
import os
import resource
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.apply import Terms, apply_policy
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.request import ChangeRequest
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import denied_ledger, observed, status
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.desired import CompiledTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import decide, policy_tests
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial.policy_tests import PolicyTests
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.made_elements import make_elements
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.compare import own_differences

from .conftest import BINARIES, counters, load, nft
from .live_rulesets import held
from .test_packets import built

pytestmark = pytest.mark.usefixtures("network")
FLOODER, LATER, SUB_UIDS = 33, 1005, (1_000_000, 1_000_001)
SHARE = 255


def flood(uid: int, destinations: int, *, network: str = "100.64.0.0") -> None:
    """Send one datagram as a user to each of the first addresses of a network."""
    child = os.fork()
    if child == 0:
        try:
            os.setuid(uid)
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            first = int(ipaddress.IPv4Address(network))
            for number in range(destinations):
                try:
                    sender.sendto(b"x", (str(ipaddress.IPv4Address(first + number)), 9))
                except PermissionError:
                    continue
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def loaded(tmp_path: Path, binary: Path, **variables: Any) -> policy.ResolvedPolicy:
    resolved = built(**variables)
    load(compile_table(resolved), tmp_path, binary)
    return resolved


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_a_flood_of_one_user_hides_no_other_users_flows(mode: str, binary: Path, tmp_path: Path) -> None:
    loaded(tmp_path, binary, egress_mode=mode)
    flood(FLOODER, 20_000)
    for uid in SUB_UIDS:
        flood(uid, 2 * SHARE)
    flood(LATER, 200, network="100.65.0.0")
    flood(0, 3, network="100.66.0.0")
    ledger = denied_ledger.read()
    lines = Counter(line.uid for line in ledger.lines)
    assert (lines[FLOODER], lines[LATER], lines[0]) == (SHARE, 200, 3)
    assert sum(lines[uid] for uid in SUB_UIDS) == SHARE
    assert {line.packets for line in ledger.lines} == {1}
    assert {(line.protocol, line.port, line.observed) for line in ledger.lines} == {("udp", 9, mode == "observe")}
    left_out = {item.uid: (item.packets, item.observed) for item in ledger.overflow}
    assert left_out == {
        FLOODER: (20_000 - SHARE, mode == "observe"),
        SUB_UIDS[0] // 65536 * 65536: (3 * SHARE, mode == "observe"),
    }
    full = "would_deny_ledger_full" if mode == "observe" else "ledger_full"
    assert counters(binary)[full] == 20_000 + 2 * SHARE


def test_who_used_up_a_share_is_named_and_makes_the_evidence_incomplete(tmp_path: Path) -> None:
    loaded(tmp_path, BINARIES[-1], egress_mode="observe")
    host = Host(Paths(str(tmp_path)), LiveTable())
    assert status.overflow_text(status.facts(host)["overflow"]) == "complete"
    flood(FLOODER, SHARE + 7)
    assert "ledger     incomplete, it has no line of: www-data 7 packets\n" in status.text(status.facts(host))
    ((left_out),) = observed.facts(host)["overflow"]
    assert (left_out["user"], left_out["packets"]) == ("www-data", 7)


def test_packets_of_known_lines_cost_nothing_of_a_share_and_count_once(tmp_path: Path) -> None:
    loaded(tmp_path, BINARIES[-1])
    for _again in range(4):
        flood(FLOODER, SHARE)
    ledger = denied_ledger.read()
    assert Counter(line.packets for line in ledger.lines) == {4: SHARE}
    assert ledger.overflow == ()


def cost_of_a_change(binary: Path, tmp_path: Path) -> tuple[float, float]:
    """Return the least processor time of a whole change with empty ledgers, and with full ones."""
    host = Host(Paths(str(tmp_path)), LiveTable())
    # Nothing costs nft 0.9.8 more than to change an element and a rule at once.
    policies = [built(egress_allow_x=[entry("api", last), entry("logs", 9, port)]) for last, port in ((1, 1), (2, 2))]
    tables = [
        CompiledTable(parse.tables([compile_table(resolved)]), RunDirectory(str(tmp_path / "run")))
        for resolved in policies
    ]

    def change(table: CompiledTable) -> float:
        """Make a change from its beginning to its confirmation; return its processor time, here and in nft.

        It takes a module, whose Python starts and imports what Ansible gives to every module.
        """
        begin = processor_seconds()
        subprocess.run([sys.executable, "-c", "import ansible.module_utils.basic"], check=True)
        terms = Terms(ChangeRequest("", "", (), ""))
        guard = apply_policy(host, table, terms, connection="", check=False)["guard"]
        decide.confirm(host, guard["token"])
        return processor_seconds() - begin

    change(tables[0])
    empty, full = [], []
    for turn in range(20):
        empty += [change(table) for table in tables[::-1]]
        fill_ledgers(8192)
        full += [change(table) for table in tables[::-1]]
        flush_ledgers(binary)
        # The least of more turns is nearer to what it costs where the machine is busy.
        if turn and min(full) < 1.2 * min(empty):
            break
    print(f"nft {host.table.nft_version}: {min(empty) * 1000:.0f} ms, with full ledgers {min(full) * 1000:.0f} ms")
    return min(empty), min(full)


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
def test_the_time_of_a_whole_change_does_not_grow_with_the_ledgers(
    binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{binary.parent}:/usr/sbin:/usr/bin:/bin")
    empty, full = cost_of_a_change(binary, tmp_path)
    assert full < 1.2 * empty


def entry(name: str, last: int, port: int = 443) -> dict[str, Any]:
    return {"name": name, "to": [f"192.0.2.{last}"], "services": [f"tcp/{port}"]}


def processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def fill_ledgers(lines: int) -> None:
    """Put these many lines into every ledger set."""
    for name, ledger_set in table_names.LEDGER_SETS.items():
        network = ipaddress.ip_address("100.64.0.0" if ledger_set.version == 4 else "2001:db8::")
        keys = [
            (name, denied_ledger.key_of(ledger_set, str(network + number), 17, 9, FLOODER)) for number in range(lines)
        ]
        for at in range(0, len(keys), 2000):
            make_elements(*table_names.TABLE, keys[at : at + 2000], 3600)


def flush_ledgers(binary: Path) -> None:
    """Empty every ledger set."""
    for name in table_names.LEDGER_SETS:
        nft("flush", "set", *table_names.TABLE, name, binary=binary)


def test_users_in_the_ledger_are_no_users_of_the_policy(tmp_path: Path) -> None:
    resolved = loaded(tmp_path, BINARIES[-1])
    for uid in range(40, 60):
        flood(uid, 2)
    assert own_differences(resolved, held(BINARIES[-1])) == []
    nft("insert", "rule", "inet", "tidegate", "egress_output", "udp dport 5000 accept", binary=BINARIES[-1])
    (difference,) = own_differences(resolved, held(BINARIES[-1]))
    assert [user for user in difference.users if user.startswith("uid ")] == []


def a_test(address: str, expect: str) -> dict[str, Any]:
    return {"name": expect, "to": address, "protocol": "udp", "port": 9, "user": "www-data", "expect": expect}


FLOODED = PolicyTests([a_test("100.80.0.1", "reach"), a_test("100.80.0.2", "not_reach")], timeout=0.2)


def flooded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the tests' own user use up its share, and go on with its flood whenever a test's packets are sent."""
    send = policy_tests._send

    def flood_and_send(*arguments: Any) -> Any:
        answers = send(*arguments)
        flood(FLOODER, SHARE + 9)
        return answers

    monkeypatch.setattr(policy_tests, "_send", flood_and_send)
    flood(FLOODER, SHARE + 9)


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
def test_a_policy_test_is_decided_beside_a_flood_of_its_own_user(
    binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In mode observe nothing but the ledger tells what the policy rejects.
    loaded(tmp_path, binary, egress_mode="observe")
    flooded(monkeypatch)
    reach, not_reach = policy_tests.run(FLOODED)
    assert (reach.verdict, reach.ok) == ("rejected", False)
    assert (not_reach.verdict, not_reach.ok) == ("rejected", True)
    assert "the new policy rejects reach (100.80.0.1 udp/9 as www-data)" in policy_tests.sentence([reach])
    lines = {line.address: line.packets for line in denied_ledger.read().lines}
    assert (lines["100.80.0.1"], lines["100.80.0.2"]) == (1, 1)


def test_a_policy_test_whose_line_finds_no_room_has_not_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = compile_table(built(egress_mode="observe"))
    for named_set in spec["sets"]:
        if named_set["name"] == "would_deny4":
            named_set["size"] = SHARE
    load(spec, tmp_path, BINARIES[-1])
    flooded(monkeypatch)
    for result in policy_tests.run(FLOODED):
        assert (result.verdict, result.outcome, result.ok) == ("unknown", "the ledger has no room", False)
    assert "nobody knows whether the new policy accepts reach" in policy_tests.sentence(policy_tests.run(FLOODED))


def test_a_policy_test_commits_nothing_where_the_ledger_has_room(tmp_path: Path) -> None:
    loaded(tmp_path, BINARIES[-1])
    generation = LiveTable().generation()
    assert [result.verdict for result in policy_tests.run(FLOODED)] == ["rejected", "rejected"]
    assert LiveTable().generation() == generation
