# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy that cuts the host off goes away again, also when nft fails right after it was loaded.

Every policy that cuts, every way back, every way in which nft can fail: afterwards a new connection reaches the host,
and it has its confirmed policy. Packets are real, from a second namespace behind a wire.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import boot
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program.watcher import GRACE, Watcher
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import confirmed_policy, journal, pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.tests.support.namespaces import process_namespace
from ansible_collections.tidegate.nftables.tests.support.nft import HOST, NftCommand

from .conftest import BINARIES, OLD, GuardedHost, wait_for

SSH = 22
SILENCE = 0.5
"""Seconds without an answer after which there is none."""
HERE, THERE = "198.18.0.1", "198.18.0.2"
CONNECT = f"""
import socket, sys
with socket.create_connection(({HERE!r}, {SSH}), float(sys.argv[1])) as connection:
    print(connection.recv(1).decode())
"""
# The base chain of OLD, which lets everything through, in ways that cut the host off.
OUTPUT = "type filter hook output priority 0; policy accept;\n"
CUTTING = {
    "nothing leaves": OLD.replace(OUTPUT, OUTPUT.replace("accept", "drop")),
    "answers to ssh are rejected": OLD.replace(OUTPUT, f"{OUTPUT}\t\ttcp sport {{ {SSH}, 2222 }} reject\n"),
    "nothing comes in": OLD.replace(
        "\tchain egress_output",
        "\tchain egress_inbound {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n\n\tchain egress_output",
    ),
}
assert OLD not in CUTTING.values()
FAULTS = {"crashes": "kill -SEGV $$", "hangs": "exec sleep infinity", "is missing": ""}
CLONE_NEWNS = 0x20000
_libc = ctypes.CDLL(None, use_errno=True)


@pytest.fixture
def own_mounts() -> Iterator[None]:
    """Mounts of the test's own, also for what it starts."""
    home, folder = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY), Path.cwd()
    assert _libc.unshare(CLONE_NEWNS) == 0
    try:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        yield
    finally:
        # Not as long as another thread of the test, which may have ended in Python only, shares its folder.
        wait_for(lambda: _libc.setns(home, CLONE_NEWNS) == 0, "the way back to the first mount namespace")
        os.close(home)
        os.chdir(folder)


@pytest.fixture
def peer() -> Iterator[int]:
    """A second host behind a wire; its process."""
    with process_namespace() as pid:
        for command in (
            "link add tgwire type veth peer name tgpeer",
            f"link set tgpeer netns {pid}",
            f"address add {HERE}/24 dev tgwire",
            "link set tgwire up",
        ):
            subprocess.run(["ip", *command.split()], check=True)
        for command in (f"address add {THERE}/24 dev tgpeer", "link set tgpeer up"):
            subprocess.run(["nsenter", "-t", str(pid), "-n", "ip", *command.split()], check=True)
        yield pid


@pytest.fixture
def reachable(peer: int) -> Iterator[Callable[..., bool]]:
    """Return whether a new connection from the other host gets an answer within some seconds, by default many."""
    server = socket.create_server((HERE, SSH))

    def answer() -> None:
        with suppress(OSError):
            while True:
                server.accept()[0].sendall(b"x")

    answering = threading.Thread(target=answer, daemon=True)
    answering.start()

    def connects(seconds: float = 30.0) -> bool:
        command = ["nsenter", "-t", str(peer), "-n", sys.executable, "-c", CONNECT, str(seconds)]
        return subprocess.run(command, capture_output=True, check=False).stdout == b"x\n"

    try:
        yield connects
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        answering.join()


