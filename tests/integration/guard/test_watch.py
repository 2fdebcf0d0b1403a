# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watcher: the table is back after a flush, an edit is seen, and nothing is done while somebody is at work."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, lock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program.watcher import GRACE, INTERVAL, Watcher
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import journal, pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import decide
from ansible_collections.tidegate.nftables.tests.support.nft import by_tabs
from ansible_collections.tidegate.nftables.tests.support.waiting import finish

from .conftest import BINARIES, NEW, OLD, GuardedHost, timeless, wait_for

FOREIGN = "table ip other {\n\tset banned {\n\t\ttype ipv4_addr\n\t}\n}\n"


def events(host: GuardedHost) -> list[str]:
    return [event["event"] for event in journal.read(host.paths)]


def is_reported(host: GuardedHost, times: int) -> bool:
    """Return whether the table was lost this many times."""
    return events(host).count("lost") == times


def policy(host: GuardedHost) -> str:
    return shape(host.listing(), ("fed4",))


@contextmanager
def watcher(host: GuardedHost) -> Iterator[subprocess.Popen[str]]:
    """The installed watcher, as systemd would run it."""
    running = subprocess.Popen([str(host.paths.program), "watch"], text=True)
    try:
        wait_for(lambda: lock.is_held(host.paths.watcher_lock))
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        finish(running)


def test_a_flushed_table_is_back_within_five_seconds(each_host: GuardedHost) -> None:
    each_host.has(OLD)
    expected = policy(each_host)
    with watcher(each_host):
        for times, script in enumerate(("flush ruleset\n", "delete table inet tidegate\n"), start=1):
            each_host.load(script)
            wait_for(each_host.listing, "the table")
            wait_for(partial(is_reported, each_host, times), "the event")
            assert policy(each_host) == expected


def test_the_first_look_after_a_flush_restores_the_table(host: GuardedHost) -> None:
    """With the interval of looks this is what "within five seconds" means, without a clock."""
    assert INTERVAL <= 2.5
    host.has(OLD)
    expected, watching = policy(host), Watcher(host)
    for script in ("flush ruleset\n", "delete table inet tidegate\n"):
        watching.check()
        host.load(script)
        watching.check()
        assert policy(host) == expected


def test_a_host_that_is_flushed_again_and_again_keeps_its_policy(host: GuardedHost) -> None:
    host.has(OLD)
    expected = policy(host)
    with watcher(host):
        for _flush in range(3):
            host.load("flush ruleset\n")
            wait_for(host.listing, "the table")
        wait_for(lambda: policy(host) == expected, "the policy")
    assert "failsafe" not in events(host)


def test_the_watcher_is_quiet_during_a_pending_change_and_rolls_back_for_a_late_timer(host: GuardedHost) -> None:
    host.has(OLD)
    expected = policy(host)
    watching = Watcher(host)
    host.apply(NEW)
    host.kill_timer()
    host.load("flush ruleset\n")
    assert watching.check() == ""
    assert not host.listing()
    assert "lost" not in events(host)
    change = pending.read(host.paths)
    assert change is not None
    pending.write(host.paths, replace(change, deadline=clock.uptime() - GRACE - 1))
    assert watching.check() == "restored"
    assert policy(host) == expected
    assert not host.paths.pending.exists()
    assert watching.check() == ""


def test_a_timer_that_lives_and_does_nothing_is_not_waited_for_for_ever(host: GuardedHost) -> None:
    host.has(OLD)
    expected = policy(host)
    host.apply(NEW)
    guard = host.timer()
    os.kill(guard, signal.SIGSTOP)
    change = pending.read(host.paths)
    assert change is not None
    late = replace(change, deadline=clock.uptime() - 15)
    pending.write(host.paths, late)
    watching = Watcher(host)
    with pytest.raises(GuardError):
        watching.check()
    assert policy(host) != expected
    pending.write(host.paths, replace(late, deadline=clock.uptime() - 31))
    assert watching.check() == "restored"
    assert policy(host) == expected
    os.kill(guard, signal.SIGCONT)
    wait_for(lambda: clock.start_time(guard) is None)
    assert policy(host) == expected
    assert events(host).count("restored") == 1


def test_commits_of_others_are_nothing_to_tell(host: GuardedHost) -> None:
    host.has(OLD)
    watching = Watcher(host)
    watching.check()
    before = host.listing()
    host.load(FOREIGN)
    host.load("add element ip other banned { 10.0.0.1 }\n")
    host.load("add element inet tidegate fed4 { 10.0.0.1 }\n")
    watching.next_compare = 0
    assert watching.check() == ""
    assert "edited" not in events(host)
    assert timeless(host.listing()) == timeless(before).replace(
        "\t\ttype ipv4_addr\n\t}", "\t\ttype ipv4_addr\n\t\telements = { 10.0.0.1 }\n\t}"
    )


def test_an_edit_by_hand_is_reported_once(host: GuardedHost) -> None:
    host.has(OLD)
    watching = Watcher(host)
    assert watching.check() == ""
    host.load("insert rule inet tidegate egress_output accept\n")
    watching.next_compare = 0
    assert watching.check() == "edited"
    event = journal.read(host.paths)[-1]
    assert event["event"] == "edited"
    assert "+  accept" in event["edit"]
    host.load(FOREIGN)
    watching.next_compare = 0
    assert watching.check() == ""
    assert events(host).count("edited") == 1
    assert "\t\taccept\n" in host.listing()


