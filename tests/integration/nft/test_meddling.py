# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Others write at the worst moment, runs are killed, nft dies: the end is right or the error is clear."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import errors as netlink_errors
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import tables as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, NftOutcome
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from .conftest import Lab

TABLE: dict[str, Any] = {
    "name": "t",
    "chains": [{"name": "c", "rules": ["tcp dport 1 accept", "tcp dport 2 accept", "tcp dport 3 accept"]}],
}
FEWER: dict[str, Any] = {"name": "t", "chains": [{"name": "c", "rules": ["tcp dport 1 accept", "tcp dport 3 accept"]}]}


class Meddled(Nft):
    """Somebody writes right before each of the first transactions."""

    meddle: Callable[[], None]
    times = 1

    def load(self, script: str, *, check: bool = False) -> NftOutcome:
        if not check and self.times:
            self.times -= 1
            self.meddle()
        return super().load(script, check=check)


def meddled(lab: Lab, meddle: Callable[[], None], times: int = 1) -> None:
    meddled_nft = Meddled(lab.path)
    meddled_nft.meddle = meddle
    meddled_nft.times = times
    lab.nft = meddled_nft


def test_a_rule_goes_that_was_to_be_deleted(lab: Lab) -> None:
    lab.run(TABLE)
    handle = lab.rules("c")[1].handle
    other = Nft(lab.path)
    meddled(lab, lambda: _must(other.load(f"delete rule inet t c handle {handle}\n")))
    lab.run(FEWER)
    lab.settled(FEWER)


def test_the_table_goes_in_between(lab: Lab) -> None:
    lab.run(TABLE)
    other = Nft(lab.path)
    meddled(lab, lambda: _must(other.load("delete table inet t\n")))
    assert lab.run(FEWER).changed
    lab.settled(FEWER)


def test_a_rule_comes_in_between(lab: Lab) -> None:
    lab.run(TABLE)
    other = Nft(lab.path)
    meddled(lab, lambda: _must(other.load("add rule inet t c drop\n")))
    assert lab.run(FEWER).changed
    lab.settled(FEWER)


def test_somebody_who_never_stops(lab: Lab) -> None:
    lab.run(TABLE)
    other = Nft(lab.path)
    meddled(lab, lambda: _must(other.load("add rule inet t c drop\n")), times=99)
    with pytest.raises(EngineError) as error:
        lab.run(FEWER)
    assert error.value.reason in ("busy", "not_applied")


def test_another_table_changes_in_between(lab: Lab) -> None:
    lab.run(TABLE)
    other = Nft(lab.path)
    meddled(lab, lambda: _must(other.load("add table ip elsewhere\n")))
    assert lab.run(FEWER).changed
    lab.settled(FEWER)


def _must(outcome: NftOutcome) -> None:
    assert outcome.code == 0, outcome.err


class Interrupted(Nft):
    """Somebody deletes the table right before it is listed, and makes it anew right after."""

    times = 1

    def list_table(self, family: str, name: str, *, elements: bool = True) -> NftOutcome:
        if not self.times:
            return super().list_table(family, name, elements=elements)
        self.times -= 1
        restore = super().list_table(family, name).out
        _must(self.load(f"delete table {family} {name}\n"))
        outcome = super().list_table(family, name, elements=elements)
        _must(self.load(restore))
        return outcome


def test_the_table_goes_and_comes_while_it_is_listed(lab: Lab) -> None:
    lab.run(TABLE)
    interrupted = Interrupted(lab.path)
    lab.nft = interrupted
    assert lab.run(FEWER).changed
    lab.settled(FEWER)
    interrupted.times = 99
    with pytest.raises(EngineError, match="No such file or directory"):
        lab.run(TABLE)


class Silent(Nft):
    """Says yes and does nothing, as nft does to several changes."""

    def load(self, script: str, *, check: bool = False) -> NftOutcome:
        if check or "_tidegate_" in script:
            return super().load(script, check=check)
        super().load("add table inet x\ndelete table inet x\n")
        return NftOutcome(0, "", "")


