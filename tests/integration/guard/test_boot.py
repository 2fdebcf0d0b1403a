# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a boot loads: the confirmed policy, nothing, or the fail-safe table; and what became of a change on trial."""

from __future__ import annotations

import re
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import exclusive
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.systemd_units import FAILSAFE_STATUS
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import failsafe, journal, records
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import decide
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables import floor
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.support.namespaces import enter_new
from ansible_collections.tidegate.nftables.tests.support.waiting import finish

from .conftest import BINARIES, NEW, OLD, GuardedHost, timeless, wait_for


def boots(host: GuardedHost) -> tuple[int, str]:
    done = host.run("boot")
    return done.returncode, done.stdout.strip()


def events(host: GuardedHost) -> list[str]:
    return [event["event"] for event in journal.read(host.paths)]


def test_the_confirmed_policy_is_loaded_with_counters_at_nought(each_host: GuardedHost) -> None:
    each_host.load(OLD)
    each_host.load("add element inet tidegate fed4 { 10.0.0.1 }\n")
    assert each_host.apply(OLD)["files"][-1]["path"] == str(each_host.paths.confirmed)
    expected = shape(each_host.listing(), ("fed4",))
    each_host.reboot()
    assert not each_host.listing()
    assert boots(each_host) == (0, "loaded")
    assert shape(each_host.listing(), ("fed4",)) == expected
    assert "packets 12" not in each_host.listing()
    assert "10.0.0.1" not in each_host.listing()
    assert "expires" in each_host.listing()
    assert events(each_host)[-1] == "booted"


def test_elements_that_ended_meanwhile_stay_away(host: GuardedHost) -> None:
    host.has(OLD.replace("timeout 1h expires 30m comment", "timeout 1h expires 2s comment"))
    host.reboot()
    subprocess.run(["sleep", "2.1"], check=True)
    assert boots(host) == (0, "loaded")
    assert "198.51.100.7" not in host.listing()


def test_a_reboot_during_a_pending_change_boots_the_old_policy(host: GuardedHost) -> None:
    host.has(OLD)
    expected = shape(host.listing(), ("fed4",))
    token = host.apply(NEW)["guard"]["token"]
    host.reboot()
    assert boots(host) == (0, "loaded")
    assert shape(host.listing(), ("fed4",)) == expected
    assert not host.paths.pending.exists()
    assert not host.paths.candidate.exists()
    assert journal.last_event(host.paths, token)["event"] == "reverted"  # type: ignore[index]


def test_a_reboot_during_the_first_pending_change_boots_without_a_table(host: GuardedHost) -> None:
    host.apply(NEW)
    host.reboot()
    assert boots(host) == (0, "nothing")
    assert not host.listing()
    assert not host.paths.pending.exists()


def test_a_run_before_any_boot_unit_finds_the_void_change(host: GuardedHost) -> None:
    host.has(OLD)
    host.apply(NEW)
    host.reboot()
    again = host.apply(OLD)
    assert "restarted before the change by alice@control" in again["recovered"]
    assert again["changed"]
    decide.confirm(host, again["guard"]["token"])


def test_a_boot_during_a_pending_change_leaves_it_alone(host: GuardedHost) -> None:
    host.has(OLD)
    host.apply(NEW)
    before = host.listing()
    assert boots(host) == (0, "pending")
    assert timeless(host.listing()) == timeless(before)
    assert host.paths.pending.exists()


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "edited", "refused"])
def test_a_damaged_policy_boots_the_failsafe_table(each_host: GuardedHost, damage: str) -> None:
    each_host.has(OLD)
    saved = each_host.paths.confirmed
    text = saved.read_text()
    damaged = {
        "cut": text[: len(text) // 2],
        "flipped": text.replace("203.0.113.0", "203.0.112.0"),
        "empty": "",
        "edited": text.replace("policy accept", "policy drop"),
        # Whole, but this kernel or nft does not take it.
        "refused": records.dump(records.Record(listing=OLD.replace("tcp dport 443", "tcp dport nonsense"))).decode(),
    }
    saved.write_text(damaged[damage])
    each_host.reboot()
    assert boots(each_host) == (FAILSAFE_STATUS, "failsafe")
    table = each_host.listing()
    assert "policy drop" in table
    assert "203.0.11" not in table
    assert events(each_host)[-1] == "failsafe"


def test_the_failsafe_table_lets_the_floor_out_and_nothing_else(each_host: GuardedHost) -> None:
    variables = {"egress_tier": "app", "egress_mode": "enforce", "egress_internal_networks": ["10.0.0.0/8"]}
    resolved = policy.build({**variables, "egress_dns_servers": ["10.10.0.10"]}, FixedInventory())
    each_host.load(restore.script(failsafe.table(Settings(floor=tuple(floor.fail_safe(resolved))))))
    assert re.search(r"th dport \{ 53, 853 \} ip daddr 10\.10\.0\.10 accept", each_host.listing())
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=60).close()
    commands = "ip link add v0 type veth peer v1; ip addr add 192.0.2.1/24 dev v0; ip link set v0 up; ip link set v1 up"
    subprocess.run(commands, shell=True, check=True)
    with socket.socket() as refused, pytest.raises(ConnectionRefusedError):
        refused.connect(("192.0.2.9", 443))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
        query.connect(("192.0.2.9", 53))
        with pytest.raises(PermissionError):
            query.send(b"x")
    assert "counter failsafe {\n\t\tpackets 0" not in each_host.listing()


def test_in_observe_mode_the_failsafe_table_refuses_nothing(host: GuardedHost) -> None:
    host.load(restore.script(failsafe.table(Settings(mode="observe"))))
    assert "policy accept" in host.listing()
    assert "reject" not in host.listing()


def test_a_policy_written_by_an_older_nft_boots(each_host: GuardedHost) -> None:
    """An upgrade of the system brings an nft with other words for the same rules."""
    each_host.has(
        OLD.replace(
            "\t\tjump egress_floor", "\t\ttcp flags & (fin | syn | rst | ack) != syn accept\n\t\tjump egress_floor"
        )
    )
    record = records.load(each_host.paths.confirmed)
    assert record is not None
    each_host.reboot()
    for name, nft in BINARIES.items():
        if name > each_host.nft.parent.name:
            other = GuardedHost.at(each_host.paths.root, nft)
            done = subprocess.run(
                [str(each_host.paths.program), "boot"],
                env={"PATH": f"{nft.parent}:/usr/bin:/bin"},
                text=True,
                capture_output=True,
                check=False,
            )
            assert done.stdout == "loaded\n", (name, done.stdout, done.stderr)
            assert "payments-api" in other.listing()
            enter_new()


def test_a_boot_over_a_table_that_stands_keeps_its_counters(host: GuardedHost) -> None:
    host.has(OLD)
    before = host.listing()
    assert boots(host) == (0, "loaded")
    assert "packets 12 bytes 720" in before
    assert "packets 12 bytes 720" in host.listing()


def has_open(pid: int, file: Path) -> bool:
    """Return whether a process has a file open."""
    with suppress(OSError):  # files that are closed meanwhile
        return file in [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()]
    return False


def test_a_boot_waits_for_a_run_that_is_at_work(host: GuardedHost) -> None:
    host.has(OLD)
    host.reboot()
    with exclusive(host.paths, 1):
        command = [str(host.paths.program), "boot"]
        booting = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        wait_for(lambda: has_open(booting.pid, host.paths.lock), "the wait for the lock", process=booting)
        assert not host.listing()
    finish(booting)
    assert booting.returncode == 0
    assert host.listing()