def test_an_edit_by_hand_is_repaired_where_the_settings_say_so(each_host: GuardedHost) -> None:
    each_host.apply(OLD, settings=Settings(drift="repair"), confirm=False)
    expected, before = policy(each_host), each_host.listing()
    watching = Watcher(each_host)
    each_host.load("insert rule inet tidegate egress_output accept\n")
    each_host.load("add element inet tidegate allow_api4 { 10.0.0.0/8 }\n")
    each_host.load("add element inet tidegate fed4 { 10.0.0.1 }\n")
    assert watching.check() == "repaired"
    assert policy(each_host) == expected
    assert "packets 12 bytes 720" in before
    assert "packets 12 bytes 720" in each_host.listing()
    assert "packets 7 bytes 420" in each_host.listing()
    assert "10.0.0.1" in each_host.listing()
    assert events(each_host)[-2:] == ["edited", "repaired"]
    assert journal.read(each_host.paths)[-1]["what"].split("; ") == [
        "a hand-made `accept` in chain egress_output was removed",
        "a hand-made `10.0.0.0/8` in set allow_api4 was removed",
    ]
    watching.next_compare = 0
    assert watching.check() == ""


def test_a_look_is_cheap_when_nothing_happened(host: GuardedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host.has(OLD)
    watching = Watcher(host)
    watching.check()

    def never(*_words: str) -> None:
        raise AssertionError("nft was started")

    monkeypatch.setattr(host.table._nft, "run", never)
    for _look in range(3):
        assert watching.check() == ""


def test_a_run_at_work_is_not_disturbed(host: GuardedHost) -> None:
    host.has(OLD)
    watching = Watcher(host)
    with lock.exclusive(host.paths, 1):
        host.load("flush ruleset\n")
        assert watching.check() == ""
        assert not host.listing()
    assert watching.check() == "lost"
    assert host.listing()


def test_a_damaged_policy_is_replaced_by_the_failsafe_table(host: GuardedHost) -> None:
    host.has(OLD)
    host.paths.confirmed.write_text("damaged")
    watching = Watcher(host)
    host.load("flush ruleset\n")
    assert watching.check() == "lost"
    assert 'counter name "failsafe"' in host.listing()
    assert watching.check() == ""


def test_a_host_without_a_policy_is_not_touched(host: GuardedHost) -> None:
    host.load(OLD)
    host.load("flush ruleset\n")
    assert Watcher(host).check() == ""
    assert not host.listing()


def test_what_a_run_confirms_is_no_edit(host: GuardedHost) -> None:
    host.has(OLD)
    watching = Watcher(host)
    watching.check()
    token = host.apply(NEW)["guard"]["token"]
    assert watching.check() == ""
    decide.confirm(host, token)
    watching.next_compare = 0
    assert watching.check() == ""
    assert "edited" not in events(host)


def test_a_second_watcher_leaves(host: GuardedHost) -> None:
    host.has(OLD)
    with watcher(host):
        second = host.run("watch")
        assert second.returncode == 0


def test_a_watcher_whose_run_directory_is_wiped_is_not_lost_sight_of(host: GuardedHost) -> None:
    host.has(OLD)
    with watcher(host) as running:
        shutil.rmtree(host.paths.run)
        finish(running)
        assert running.returncode == 0
    with watcher(host):
        assert lock.is_held(host.paths.watcher_lock)


def test_an_edit_is_seen_although_the_run_directory_was_wiped(each_host: GuardedHost) -> None:
    each_host.has(OLD)
    shutil.rmtree(each_host.paths.run)
    watching = Watcher(each_host)
    assert watching.check() == ""
    each_host.load("insert rule inet tidegate egress_output accept\n")
    watching.next_compare = 0.0
    assert watching.check() == "edited"


@pytest.mark.parametrize(("before", "after"), [("0.9.8", "1.0.6"), ("0.9.8", "1.1.3"), ("1.0.6", "1.1.3")])
def test_an_upgrade_of_nft_is_no_edit_and_hides_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    nft = tmp_path / "sbin/nft"
    install_nft(nft, before)
    monkeypatch.setenv("PATH", f"{nft.parent}:{os.environ['PATH']}")
    host = GuardedHost.at(str(tmp_path / "host"), nft)
    # The prefix and the time are words in which the versions differ.
    host.apply(WORDS, settings=Settings(drift="repair"), confirm=False)
    watching = Watcher(host)
    assert watching.check() == ""
    known = events(host)
    install_nft(nft, after)
    for _look in range(2):
        assert watching.check() == ""
        host.load(FOREIGN)
        host.load("delete table ip other\n")
    assert events(host) == known
    host.load("flush chain inet tidegate egress_output\n")
    watching.next_compare = 0.0
    assert watching.check() in ("edited", "repaired")
    assert "edited" in events(host)
    # It ends: what was loaded is right in the words of the new nft.
    watching.next_compare = 0.0
    for _look in range(2):
        assert watching.check() == ""


WORDS = by_tabs("""table inet tidegate {
    set allow_api4 {
        typeof ip daddr
        flags interval
        elements = { 203.0.113.0/24 }
    }

    chain egress_output {
        type filter hook output priority filter; policy accept;
        ip daddr @allow_api4 tcp dport 443 counter accept
        ct mark and 0x00ff0000 == 0x00020000 accept
        icmpv6 type { nd-neighbor-solicit, 130 } accept
        reject with icmpx type admin-prohibited
    }
}
""")


def install_nft(path: Path, version: str) -> None:
    """Put another version of nft in its place, as a package does: a new file under the old name."""
    path.parent.mkdir(exist_ok=True)
    new = path.with_name("nft.new")
    new.write_text(f'#!/bin/sh\nexec {BINARIES[version]} "$@"\n')
    new.chmod(0o755)
    new.replace(path)
