# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that nobody confirms is put back by a guard of its own; a confirmed one stays, and survives a reboot."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import package
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    pending,
    records,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import decide, policy_tests
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial.policy_tests import PolicyTests
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import table_handle
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE
from ansible_collections.tidegate.nftables.tests.support.waiting import send_signal

from .conftest import NEW, OLD, GuardedHost, blocks, timeless, wait_for
from .trials import events, is_rolled_back, policy

QUOTA_AND_LIMIT = "\tquota daily {\n\t\tover 10 mbytes\n\t}\n\n\tlimit calm {\n\t\trate 10/second\n\t}\n\n"
MAP = """\tmap ports {
\t\ttype inet_service : verdict
\t\telements = { 80 : jump egress_floor, 443 : accept }
\t}

"""
RULES = '\t\ttcp dport vmap @ports\n\t\tquota name "daily" limit name "calm" accept\n'


def test_an_unconfirmed_change_is_rolled_back_with_its_counters(each_host: GuardedHost) -> None:
    each_host.load(OLD)
    before = each_host.listing()
    with each_host.timer_held():
        applied = each_host.apply(NEW, seconds=1)
        assert applied["changed"]
        assert applied["guard"]["kind"] == "process"
        assert "192.0.2.0/24" in each_host.listing()
    wait_for(lambda: is_rolled_back(each_host))
    assert blocks(each_host.listing()) == blocks(before)
    assert "packets 12 bytes 720" in each_host.listing()
    assert "packets 7 bytes 420" in each_host.listing()
    assert not each_host.paths.confirmed.exists()
    assert events(each_host) == ["restored"]


def test_a_first_policy_that_nobody_confirms_leaves_no_table(host: GuardedHost) -> None:
    with host.timer_held():
        host.apply(OLD, seconds=1)
        assert host.listing()
    wait_for(lambda: is_rolled_back(host))
    assert not host.listing()


def test_time_goes_on_for_elements_that_end(each_host: GuardedHost) -> None:
    each_host.load(
        OLD.replace("expires 30m comment", "expires 3s comment").replace(
            "198.51.100.7", "198.51.100.9 timeout 1h expires 30m, 198.51.100.7"
        )
    )
    each_host.apply(NEW, seconds=2)
    wait_for(lambda: is_rolled_back(each_host))
    left = re.search(r"198\.51\.100\.9 timeout 1h expires (\d+)m(\d+)s", each_host.listing())
    assert left is not None, each_host.listing()
    assert 60 * int(left[1]) + int(left[2]) <= 30 * 60 - 2
    wait_for(lambda: "198.51.100.7" not in each_host.listing(), "the end of an element")


def test_a_killed_timer_is_noticed_by_the_next_run(host: GuardedHost) -> None:
    host.has(OLD)
    before = policy(host)
    host.apply(NEW)
    host.kill_timer()
    again = host.apply(OLD)
    assert "its rollback timer was gone: it was rolled back" in again["recovered"]
    assert not again["changed"]
    assert policy(host) == before