def test_a_change_that_nft_only_says_it_made(lab: Lab) -> None:
    lab.run(TABLE)
    lab.nft = Silent(lab.path)
    with pytest.raises(
        EngineError, match=r"reported success, but nf_tables does not hold what was sent\. Missing: delete rule"
    ) as error:
        lab.run(FEWER)
    assert error.value.reason == "not_applied"
    assert "tcp dport 2 accept" in str(error.value)


def tables() -> list[str]:
    return [name for _family, name in nf_tables.tables()]


def test_scratch_tables_of_killed_runs_are_swept(lab: Lab) -> None:
    lab.run(TABLE)
    lab.load("add table inet _tidegate_1_dead_0\nadd table ip _tidegate_1_dead_1\nadd table inet _tidegate_2_alive_0")
    record = {"tables": ["inet _tidegate_1_dead_0", "ip _tidegate_1_dead_1"], "namespace": nf_tables.namespace()}
    (lab.run_dir / "scratch._tidegate_1_dead").write_text(json.dumps(record))
    alive = lab.run_dir / "scratch._tidegate_2_alive"
    alive.write_text(json.dumps({"tables": ["inet _tidegate_2_alive_0"], "namespace": nf_tables.namespace()}))
    elsewhere = lab.run_dir / "scratch._tidegate_3_elsewhere"
    elsewhere.write_text(json.dumps({"tables": ["inet t"], "namespace": 1}))
    lying = lab.run_dir / "scratch._tidegate_4_lying"
    lying.write_text(json.dumps({"tables": ["inet bystander"], "namespace": nf_tables.namespace()}))
    lab.load("add table inet bystander")
    with alive.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        lab.forget()
        lab.run(TABLE)
    assert sorted(tables()) == ["_tidegate_2_alive_0", "bystander", "t"]
    assert alive.exists()
    assert elsewhere.exists()


def fake(tmp_path: Path, script: str) -> Nft:
    """An nft made of shell."""
    path = tmp_path / "nft"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return Nft(str(path))


VERSION = 'case "$*" in *--version*) echo "nftables v1.0.6 (x)"; exit 0;; esac\n'

