# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is right is known by a question; one that a whole run would change, in whatever way, never is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import unchanged
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import install
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.run_module import ARGUMENTS, PHASES
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.desired import CompiledTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import decide
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot import put
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state import proof
from ansible_collections.tidegate.nftables.tests.golden.cases import ROOT, Case
from ansible_collections.tidegate.nftables.tests.support.namespaces import enter_new

from .conftest import GuardedHost

SPEC = {**Case(ROOT / "app-enforce").spec(), "max_removed": None}
DIGEST = "of these arguments"
DEFAULTS = {name: option.get("default") for name, option in ARGUMENTS.items()}
USER = "payd"


def run(host: GuardedHost, **parameters: Any) -> dict[str, Any]:
    """Run the guard's first phase in this process."""
    arguments = {**DEFAULTS, "tables": [SPEC], "digest": DIGEST, "root": host.paths.root, **parameters}
    return PHASES["apply"](host.paths, arguments, bool(parameters.get("check")))


def ask(host: GuardedHost, digest: str = DIGEST) -> dict[str, Any]:
    return unchanged.answer({"root": host.paths.root, "digest": digest})


@pytest.fixture
def right(host: GuardedHost) -> GuardedHost:
    """A host that a whole run has just found right."""
    run(host, confirm=False)
    run(host)
    assert ask(host)["unchanged"]
    return host


def test_a_change_is_recorded_with_its_confirmation(host: GuardedHost) -> None:
    applied = run(host)
    assert not ask(host)["unchanged"], "while the change is pending"
    decide.confirm(host, applied["guard"]["token"], what="in the words of the controller")
    answer = ask(host)
    assert answer["unchanged"], answer
    whole = run(host)
    assert {key: whole[key] for key in ("changed", "missing_users", "nft_version", "counters")} == {
        key: answer[key] for key in ("changed", "missing_users", "nft_version", "counters")
    }


def test_a_change_that_is_rolled_back_is_not_right(host: GuardedHost) -> None:
    run(host, confirm=False)
    other = {**SPEC, "chains": [*SPEC["chains"][:-1], {**SPEC["chains"][-1], "rules": ["counter"]}]}
    applied = run(host, tables=[other], digest="other")
    decide.reject(host, applied["guard"]["token"], "a test")
    assert not ask(host, "other")["unchanged"]


def test_what_is_asked_commits_nothing(right: GuardedHost) -> None:
    right.load("add table inet foreign; add chain inet foreign c; add rule inet foreign c accept\n")
    generation = nf_tables.generation()
    assert [ask(right)["unchanged"] for _run in range(3)] == [True] * 3
    assert nf_tables.generation() == generation


INNOCENT: dict[str, str] = {
    "elements of others": "add element inet tidegate temporary_allow4 { 192.0.2.7 . tcp . 443 timeout 1h }",
    "lines of the ledger": "add element inet tidegate denied4 { 192.0.2.7 . tcp . 443 . 0 }",
    "counters at zero": "reset counters table inet tidegate",
    "a table of the same name": "add table ip tidegate; add chain ip tidegate c; add counter ip tidegate denied",
}


def test_what_the_policy_does_not_own_may_change(right: GuardedHost) -> None:
    for what, script in INNOCENT.items():
        right.load(f"{script}\n")
        assert ask(right)["unchanged"], what
    assert not run(right)["changed"]


def test_packets_may_be_counted(right: GuardedHost) -> None:
    right.load("add table inet foreign\n")
    before = ask(right)
    subprocess.run(["ping", "-c", "1", "-W", "60", "127.0.0.1"], check=True, stdout=subprocess.DEVNULL)
    with contextlib.suppress(subprocess.CalledProcessError):
        subprocess.run(["ping", "-c", "1", "-W", "1", "198.51.100.7"], check=True, stderr=subprocess.DEVNULL)
    after = ask(right)
    assert before["unchanged"]
    assert after["unchanged"]


