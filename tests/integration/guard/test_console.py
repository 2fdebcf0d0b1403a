# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command on the host, as a person at the console at night uses it: no controller, no Ansible."""

from __future__ import annotations

import ipaddress
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import hold
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import console
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial.timer import COMMAND
from ansible_collections.tidegate.nftables.tests.golden.cases import ROOT, Case

from .conftest import NEW, OLD, GuardedHost
from .golden_tables import golden


def test_status_tells_who_what_and_when(host: GuardedHost) -> None:
    host.has(OLD)
    done = host.run("status")
    assert re.search(r"^table +as confirmed$", done.stdout, re.MULTILINE)
    assert re.search(r"^confirmed +20\S+Z by alice@control: the table changed$", done.stdout, re.MULTILINE)
    host.apply(NEW)
    done = host.run("status")
    assert re.search(
        r"^pending +the table changed, by alice@control; rolled back in [4-6]\d s$", done.stdout, re.MULTILINE
    )
    facts = json.loads(host.run("status", "--json").stdout)
    assert facts["table"] == "pending"
    assert facts["watcher"] is False
    assert facts["pending"]["who"] == "alice@control"


def test_status_tells_of_an_edit_and_of_no_table(host: GuardedHost) -> None:
    host.has(OLD)
    host.load("insert rule inet tidegate egress_output accept\n")
    assert "edited since it was confirmed" in host.run("status").stdout
    host.load("flush ruleset\n")
    assert "not loaded: all outbound traffic is allowed" in host.run("status").stdout
    host.paths.confirmed.write_text("x")
    assert "it is damaged or was edited" in host.run("status").stdout


def test_why_names_the_entry_or_what_is_nearly_allowed(compiled: GuardedHost) -> None:
    allowed = compiled.run("why", "203.0.113.9", "443", "--user", "20001")
    assert allowed.returncode == 0, allowed.stderr
    assert allowed.stdout.startswith("203.0.113.9 tcp/443 as 20001: allowed by entry payments-api.\n")
    refused = compiled.run("why", "203.0.113.9", "22", "--user", "20001")
    assert refused.returncode == 1
    assert "203.0.113.9 tcp/22 as 20001: rejected: no entry allows it.\n" in refused.stdout
    assert "  nearest: payments-api, for tcp port 443 or 8443\n" in refused.stdout
    other = compiled.run("why", "203.0.113.9", "443")
    assert "  nearest: payments-api, for user 20001\n" in other.stdout
    assert "allowed by the floor (loopback)" in compiled.run("why", "127.0.0.1", "22").stdout


def test_why_takes_what_denied_prints_and_what_people_call_things(compiled: GuardedHost) -> None:
    first = compiled.run("why", "203.0.113.9", "tcp/22", "by", "www-data,", "last", "3", "s", "ago")
    assert first.stdout.startswith("203.0.113.9 tcp/22 as www-data: rejected"), first.stderr
    kernel = compiled.run("why", "203.0.113.9", "udp/22", "by", "the", "kernel", "or", "another", "host")
    assert kernel.stdout.startswith("203.0.113.9 udp/22 as the kernel or another host: rejected"), kernel.stderr
    assert "tcp/443 as 20001: allowed" in compiled.run("why", "203.0.113.9", "https", "--user", "20001").stdout
    named = compiled.run("why", "localhost", "ssh")
    assert "127.0.0.1 tcp/22 as root: allowed" in named.stdout, named.stderr


def test_why_says_what_closes_it_and_whom_to_ask(host: GuardedHost) -> None:
    values = Settings(never=("egress_never[0]: decommissioned",), contact="netops@example.org")
    host.apply(golden("never"), settings=values, confirm=False)
    address = Case(ROOT / "never").resolved().never[0].addresses
    closed = host.run("why", str(ipaddress.ip_address(address.v4[0][0])), "443", "--user", "20001")
    assert closed.returncode == 1
    assert "rejected: egress_never closes it (egress_never[0]: decommissioned).\n" in closed.stdout
    assert "  ask: netops@example.org\n" in closed.stdout
    about = json.loads(host.run("why", "8.8.8.8", "53", "--json").stdout)
    (only,) = about["answers"]
    assert (only["decision"], only["never"], only["contact"]) == ("rejected", None, "netops@example.org")