@pytest.fixture
def guarded(own_mounts: None, host: GuardedHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GuardedHost:
    """A host with a confirmed policy whose nft can be made to fail. Its guard finds nft as any program does."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "nft").symlink_to(host.nft)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    found = GuardedHost(Paths(str(tmp_path / "root")), LiveTable(), folder / "nft")
    found.has(OLD)
    return found


def break_nft(host: GuardedHost, fault: str) -> Path:
    """Have every nft fail from now on; return a file that is there as soon as one was started."""
    started = host.nft.with_name("started")
    host.nft.unlink()
    if fault:
        host.nft.write_text(f"#!/bin/sh\n: >{started}\n{fault}\n")
        host.nft.chmod(0o755)
    else:
        for path in dict.fromkeys(Path(folder, "nft").resolve() for folder in os.environ["PATH"].split(":")):
            if path.exists():
                subprocess.run(["mount", "--bind", "/dev/null", str(path)], check=True)
    return started


def late(host: GuardedHost) -> None:
    """Let the time of the pending change be over."""
    change = pending.read(host.paths)
    assert change is not None
    pending.write(host.paths, replace(change, deadline=clock.uptime() - GRACE - 1))


def by_timer(host: GuardedHost, policy: str, fail: Callable[[], object]) -> None:
    with host.timer_held():
        host.apply(policy, seconds=1)
        fail()
    wait_for(lambda: not host.paths.pending.exists(), "the rollback")


def by_watcher(host: GuardedHost, policy: str, fail: Callable[[], object]) -> None:
    host.apply(policy)
    host.kill_timer()
    fail()
    late(host)
    assert Watcher(Host(host.paths, LiveTable())).check() == "restored"


def by_boot(host: GuardedHost, policy: str, fail: Callable[[], object]) -> None:
    """The distribution loads what it saved, the change on trial; then our unit runs."""
    host.apply(policy)
    host.kill_timer()
    change = pending.read(host.paths)
    assert change is not None
    pending.write(host.paths, replace(change, boot_id="another boot"))
    host.paths.snapshot.unlink()
    fail()
    assert boot.boot(Host(host.paths, LiveTable())) == boot.LOADED


def by_console(host: GuardedHost, policy: str, fail: Callable[[], object]) -> None:
    host.apply(policy)
    fail()
    assert host.run("rollback").returncode == 0


WAYS = [by_timer, by_watcher, by_boot, by_console]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("policy", CUTTING)
def test_the_host_is_reachable_again(
    guarded: GuardedHost, reachable: Callable[..., bool], policy: str, fault: str, way: Callable[..., None]
) -> None:
    started: list[Path] = []

    def fail() -> None:
        assert not reachable(SILENCE)
        started.append(break_nft(guarded, FAULTS[fault]))

    assert reachable()
    way(guarded, CUTTING[policy], fail)
    assert reachable()
    assert not started[0].exists()
    record = confirmed_policy.read(guarded.paths)
    assert record is not None
    assert confirmed_policy.is_live(guarded, record)
    assert not pending.read(guarded.paths)


@pytest.mark.parametrize("version", ["0.9.8", "1.0.6"])
def test_a_foreign_table_that_crashes_nft_stops_no_rollback(
    guarded: GuardedHost, reachable: Callable[..., bool], version: str
) -> None:
    """A container of the host's network bans addresses with an nft that is newer than the host's."""
    guarded.nft.unlink()
    guarded.nft.symlink_to(BINARIES[version])

    def ban() -> None:
        NftCommand(BINARIES["1.1.3"]).load("table inet banned {\n set s { type ipv4_addr; }\n}\n")
        assert subprocess.run([guarded.nft, "list", "ruleset"], capture_output=True, check=False).returncode < 0

    by_timer(guarded, CUTTING["nothing leaves"], ban)
    assert reachable()
    assert guarded.run("status").returncode == 1  # no watcher runs here
    assert guarded.run("restore").returncode == 0
    assert [event["event"] for event in journal.read(guarded.paths)][-1] == "restored"


@pytest.mark.parametrize("fault", FAULTS)
def test_everything_on_the_console_works_without_nft(
    guarded: GuardedHost, reachable: Callable[..., bool], fault: str
) -> None:
    guarded.has(OLD.replace("203.0.113.0/24", "192.0.2.0/24"))
    started = break_nft(guarded, FAULTS[fault])
    for words, shown in (
        (("close", "5"), "Only the floor"),
        (("rollback",), "Ended the emergency"),
        (("open", "5"), "All outbound traffic"),
        (("status",), "emergency  open for 5 minutes"),
        (("rollback",), "Ended the emergency"),
        (("rollback", "1"), "Loaded and saved for boot"),
        (("restore",), "Loaded the policy"),
        (("status",), "as confirmed"),
    ):
        done = guarded.run(*words)
        assert done.returncode == (words == ("status",)), (words, done.stderr)  # no watcher runs here
        assert shown in done.stdout, words
    assert reachable()
    assert not started.exists()


@pytest.mark.parametrize("fault", FAULTS)
def test_the_failsafe_table_needs_no_nft(guarded: GuardedHost, reachable: Callable[..., bool], fault: str) -> None:
    guarded.load(f"delete table inet tidegate\n{CUTTING['nothing leaves']}")
    assert not reachable(SILENCE)
    guarded.paths.confirmed.write_text("damaged")
    started = break_nft(guarded, FAULTS[fault])
    assert boot.boot(Host(guarded.paths, LiveTable())) == boot.FAILSAFE
    assert reachable()
    assert not started.exists()


def test_after_an_upgrade_of_the_kernel_nft_is_asked_first(
    guarded: GuardedHost, reachable: Callable[..., bool]
) -> None:
    """What another kernel reported may mean something else to this one; where nft fails, it is better than nothing."""
    record = confirmed_policy.read(guarded.paths)
    assert record is not None
    older = replace(record, kernel="5.10.0-older")
    guarded.load(f"delete table inet tidegate\n{CUTTING['nothing leaves']}")
    confirmed_policy.restore_record(guarded, older)
    assert reachable()
    guarded.load(f"delete table inet tidegate\n{CUTTING['nothing leaves']}")
    started = break_nft(guarded, FAULTS["crashes"])
    confirmed_policy.restore_record(Host(guarded.paths, LiveTable()), older)
    assert reachable()
    assert started.exists()


def test_what_cannot_be_rolled_back_is_tried_until_it_is(guarded: GuardedHost, reachable: Callable[..., bool]) -> None:
    """Nobody but its owner can change a table that has one."""
    guarded.apply(CUTTING["nothing leaves"])
    guarded.load("delete table inet tidegate\n")
    hook = "type filter hook output priority 0; policy drop;"
    owned = f"add table inet tidegate {{ flags owner; }}\nadd chain inet tidegate c {{ {hook} }}"
    with NftCommand(HOST).owner(owned):
        wait_for(lambda: not reachable(SILENCE), "the owner's table")
        late(guarded)
        watching = Watcher(Host(guarded.paths, LiveTable()))
        guarded.kill_timer()
        with pytest.raises(GuardError, match="still loaded") as caught:
            watching.check()
        assert caught.value.reason == "not_rolled_back"
        assert watching.check() == ""
        assert "tried again" in guarded.run("status").stdout
        events = [event["event"] for event in journal.read(guarded.paths)]
        assert events[-1] == "stuck"
        assert "restored" not in events
        with pytest.raises(GuardError, match="tried again"):
            Watcher(Host(guarded.paths, LiveTable())).check()
        assert [event["event"] for event in journal.read(guarded.paths)].count("stuck") == 1
    wait_for(lambda: watching.check() == "restored", "the next attempt")
    assert reachable()
    assert journal.read(guarded.paths)[-1]["event"] == "restored"


def test_an_emergency_begins_and_ends_while_others_commit(guarded: GuardedHost, reachable: Callable[..., bool]) -> None:
    nft = BINARIES["1.1.3"]
    commits = f"while :; do {nft} add table ip busy; {nft} delete table ip busy; done"
    with subprocess.Popen(["sh", "-c", commits]) as others:
        try:
            for kind in ("close", "open"):
                for words in ((kind, "5"), ("rollback",)):
                    done = guarded.run(*words)
                    assert done.returncode == 0, (words, done.stderr)
        finally:
            others.kill()
    assert reachable()
