# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as Ansible runs it: packed, sent, in a process of its own; several runs over several connections."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import lock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.run_module import ARGUMENTS, PHASES
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import timer
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import command, nf_tables
from ansible_collections.tidegate.nftables.tests.golden.cases import ROOT, Case
from ansible_collections.tidegate.nftables.tests.support.project import run_tasks
from ansible_collections.tidegate.nftables.tests.support.waiting import finish

from .conftest import NEW, OLD, GuardedHost, wait_for

SPEC = {**Case(ROOT / "app-enforce").spec(), "max_removed": None}
CLOSED = {**Case(ROOT / "web-defaults").spec(), "max_removed": None}
REACHES = {"name": "database", "to": "10.20.0.1", "port": 5432}
REFUSED = {"name": "no-internet", "to": "1.1.1.1", "port": 443, "expect": "not_reach"}


@dataclass
class Machine:
    """A host with an interface into nowhere, and Ansible that runs on it."""

    host: GuardedHost
    folder: Path

    def run(
        self, *tasks: dict[str, Any], options: tuple[str, ...] = (), prefix: tuple[str, ...] = ()
    ) -> list[dict[str, Any]]:
        """Run the module once for each of the arguments and return the results; a failing one ends the play.

        prefix: command that starts ansible-playbook.
        """
        steps = [
            {
                "tidegate.nftables.egress_guard": {"root": self.host.paths.root, **arguments},
                "register": f"run{number}",
            }
            for number, arguments in enumerate(tasks)
        ]
        return run_tasks(self.folder, steps, *options, prefix=prefix, may_fail=True)

    def ask(self, phase: str, **parameters: Any) -> dict[str, Any]:
        """Run one phase in this process, without Ansible in between; a failure is a result too."""
        defaults = {name: option.get("default") for name, option in ARGUMENTS.items()}
        tests = [{"protocol": "tcp", "user": None, "expect": "reach", **test} for test in parameters.get("tests", [])]
        try:
            return PHASES[phase](self.host.paths, {**defaults, **parameters, "tests": tests}, False)  # noqa: FBT003
        except GuardError as error:
            return {"failed": True, "msg": error.message, "reason": error.reason, **error.details}