# what is wrong with nft -> (shell, reason, part of the message)
BROKEN: dict[str, tuple[str, str, str]] = {
    "crashes when it lists": (VERSION + "kill -SEGV $$", "nft_crashed", "Signal SIGSEGV ended nft while it ran"),
    "aborts": (VERSION + "kill -ABRT $$", "nft_crashed", "SIGABRT"),
    "crashes at once": ("kill -SEGV $$", "nft_crashed", "--version"),
    "is too old": (
        'echo "nftables v0.9.3 (Topsy)"',
        "nft_too_old",
        "is nft 0.9.3; the oldest supported version is 0.9.8",
    ),
    "is something else": ("echo hello", "rejected_by_nft", "nft rejects"),
    "finds no kernel support": (
        VERSION + 'echo "nft: Unable to initialize Netlink socket: Protocol not supported" >&2; exit 3',
        "no_nf_tables",
        "This kernel has no nf_tables",
    ),
    "is busy": (
        VERSION + 'echo "x.nft:1:1-2: Error: Could not process rule: Device or resource busy" >&2; exit 1',
        "busy",
        "still in use",
    ),
    "prints nonsense": (VERSION + 'echo "table inet t {"; exit 0', "not_applied", "cannot be read"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_nft_that(lab: Lab, tmp_path: Path, what: str) -> None:
    script, reason, part = BROKEN[what]
    lab.run(TABLE)
    before = lab.listing()
    real, lab.nft = lab.nft, fake(tmp_path, script)
    for check in (True, False):
        with pytest.raises(EngineError) as error:
            lab.run(FEWER, check=check)
        assert error.value.reason == reason, str(error.value)
        assert part in str(error.value)
    lab.nft = real
    assert lab.listing() == before


def test_nft_that_is_not_there(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineError, match=r"nft is not installed on this host\. Fix: install the package nftables"):
        Nft(str(tmp_path / "nft"))
    monkeypatch.setattr("ansible_collections.tidegate.nftables.plugins.module_utils.nft.command.FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError) as error:
        Nft()
    assert error.value.reason == "nft_missing"


def test_nft_that_never_ends(lab: Lab, tmp_path: Path) -> None:
    slow = fake(tmp_path, VERSION + "exec sleep 30")
    lab.nft = Nft(slow.path, timeout=0.3)
    with pytest.raises(EngineError, match="nft did not finish within") as error:
        lab.run(TABLE)
    assert error.value.reason == "busy"


CRASH = """
add table inet foreign
add set inet foreign s { type ipv4_addr . inet_service; flags interval; counter; }
add element inet foreign s { 10.0.0.0/8 . 80 }
"""


def test_the_crash_of_0_9_8_is_named_or_does_not_happen(lab: Lab) -> None:
    lab.load(CRASH)
    if lab.version < (1, 0):
        with pytest.raises(
            EngineError, match="a set of concatenated intervals with counters and an element in it"
        ) as error:
            lab.run(TABLE)
        assert error.value.reason == "nft_crashed"
        assert sorted(tables()) == ["foreign"]
    else:
        assert lab.run(TABLE).changed
        assert sorted(tables()) == ["foreign", "t"]


def _without_capability(lab: Lab, code: str) -> subprocess.CompletedProcess[str]:
    program = (
        "import os\n"
        "from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse\n"
        "from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft\n"
        "from ansible_collections.tidegate.nftables.plugins.module_utils.nft.engine import Engine\n"
        "from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError\n"
        "from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory\n"
        f"state = RunDirectory({str(lab.run_dir)!r})\n"
        "try:\n"
        f"    Engine(Nft({lab.path!r}), state=state).run(parse.tables([{{'name': 't'}}]))\n"
        "except EngineError as error:\n"
        "    print(error.reason, error)\n"
    )
    return subprocess.run(
        ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", sys.executable, "-c", code or program],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_without_the_capability(lab: Lab) -> None:
    done = _without_capability(lab, "")
    assert done.stderr == ""
    assert done.stdout.startswith("no_cap_net_admin This process may neither read nor change the firewall")
    assert "become: true" in done.stdout
    assert tables() == []


def test_a_kernel_without_nf_tables(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """nfnetlink of such a kernel answers EINVAL to a subsystem that it does not have."""

    def missing(*_arguments: object) -> None:
        raise netlink_errors.from_errno("reading", 95)

    monkeypatch.setattr(netlink, "generation", missing)
    monkeypatch.setattr(netlink, "table_handle", missing)
    with pytest.raises(EngineError, match="This kernel has no nf_tables") as error:
        lab.run(TABLE)
    assert error.value.reason == "no_nf_tables"


def test_a_kernel_that_does_not_say_its_generation(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing can be proven, and all is done with nft alone."""

    def silent(*_arguments: object) -> None:
        raise OSError(1, "blocked by a sandbox")

    monkeypatch.setattr(netlink, "generation", silent)
    monkeypatch.setattr(netlink, "table_handle", silent)
    assert lab.run(TABLE).changed
    again = lab.run(TABLE)
    assert (again.changed, again.path) == (False, "full")
    assert lab.run(FEWER).changed
    assert lab.run({"name": "t", "state": "absent"}).changed
    assert not lab.run({"name": "t", "state": "absent"}).changed


def test_two_runs_at_once(lab: Lab) -> None:
    """Both end well, and the table is one of the two."""
    pids = []
    for desired in (TABLE, FEWER):
        pid = os.fork()
        if pid == 0:
            code = 1
            with contextlib.suppress(EngineError):
                lab.run(desired)
                code = 0
            os._exit(code)
        pids.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0, 0]
    states = {tuple(spec["chains"][0]["rules"]) for spec in (TABLE, FEWER)}
    assert tuple(rule.canon for rule in lab.rules("c")) in states
    assert tables() == ["t"]


def test_no_history_is_left_in_anybodys_home(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nft does when it is talked to and knows a home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    lab.nft = Nft(lab.path)
    assert lab.run(TABLE).changed
    assert list(tmp_path.glob(".*")) == []