COMMITS: dict[str, str] = {
    "a rule more": "insert rule inet tidegate egress_output accept",
    "a rule at the end": "add rule inet tidegate egress_denied accept",
    "an element more": "add element inet tidegate allow_database4 { 192.0.2.66 }",
    "elements gone": "flush set inet tidegate allow_database4",
    "another policy of a chain": "add chain inet tidegate egress_output { policy accept; }",
    "a chain more": "add chain inet tidegate more",
    "a set more": "add set inet tidegate more { type ipv4_addr; }",
    "a counter more": "add counter inet tidegate more",
    "a quota with another limit": "add quota inet tidegate more { over 1 mbytes }",
    "asleep": "add table inet tidegate { flags dormant; }",
    "gone": "delete table inet tidegate",
    "nothing left at all": "flush ruleset",
}


def test_every_change_of_the_table_is_seen_and_so_is_its_end(right: GuardedHost) -> None:
    before = right.table.snapshot()
    assert before is not None
    for what, script in COMMITS.items():
        right.load(f"{script}\n")
        assert ask(right)["differs"], what
        put(before)
        assert ask(right)["unchanged"], f"the same table again after {what}"


def test_the_limit_of_a_quota_counts_and_what_is_used_does_not(right: GuardedHost) -> None:
    def checksum(quota: str) -> str:
        right.load(f"add table inet tidegate\ndelete table inet tidegate\ntable inet tidegate {{\n{quota}\n}}\n")
        with contextlib.closing(unchanged.Kernel()) as kernel:
            return kernel.table(())[1]

    rule = "chain c {\nquota over 1 mbytes%s counter packets %d bytes 9 accept\n}"
    assert checksum("quota q { over 1 mbytes; }") != checksum("quota q { over 2 mbytes; }")
    assert checksum("quota q { over 1 mbytes; }") == checksum("quota q { over 1 mbytes used 7 bytes; }")
    assert checksum(rule % ("", 1)) == checksum(rule % (" used 7 bytes", 2))
    assert checksum(rule % ("", 1)) != checksum((rule % ("", 1)).replace("1 mbytes", "2 mbytes"))