@pytest.fixture
def machine(host: GuardedHost, tmp_path: Path) -> Machine:
    for words in (
        "link add tgout type veth peer name tgnowhere",
        "link set tgout arp off up",
        "link set tgnowhere up",
        "address add 198.18.0.1/24 dev tgout",
        "route add default dev tgout",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    return Machine(host, tmp_path)


TOKEN = "{{ run0.guard.token }}"  # a name, not a secret


def test_two_runs_change_and_one_run_finds_all_well(machine: Machine) -> None:
    change = {
        "phase": "apply",
        "tables": [SPEC],
        "who": "alice@control",
        "tests": [REACHES, REFUSED],
        "test_timeout": 0.3,
    }
    confirm = {
        "phase": "confirm",
        "token": TOKEN,
        "tests": change["tests"],
        "test_timeout": 0.3,
        "failing_before": "{{ run0.guard.before }}",
    }
    first, second, third, fourth = machine.run(change, confirm, change, {"phase": "status"})
    assert first["changed"]
    assert first["guard"]["before"] == ["no-internet (1.1.1.1 tcp/443)"]
    assert {file["action"] for file in first["files"]} == {"add"}
    assert second["changed"]
    assert [(test["name"], test["verdict"], test["ok"]) for test in second["tests"]] == [
        ("database", "accepted", True),
        ("no-internet", "rejected", True),
    ]
    assert second["broken"] == second["broken_before"] == []
    assert not third["changed"]
    assert third["guard"] is None
    assert third["files"] == []
    assert third["path"] == "fast"
    assert fourth["status"]["table"] == "confirmed"
    assert fourth["status"]["confirmed"]["who"] == "alice@control"


def test_commit_of_another_program_costs_one_full_run(machine: Machine) -> None:
    applied = machine.ask("apply", tables=[SPEC])
    machine.ask("confirm", token=applied["guard"]["token"])
    machine.host.load("add table inet foreign\n")
    first = machine.ask("apply", tables=[SPEC])
    generation = nf_tables.generation()
    later = [machine.ask("apply", tables=[SPEC]) for _run in range(2)]
    assert not first["changed"]
    assert [(result["changed"], result["path"]) for result in later] == [(False, "fast")] * 2
    assert nf_tables.generation() == generation


def test_a_change_asks_nft_once_for_its_version_and_its_words(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.ask("apply", tables=[SPEC], confirm=False)
    started: list[str] = []
    genuine = command.Nft.run

    def run(nft: command.Nft, *arguments: str, stdin: str = "") -> command.NftOutcome:
        started.extend(argument for argument in arguments if argument in ("--version", "-i"))
        return genuine(nft, *arguments, stdin=stdin)

    monkeypatch.setattr(command, "_VERSIONS", {})
    monkeypatch.setattr(command.Nft, "run", run)
    assert machine.ask("apply", tables=[CLOSED], confirm=False)["changed"]
    assert sorted(started) == ["--version", "-i"]


def test_only_the_run_that_makes_the_table_keeps_older_connections_and_no_boot_does(machine: Machine) -> None:
    window = "elements = { 6 timeout 30m expires "
    machine.ask("apply", tables=[SPEC], confirm=False)
    assert window in machine.host.listing()
    confirmed = machine.host.paths.confirmed.read_text()
    assert "set older_connections" in confirmed
    assert "timeout 30m" not in confirmed
    machine.host.load("flush set inet tidegate older_connections\n")
    assert machine.ask("apply", tables=[CLOSED], confirm=False)["changed"]
    assert window not in machine.host.listing()


def test_a_failing_test_rolls_the_change_back_and_is_named(machine: Machine) -> None:
    common = {"tests": [REACHES], "test_timeout": 0.3}
    applied = machine.ask("apply", tables=[CLOSED], **common)
    result = machine.ask("confirm", token=applied["guard"]["token"], **common)
    assert result["failed"]
    assert result["reason"] == "tests_failed"
    assert "the new policy rejects database (10.20.0.1 tcp/5432)" in result["msg"]
    assert result["broken"] == ["database (10.20.0.1 tcp/5432)"]
    assert not machine.host.listing()
    assert not machine.host.paths.pending.exists()


def test_a_test_that_failed_before_stops_nothing(machine: Machine) -> None:
    machine.ask("apply", tables=[SPEC], confirm=False)
    elsewhere = {"name": "elsewhere", "to": "203.0.113.9", "port": 22}
    common = {"tests": [elsewhere, REACHES], "test_timeout": 0.3}
    applied = machine.ask("apply", tables=[with_database(CLOSED)], **common)
    assert applied["guard"]["before"] == ["elsewhere (203.0.113.9 tcp/22)"]
    result = machine.ask(
        "confirm", token=applied["guard"]["token"], failing_before=applied["guard"]["before"], **common
    )
    assert result["broken"] == []
    assert result["broken_before"] == ["elsewhere (203.0.113.9 tcp/22)"]
    assert result["confirmed"]


def with_database(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec with one rule more, which lets the database be reached."""
    chains = [
        {**chain, "rules": [*chain["rules"], "ip daddr 10.20.0.1 tcp dport 5432 accept"]}
        if chain["name"] == "egress_allow"
        else chain
        for chain in spec["chains"]
    ]
    return {**spec, "chains": chains}


def test_a_far_end_that_is_silent_or_refuses_fails_no_test(machine: Machine) -> None:
    silent = {"name": "silent", "to": "10.20.0.1", "port": 5432}
    refusing = {"name": "refusing", "to": "127.0.0.1", "port": 9}
    common = {"tests": [silent, refusing], "test_timeout": 0.3}
    applied = machine.ask("apply", tables=[SPEC], **common)
    result = machine.ask("confirm", token=applied["guard"]["token"], **common)
    assert [(test["verdict"], test["outcome"]) for test in result["tests"]] == [
        ("accepted", "silent"),
        ("accepted", "refused"),
    ]
    assert result["confirmed"]


def test_in_observe_mode_a_failing_test_is_reported_and_stops_nothing(machine: Machine) -> None:
    observing = {**Case(ROOT / "app-observe").spec(), "max_removed": None}
    common = {"tests": [{"name": "elsewhere", "to": "203.0.113.9", "port": 22}], "test_timeout": 0.3, "mode": "observe"}
    applied = machine.ask("apply", tables=[observing], **common)
    assert applied["guard"]["before"] == []
    result = machine.ask("confirm", token=applied["guard"]["token"], **common)
    assert result["confirmed"]
    assert result["broken"] == ["elsewhere (203.0.113.9 tcp/22)"]


def test_a_timeout_too_short_for_its_tests_is_refused(machine: Machine) -> None:
    tests = [{**REACHES, "name": f"t{number}"} for number in range(65)]
    result = machine.ask("apply", tables=[SPEC], tests=tests, test_timeout=10, timeout=25)
    assert "A change is rolled back after 25 s, but its tests may take 50 s" in result["msg"]
    assert not machine.host.listing()


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({"user": "nobody-here"}, 'test database: this host has no user "nobody-here"'),
        ({"to": "mirror.example"}, "is not an IPv4 or IPv6 address"),
        ({"port": 0}, "Port 0 is not in 1 to 65535"),
    ],
)
def test_a_test_that_names_unknown_things_stops_the_change_before_it(
    machine: Machine, test: dict[str, Any], message: str
) -> None:
    generation = machine.host.table.generation()
    refused = machine.ask("apply", tables=[SPEC], tests=[{**REACHES, **test}])
    assert message in refused["msg"]
    assert "The table was not changed." in refused["msg"]
    assert not machine.host.listing()
    assert not machine.host.paths.program.exists()
    assert not machine.host.paths.pending.exists()
    assert generation


def test_a_user_whom_an_entry_waits_for_leaves_his_tests_out(machine: Machine) -> None:
    waiting = {**REACHES, "user": "nobody-here", "missing_user": "skip"}
    common = {"tests": [waiting, {**REFUSED, "missing_user": "skip"}], "test_timeout": 0.3}
    applied = machine.ask("apply", tables=[SPEC], **common)
    result = machine.ask("confirm", token=applied["guard"]["token"], **common)
    assert [(test["verdict"], test["outcome"]) for test in result["tests"]] == [
        ("unknown", "no such user"),
        ("rejected", "refused"),
    ]
    assert result["confirmed"]


def test_check_mode_predicts_the_run(machine: Machine) -> None:
    change = {"phase": "apply", "tables": [SPEC]}
    (predicted,) = machine.run(change, options=("--check", "--diff"))
    assert not machine.host.listing()
    assert not machine.host.paths.state.exists()
    (done,) = machine.run(change)
    assert predicted["changed"]
    assert predicted["changes"] == done["changes"]
    assert predicted["files"] == done["files"]


def test_a_run_that_nobody_confirms_is_reported_afterwards(machine: Machine) -> None:
    machine.ask("apply", tables=[SPEC], confirm=False)
    with machine.host.timer_held():
        applied = machine.ask("apply", tables=[CLOSED], timeout=2)
        assert 'comment "database"' not in machine.host.listing()
    wait_for(lambda: not machine.host.paths.pending.exists())
    assert 'comment "database"' in machine.host.listing()
    # It is written down after everything else.
    fate = wait_for(lambda: machine.ask("status", token=applied["guard"]["token"])["fate"], "the end of the change")
    assert fate["event"] == "restored"
    assert fate["why"] == "nobody confirmed it in time"


def test_rollback_is_pending_too(machine: Machine) -> None:
    for spec in (SPEC, CLOSED):
        machine.ask("apply", tables=[spec], confirm=False)
    assert 'comment "database"' not in machine.host.paths.confirmed.read_text()
    returned = machine.ask("rollback", who="bob")
    assert returned["changed"]
    assert 'comment "database"' in machine.host.listing()
    assert 'comment "database"' not in machine.host.paths.confirmed.read_text()
    result = machine.ask("confirm", token=returned["guard"]["token"])
    assert result["confirmed"]["what"].startswith("back to the policy of")
    assert 'comment "database"' in machine.host.paths.confirmed.read_text()
    assert machine.ask("rollback", to="99")["reason"] == "not_found"


def test_an_emergency_by_the_module_ends_with_its_token(machine: Machine) -> None:
    machine.ask("apply", tables=[SPEC], confirm=False)
    opened = machine.ask("emergency", emergency="open", minutes=5, who="bob", what="INC-7")
    assert 'comment "emergency: open"' in machine.host.listing()
    assert 290 <= opened["guard"]["seconds"] <= 300
    assert machine.ask("apply", tables=[CLOSED])["reason"] == "pending"
    assert machine.ask("reject", token=opened["guard"]["token"])["changed"]
    assert "emergency" not in machine.host.listing()


def test_absent_removes_every_trace(machine: Machine) -> None:
    machine.run(
        {"phase": "apply", "tables": [SPEC], "confirm": False}, {"phase": "apply", "tables": [CLOSED], "confirm": False}
    )
    paths = machine.host.paths
    running = subprocess.Popen([str(paths.program), "watch"], text=True)
    wait_for(lambda: lock.is_held(paths.watcher_lock))
    gone = [{"family": "inet", "name": "tidegate", "state": "absent"}]
    predicted = machine.run({"phase": "apply", "tables": gone}, options=("--check",))[0]
    first, second = machine.run({"phase": "apply", "tables": gone}, {"phase": "apply", "tables": gone})
    # The watcher, which would restore a table that was lost, ends by itself and restores nothing.
    finish(running)
    assert not machine.host.listing()
    assert first["changed"]
    assert first["files"] == predicted["files"]
    assert not second["changed"]
    left = [str(path) for path in Path(paths.root).rglob("*") if "tidegate" in path.name]
    assert left in ([], [str(paths.run)])


def test_another_table_is_refused(machine: Machine) -> None:
    result = machine.ask("apply", tables=[{"family": "ip", "name": "mine"}])
    assert result["reason"] == "bad_request"


WITHOUT_CAPABILITY = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")


def needs_capability(machine: Machine, **arguments: Any) -> None:
    """Assert that a phase without CAP_NET_ADMIN fails with a message and a reason, not with a traceback."""
    (failure,) = machine.run(arguments, prefix=WITHOUT_CAPABILITY)
    assert failure["failed"], failure
    assert "CAP_NET_ADMIN" in failure["msg"], failure
    assert failure["reason"] == "no_cap_net_admin"
    assert "Traceback" not in str(failure)


@pytest.mark.parametrize("phase", [phase for phase in PHASES if phase not in ("confirm", "reject")])
def test_a_phase_without_the_capability_fails_with_a_reason(machine: Machine, phase: str) -> None:
    for text in (OLD, NEW):
        machine.host.has(text)
    generation = machine.host.table.generation()
    arguments: dict[str, dict[str, Any]] = {
        "apply": {"tables": [SPEC]},
        "emergency": {"emergency": "open", "minutes": 5},
        "allow": {"flows": [{"to": "192.0.2.1", "port": 443}], "minutes": 5},
    }
    needs_capability(machine, phase=phase, **arguments.get(phase, {}))
    assert machine.host.table.generation() == generation
    assert not machine.host.paths.pending.exists()


@pytest.mark.parametrize("phase", ["confirm", "reject"])
def test_a_decision_without_the_capability_leaves_the_change_to_the_timer(machine: Machine, phase: str) -> None:
    machine.host.has(OLD)
    token = machine.host.apply(NEW)["guard"]["token"]
    needs_capability(machine, phase=phase, token=token)
    change = pending.read(machine.host.paths)
    assert change is not None
    assert timer.is_running(machine.host.paths, change)