def test_a_killed_module_leaves_a_timer_that_acts(host: GuardedHost, tmp_path: Path) -> None:
    host.load(OLD)
    before = host.listing()
    script = tmp_path / "run.py"
    script.write_text(
        "import os, signal, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent.parent)!r})\n"
        "from guard import conftest\n"
        f"host = conftest.GuardedHost.at({host.paths.root!r}, conftest.Path({str(host.nft)!r}))\n"
        "with host.timer_held():\n"
        "    host.apply(conftest.NEW, seconds=1)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, str(script)], check=False, stdin=subprocess.DEVNULL, start_new_session=True)
    assert done.returncode == -signal.SIGKILL
    # It left its timer stopped.
    assert "192.0.2.0/24" in host.listing()
    send_signal(signal.SIGCONT, host.timer())
    wait_for(lambda: is_rolled_back(host))
    assert blocks(host.listing()) == blocks(before)


def test_the_timer_does_not_end_with_the_session(host: GuardedHost) -> None:
    host.load(OLD)
    with host.timer_held():
        host.apply(NEW, seconds=1)
        guard = host.timer()
        fields = Path(f"/proc/{guard}/stat").read_text().rpartition(")")[2].split()
        assert int(fields[3]) != os.getsid(0), "it is in our session"
        assert int(fields[4]) == 0, "it has a terminal"
        assert {str(Path(f"/proc/{guard}/fd/{number}").readlink()) for number in (0, 1, 2)} == {"/dev/null"}
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
            os.kill(guard, number)
    wait_for(lambda: is_rolled_back(host))
    assert "203.0.113.0/24" in host.listing()


def test_a_fault_of_the_program_locks_nobody_out(host: GuardedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = package._sources()
    name = next(name for name in sources if name.endswith("guard/table/restore.py"))
    broken = sources[name].replace(b'problem, expiring = "", True', b"problem, expiring = 1 / 0", 1)
    assert broken != sources[name]
    monkeypatch.setattr(package, "_sources", lambda: {**sources, name: broken})
    package.build.cache_clear()
    host.load(OLD)
    host.apply(NEW, seconds=2)
    wait_for(lambda: "203.0.113.0/24" in host.listing())
    package.build.cache_clear()


def test_elements_of_others_survive_both_ways(each_host: GuardedHost) -> None:
    each_host.load(OLD)
    each_host.load("add element inet tidegate fed4 { 10.0.0.1, 10.0.0.2 }\n")
    each_host.load("add element inet tidegate denied4 { 10.9.9.9 . tcp . 443 expires 23h }\n")
    applied = each_host.apply(
        NEW.replace(
            "set fed4 {\n\t\ttype ipv4_addr", "set fed4 {\n\t\ttype ipv4_addr\n\t\telements = { 10.0.0.1, 10.0.0.2 }"
        )
    )
    each_host.load("add element inet tidegate fed4 { 10.0.0.3 }\ndelete element inet tidegate fed4 { 10.0.0.1 }\n")
    each_host.load("add element inet tidegate denied4 { 10.8.8.8 . udp . 53 expires 23h }\n")
    decide.reject(each_host, applied["guard"]["token"], "a test failed")
    stands = each_host.listing()
    assert "203.0.113.0/24" in stands
    assert re.search(r"10\.0\.0\.2,\s+10\.0\.0\.3", stands)
    assert "10.0.0.1 " not in stands
    assert re.search(r"10\.8\.8\.8 \. (udp|17) \. 53", stands)
    assert is_rolled_back(each_host)


def test_elements_of_others_come_back_when_the_new_policy_has_no_such_set(each_host: GuardedHost) -> None:
    each_host.load(OLD)
    each_host.load("add element inet tidegate fed4 { 10.0.0.1 }\n")
    without = re.sub(r"\tset fed4 \{.*?\n\t\}\n\n", "", NEW, flags=re.DOTALL)
    applied = each_host.apply(without)
    assert "fed4" not in each_host.listing()
    decide.reject(each_host, applied["guard"]["token"], "a test failed")
    assert "10.0.0.1" in each_host.listing()


def test_a_change_of_every_kind_of_thing_is_rolled_back(each_host: GuardedHost) -> None:
    rich = (
        OLD.replace("\tset allow_api4", f"{QUOTA_AND_LIMIT}\tset allow_api4")
        .replace("\tchain egress_floor", f"{MAP}\tchain egress_floor")
        .replace("\t\tcounter name", f"{RULES}\t\tcounter name")
    )
    each_host.load(rich)
    each_host.load("add element inet tidegate fed4 { 10.0.0.1 }\n")
    before = each_host.listing()
    other = (
        rich.replace("type ipv4_addr\n\t\tflags interval", "type ipv6_addr\n\t\tflags interval")
        .replace("203.0.113.0/24", "2001:db8::/32")
        .replace("ip daddr @allow", "ip6 daddr @allow")
        .replace("priority 0", "priority 10")
        .replace("80 : jump egress_floor", "80 : drop")
        .replace("rate 10/second", "rate 20/second")
        .replace("over 10 mbytes", "over 20 mbytes")
    )
    applied = each_host.apply(other)
    each_host.load("add element inet tidegate fed4 { 10.0.0.2 }\n")
    decide.reject(each_host, applied["guard"]["token"], "a test failed")
    assert blocks(each_host.listing()) == blocks(before.replace("10.0.0.1", "10.0.0.2"))


def test_a_change_that_cannot_be_loaded_leaves_everything_as_it_was(host: GuardedHost) -> None:
    host.load(OLD)
    before, handle = host.listing(), table_handle(*TABLE)
    with pytest.raises(Exception, match="nft rejects"):
        host.apply(NEW.replace("tcp dport 8443", "tcp dport nonsense"))
    assert timeless(host.listing()) == timeless(before)
    assert table_handle(*TABLE) == handle
    assert is_rolled_back(host)


def test_an_unchanged_host_is_left_alone(host: GuardedHost) -> None:
    host.has(OLD)
    saved = host.paths.confirmed.stat()
    again = host.apply(OLD)
    assert not again["changed"]
    assert again["guard"] is None
    assert again["files"] == []
    now = host.paths.confirmed.stat()
    assert (now.st_ino, now.st_mtime_ns) == (saved.st_ino, saved.st_mtime_ns)


def test_check_mode_starts_no_timer_and_writes_nothing(host: GuardedHost) -> None:
    predicted = host.apply(OLD, check=True)
    assert predicted["changed"]
    assert predicted["guard"] is None
    assert not host.listing()
    assert not host.paths.state.exists()
    assert not host.paths.program.exists()
    assert [file["action"] for file in predicted["files"]] == ["add"] * 8


def test_a_flushed_table_is_rolled_back_too(host: GuardedHost) -> None:
    host.load(OLD)
    before = host.listing()
    with host.timer_held():
        host.apply(NEW, seconds=1)
        host.load("flush ruleset\n")
    wait_for(lambda: is_rolled_back(host))
    assert blocks(host.listing()) == blocks(before)


def test_a_timeout_shorter_than_its_tests_is_refused(host: GuardedHost) -> None:
    slow = PolicyTests([{"name": "slow", "to": "192.0.2.1", "port": 1, "expect": "reach"}], timeout=2.0)
    with pytest.raises(GuardError, match="A change is rolled back after 5 s, but its tests may take 14 s"):
        host.apply(OLD, seconds=5, tests=slow)
    assert not host.listing()


def test_the_tests_before_the_change_meet_the_old_table(host: GuardedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host.load(OLD)
    tested: list[str] = []

    def run(_tests: PolicyTests) -> list[policy_tests.PolicyTestResult]:
        tested.append(host.table.listing() or "")
        return []

    monkeypatch.setattr(policy_tests, "run", run)
    host.apply(NEW)
    assert ["203.0.113.0/24" in text for text in tested] == [True]
    assert records.load(host.paths.confirmed) is None
    assert pending.read(host.paths) is not None


@pytest.mark.parametrize("end", ["rejected", "rebooted"])
def test_the_settings_of_a_change_that_does_not_stay_go_with_it(host: GuardedHost, end: str) -> None:
    host.apply(OLD, settings=Settings(mode="observe"), confirm=False)
    fail_safe = host.paths.failsafe.read_bytes()
    token = host.apply(NEW, settings=Settings(mode="enforce"))["guard"]["token"]
    assert settings.read(host.paths).mode == "enforce"
    if end == "rejected":
        decide.reject(host, token, "tests failed")
    else:
        host.reboot()
        host.run("boot")
    assert settings.read(host.paths) == Settings(mode="observe")
    assert host.paths.failsafe.read_bytes() == fail_safe