def replace(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def link(path: Path, target: str = "other") -> None:
    path.rename(path.with_name("other"))
    path.symlink_to(target)


DAMAGE: dict[str, Callable[[GuardedHost], object]] = {
    "another program": lambda host: replace(host.paths.program),
    "a program that nobody may run": lambda host: host.paths.program.chmod(0o644),
    "a program of another user": lambda host: os.chown(host.paths.program, 65534, 0),
    "no program": lambda host: host.paths.program.unlink(),
    "a link elsewhere": lambda host: link(host.paths.command, "/bin/true"),
    "no link": lambda host: host.paths.command.unlink(),
    "another fail-safe table": lambda host: replace(host.paths.failsafe),
    "other settings": lambda host: host.paths.settings.write_text("{}"),
    "settings by a link": lambda host: link(host.paths.settings),
    "another policy for the boot": lambda host: replace(host.paths.confirmed),
    "no policy for the boot": lambda host: host.paths.confirmed.unlink(),
    "a pending change": lambda host: host.paths.pending.write_text("{}"),
    "nothing that was loaded last": lambda host: host.paths.last_loaded.unlink(),
    "no record of the fail-safe table": lambda host: next(host.paths.state.glob("failsafe-*")).unlink(),
    "a scratch table of a killed run": lambda host: (host.paths.run / "scratch.tidegate_x").write_text("{}"),
    "a record that others may write": lambda host: host.paths.unchanged.chmod(0o622),
    "a record of somebody else": lambda host: os.chown(host.paths.unchanged, 65534, 65534),
    "a record by a link": lambda host: link(host.paths.unchanged),
    "a folder that others may write": lambda host: host.paths.run.chmod(0o777),
    "half a record": lambda host: host.paths.unchanged.write_text(host.paths.unchanged.read_text()[:-9]),
    "a record of another release": lambda host: host.paths.unchanged.write_text(json.dumps({"digest": DIGEST})),
    "no record": lambda host: host.paths.unchanged.unlink(),
}


def test_everything_else_is_seen_and_so_is_its_end(
    right: GuardedHost, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root, copy = Path(right.paths.root), tmp_path_factory.mktemp("copy") / "root"
    shutil.copytree(root, copy, symlinks=True)
    for what, damage in DAMAGE.items():
        damage(right)
        assert ask(right)["differs"], what
        shutil.rmtree(root)
        shutil.copytree(copy, root, symlinks=True)
        assert ask(right)["unchanged"], f"the same files again after {what}"


def test_other_arguments_are_no_proof(right: GuardedHost) -> None:
    assert ask(right, "of others")["differs"] == "arguments"


def test_a_whole_run_in_check_mode_records_nothing(right: GuardedHost) -> None:
    right.paths.unchanged.unlink()
    run(right, check=True)
    assert not right.paths.unchanged.exists()


def test_without_a_digest_nothing_is_recorded(host: GuardedHost) -> None:
    run(host, confirm=False, digest="")
    assert not host.paths.unchanged.exists()


def test_a_host_in_another_boot_or_namespace_is_another_host(right: GuardedHost) -> None:
    enter_new()
    assert ask(right)["differs"] == "boot"


def test_one_that_writes_is_waited_for_by_a_whole_run(right: GuardedHost) -> None:
    with right.paths.lock.open("w") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert not ask(right)["unchanged"]
    with right.paths.lock.open() as asker:
        fcntl.flock(asker, fcntl.LOCK_SH)
        assert ask(right)["unchanged"], "two may ask at once"


def test_a_user_of_another_number_is_seen(host: GuardedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    run(host, confirm=False)
    assert USER in json.loads(host.paths.unchanged.read_text())["about"]["users"]
    assert ask(host)["unchanged"]
    genuine = pwd.getpwnam
    monkeypatch.setattr(pwd, "getpwnam", lambda name: genuine("nobody" if name == USER else name))
    assert ask(host)["differs"] == f"users {USER}"


def test_name_servers_and_names_count_by_what_the_files_say(host: GuardedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    services = host.paths.state.parent / "services"
    services.parent.mkdir(parents=True)
    services.write_text("https 443/tcp\n")
    monkeypatch.setattr(proof, "NAMES", (*proof.NAMES, str(services)))
    run(host, confirm=False)
    os.utime(services, (1, 1))
    assert ask(host)["unchanged"], "a file that was only touched"
    services.write_text("https 444/tcp\n")
    assert ask(host)["differs"] == f"files {services}"


def moments(host: GuardedHost, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Yield [moment, reached] for each moment of a run at which somebody else commits, until one is not reached."""
    state = [0, 0]
    places: list[tuple[Any, str]] = [
        (unchanged, "facts"),
        (unchanged.Kernel, "settled"),
        (unchanged.Kernel, "_checksum"),
        (LiveTable, "generation"),
        (CompiledTable, "preview"),
        (install, "install"),
    ]

    def meddle() -> None:
        state[1] += 1
        if state[1] == state[0]:
            host.load("add rule inet tidegate egress_output accept\n")

    def wrapped(genuine: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            meddle()
            result = genuine(*arguments, **named)
            meddle()
            return result

        return call

    for owner, name in places:
        monkeypatch.setattr(owner, name, wrapped(getattr(owner, name)))
    while True:
        state[0], state[1] = state[0] + 1, 0
        yield state
        if state[1] < state[0]:
            return
        state[1] = 10**6
        host.load("flush chain inet tidegate egress_output\n")
        run(host, confirm=False)


@pytest.mark.parametrize("asks", [True, False], ids=["who asks", "who records"])
def test_somebody_commits_at_any_moment(right: GuardedHost, monkeypatch: pytest.MonkeyPatch, *, asks: bool) -> None:
    for state in moments(right, monkeypatch):
        if asks:
            right.load("add table inet foreign\ndelete table inet foreign\n")
            ask(right)
        else:
            run(right, confirm=False)
        reached, state[1] = state[1], 10**6
        if reached >= state[0]:
            wrong = run(right, confirm=False, check=True)["changed"]
            assert not (wrong and ask(right)["unchanged"]), f"after moment {state[0]}"
        state[1] = reached
    assert state[0] > 8