def test_why_says_when_only_the_mode_lets_it_through(compiled: GuardedHost) -> None:
    compiled.load(f"delete table inet tidegate\n{golden('app-observe')}")
    done = compiled.run("why", "203.0.113.9", "22")
    assert done.returncode == 0
    assert "allowed, because this host only observes; mode enforce would reject it: no entry allows it." in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["why", "no such name", "443"],
            '"no such name" is not an address, and this host knows no address of such a name',
        ),
        (["why", "10.0.0.1", "99999"], '"99999" is not a port or a service. Fix: write 443, tcp/443 or https.'),
        (["why", "10.0.0.1", "443", "--user", "nobody-here"], 'There is no user "nobody-here" on this host.'),
        (["why", "10.0.0.1", "443", "with", "love"], '"with love" is not understood. Fix: write by USER.'),
        (["denied", "--since", "yesterday"], '"yesterday" is not a length of time. Fix: write 30m, 2h, 7d or 1w.'),
    ],
)
def test_wrong_words_are_reported_without_a_traceback(host: GuardedHost, words: list[str], sentence: str) -> None:
    host.has(OLD)
    done = host.run(*words)
    assert done.returncode == 1
    assert done.stderr.startswith(f"tidegate: {sentence}")
    assert "Traceback" not in done.stderr


def test_a_mistyped_command_gets_a_guess_and_sees_no_helpers(host: GuardedHost) -> None:
    host.has(OLD)
    done = host.run("stat")
    assert done.returncode == 2
    assert '"stat" is no command. Did you mean status? Commands: status, denied, why, ' in done.stderr
    alone = host.run()
    assert alone.returncode == 2
    assert "a command is missing. Commands: status, denied, why, " in alone.stderr
    assert not any(name in done.stderr + host.run("--help").stdout for name in ("boot", "watch", "answer", COMMAND))
    assert re.fullmatch(r"tidegate \d+\.\d+\.\d+\n", host.run("--version").stdout)


def test_exit_statuses_are_those_of_a_monitoring_check(host: GuardedHost) -> None:
    host.has(OLD)
    with hold(host.paths.watcher_lock) as held:
        assert held
        assert host.run("status").returncode == 0
        host.load("insert rule inet tidegate egress_output accept\n")
        assert host.run("status").returncode == 1
        assert host.run("restore").returncode == 0
        host.apply(NEW)
        assert host.run("status", "--json").returncode == 0
        assert host.run("rollback").returncode == 0
        assert host.run("denied").returncode == 0
        host.load("flush ruleset\n")
        for words in (["status"], ["denied"], ["why", "10.0.0.1", "443"]):
            done = host.run(*words)
            assert done.returncode == 2
            assert "not loaded: all outbound traffic is allowed" in done.stdout
        assert host.run("restore").returncode == 0
    assert host.run("status").returncode == 1
    assert "watcher    does not run" in host.run("status").stdout


@pytest.mark.parametrize(
    "words",
    [["status"], ["denied", "5"], ["why", "10.0.0.1", "443"], ["boot"], ["watch"], [COMMAND, "token"]],
)
def test_who_may_run_one_command_does_not_choose_what_it_reads(
    host: GuardedHost, tmp_path: Path, words: list[str]
) -> None:
    # As a rule of sudo grants it: with the arguments that the user likes, in his folder.
    host.has(OLD)
    theirs = tmp_path / "theirs"
    for before, after in ((["--root", str(theirs)], []), ([], ["--root", str(theirs)]), ([f"--root={theirs}"], [])):
        done = host.run(*before, *words, *after)
        assert (done.returncode, done.stdout) == (2, "")
        assert "unrecognized arguments: --root" in done.stderr or "invalid choice" in done.stderr
    assert not theirs.exists()


def test_who_is_not_root_is_told_so_and_nothing_else(host: GuardedHost) -> None:
    host.has(OLD)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        program = shutil.copy(host.paths.program, folder)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--clear-groups", program, "why", "10.0.0.1", "443", "--user", "o h"],
            text=True,
            capture_output=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"tidegate: this needs root; try: sudo {program} why 10.0.0.1 443 --user 'o h'\n"


def test_what_nft_cannot_say_is_no_answer(host: GuardedHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host.has(OLD)
    broken = tmp_path / "bin/nft"
    broken.parent.mkdir()
    broken.write_text(
        f'#!/bin/sh\n[ "$1" != -j ] || {{ echo "netlink: Error: cache busy" >&2; exit 1; }}\nexec {host.nft} "$@"\n'
    )
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken.parent}:/usr/sbin:/usr/bin:/bin")
    done = host.run("why", "10.0.0.1", "443")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tidegate: "), done.stderr
    assert "cache busy" in done.stderr
    # The ledger is read without nft.
    done = host.run("denied")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("seconds", "text"), [(119, "119 s"), (7199, "119 min"), (80000, "22 h")])
def test_times_are_printed_in_words_that_fit(seconds: int, text: str) -> None:
    assert console._ago(seconds) == text
