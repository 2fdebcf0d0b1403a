# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command on the host, as a person at the console at night uses it: no controller, no Ansible."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
import os
import pty
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import termios
import time
from pathlib import Path

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import hold
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import console
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program.watcher import Watcher
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import history, journal, settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import ledger_facts
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import decide
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial.timer import COMMAND
from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import health
from ansible_collections.tidegate.nftables.tests.golden.cases import ROOT, Case
from ansible_collections.tidegate.nftables.tests.golden.render import render
from ansible_collections.tidegate.nftables.tests.support.waiting import is_running
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.proxy.test_access_log import line

from .conftest import BINARIES, NEW, OLD, GuardedHost, wait_for


def policy(host: GuardedHost) -> str:
    return shape(host.listing(), ("fed4",))


def golden(name: str) -> str:
    """A compiled policy; payd has uid 20001."""
    return render(Case(ROOT / name).spec(), uid=lambda user: {"payd": "20001", "root": "0"}.get(user, "33"))


@pytest.fixture
def compiled(host: GuardedHost) -> GuardedHost:
    """A host with a real policy, and an interface into nowhere."""
    host.has(OLD)
    host.load(f"delete table inet tidegate\n{golden('app-enforce')}")
    for command in (
        "link add tgout type veth peer name tgnowhere",
        "link set tgout arp off up",
        "link set tgnowhere up",
        "address add 198.18.0.1/24 dev tgout",
        "route add default dev tgout",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    return host


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


@pytest.mark.parametrize("name", BINARIES)
def test_denied_shows_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: GuardedHost, name: str
) -> None:
    nft = BINARIES[name]
    monkeypatch.setenv("PATH", f"{nft.parent}:/usr/sbin:/usr/bin:/bin")
    subprocess.run([str(nft), "delete", "table", "inet", "tidegate"], check=True)
    file = tmp_path / "policy.nft"
    file.write_text(golden("app-enforce"))
    subprocess.run([str(nft), "-f", str(file)], check=True)
    for _again in range(3):
        with socket.socket() as refused, pytest.raises(ConnectionRefusedError):
            refused.connect(("203.0.113.9", 22))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as refused, pytest.raises(PermissionError):
        refused.sendto(b"x", ("10.1.2.3", 99))
    done = compiled.run("denied")
    assert re.fullmatch(
        r" +3  203\.0\.113\.9 tcp/22 by root, last \d s ago\n +1  10\.1\.2\.3 udp/99 by root, last \d s ago\n",
        done.stdout,
    ), done.stdout + done.stderr


def test_denied_says_which_name_was_asked_for(compiled: GuardedHost) -> None:
    with socket.socket() as refused, pytest.raises(ConnectionRefusedError):
        refused.connect(("203.0.113.9", 22))
    compiled.paths.resolver_record.parent.mkdir(parents=True)
    compiled.paths.resolver_record.write_text('{"others": {"203.0.113.9": "api.example.com"}}')
    printed = compiled.run("denied").stdout
    assert "203.0.113.9 tcp/22 by root, name api.example.com, last " in printed
    assert json.loads(compiled.run("denied", "--json").stdout)["lines"][0]["name"] == "api.example.com"
    # As a person pastes it.
    assert compiled.run("why", *printed.split()[1:]).stdout.startswith("203.0.113.9 tcp/22 as root: rejected")
    (kept,) = ledger_facts.facts(compiled.paths)["lines"]
    assert kept["name"] == "api.example.com"


def test_a_proxy_that_does_not_work_is_a_warning_and_denied_has_what_it_rejected(compiled: GuardedHost) -> None:
    at = compiled.paths.at
    at(health.LOG).parent.mkdir(parents=True)
    at(health.LOG).write_text(line(time=time.time()) * 2 + line("would_reject", time=time.time(), name="new.example"))
    at(health.FOLDER).mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        health.record(at, listening.getsockname()[1], [])
        assert "proxy      works" in compiled.run("status").stdout
    stopped = compiled.run("status")
    assert "proxy      nothing answers on port" in stopped.stdout
    printed = compiled.run("denied").stdout
    assert re.search(r"2  through the proxy: 10\.1\.0\.2 to bad\.example tcp/443, last \d+ s ago", printed)
    assert "to new.example tcp/443" in printed
    assert json.loads(compiled.run("denied", "--json").stdout)["proxy"][0]["name"] == "bad.example"


def test_denied_filters_and_goes_back_beyond_a_reboot(compiled: GuardedHost) -> None:
    for port in (22, 23):
        with socket.socket() as refused, pytest.raises(ConnectionRefusedError):
            refused.connect(("203.0.113.9", port))
    Watcher(compiled).copy_ledger()
    compiled.load("flush set inet tidegate denied4\n")
    lines = json.loads(compiled.run("denied", "--json", "--user", "root").stdout)["lines"]
    assert {(line["destination"], line["port"], line["user"], line["decision"]) for line in lines} == {
        ("203.0.113.9", 22, "root", "rejected"),
        ("203.0.113.9", 23, "root", "rejected"),
    }
    assert all(abs(line["last"] - time.time()) < 60 for line in lines)
    assert compiled.run("denied", "--user", "www-data").stdout == ""
    assert "203.0.113.9 tcp/22" in compiled.run("denied", "1", "--since", "1h").stdout
    assert "and 1 more: tidegate denied 2" in compiled.run("denied", "1").stdout


def test_denied_offers_the_entries_that_nothing_explains_as_yaml(compiled: GuardedHost) -> None:
    for address in ("10.1.2.3", "10.1.2.4", "10.99.1.1", "203.0.113.9"):
        with socket.socket() as refused, pytest.raises(ConnectionRefusedError):
            refused.connect((address, 22))
    for protocol, port in ((socket.IPPROTO_UDP, 5000), (socket.IPPROTO_ICMP, 0)):
        kind = socket.SOCK_DGRAM if port else socket.SOCK_RAW
        with socket.socket(socket.AF_INET, kind, protocol) as refused, pytest.raises(PermissionError):
            refused.sendto(b"\x08\0\xf7\xff\0\0\0\0", ("198.51.100.9", port))
    # The policy allows it by now; egress_never closes the address before it.
    compiled.load("insert rule inet tidegate egress_output ip daddr 203.0.113.9 accept\n")
    done = compiled.run("denied", "--yaml")
    assert done.returncode == 0, done.stderr
    entries = yaml.safe_load(done.stdout)["egress_allow_app_observed"]
    assert sorted((entry["name"], sorted(entry["to"]), entry["services"]) for entry in entries) == [
        ("root-icmp", ["198.51.100.9"], ["icmp"]),
        ("root-tcp-22", ["10.1.2.3", "10.1.2.4"], ["tcp/22"]),
        ("root-udp-5000", ["198.51.100.9"], ["udp/5000"]),
    ]
    assert {tuple(entry["users"]) for entry in entries} == {("root",)}
    assert {entry["reason"] for entry in entries} == {"1 packet rejected; why?", "2 packets rejected; why?"}
    assert yaml.safe_load(compiled.run("denied", "--yaml", "--user", "33").stdout) == {"egress_allow_app_observed": []}


def at_a_terminal(host: GuardedHost, *words: str) -> tuple[int, str]:
    """Run the command at a terminal of 40 columns; return its exit status and what it writes."""
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("4H", 24, 40, 0, 0))
    # Both would count for more than the terminal.
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen([str(host.paths.program), *words], stdout=other, env=environment)
    os.close(other)
    # A terminal whose program has ended gives an error.
    written = b""
    with contextlib.suppress(OSError):
        while part := os.read(main, 4096):
            written += part
    os.close(main)
    return process.wait(), written.decode()


def test_at_a_terminal_lines_fit_it_and_nothing_but_colour_controls_it(compiled: GuardedHost) -> None:
    with socket.socket() as refused, pytest.raises(ConnectionRefusedError):
        refused.connect(("203.0.113.9", 22))
    status, written = at_a_terminal(compiled, "why", "203.0.113.9", "22")
    assert status == 1
    lines = re.sub(r"\x1b\[(33|0)m", "", written).splitlines()
    assert lines[0] == "203.0.113.9 tcp/22 as root: rejected: n…"
    assert written.startswith("\x1b[33m203.0.113.9")


def test_at_a_terminal_denied_names_its_yaml_and_cuts_none_of_it(compiled: GuardedHost) -> None:
    assert "No rejected packets are recorded." in at_a_terminal(compiled, "denied")[1]
    with socket.socket() as refused, pytest.raises(ConnectionRefusedError):
        refused.connect(("203.0.113.9", 22))
    assert at_a_terminal(compiled, "denied")[1].splitlines()[-1] == "to paste: tidegate denied --yaml"
    assert "No recorded rejection matches." in at_a_terminal(compiled, "denied", "--user", "www-data")[1]
    status, written = at_a_terminal(compiled, "denied", "--yaml")
    assert (status, "…" in written) == (0, False), written
    assert [entry["services"] for entry in yaml.safe_load(written)["egress_allow_app_observed"]] == [["tcp/22"]]


def test_what_was_rejected_on_trial_is_in_the_journal(compiled: GuardedHost) -> None:
    with socket.socket() as refused, pytest.raises(ConnectionRefusedError):
        refused.connect(("203.0.113.9", 25))
    compiled.apply(golden("web-defaults"))
    with socket.socket() as refused, pytest.raises(ConnectionRefusedError):
        refused.connect(("203.0.113.9", 22))
    assert compiled.run("rollback").returncode == 0
    assert journal.read(compiled.paths)[-1]["refused"] == ["203.0.113.9 tcp/22 by root"]


def test_restore_undoes_an_edit_and_a_pending_change(host: GuardedHost) -> None:
    host.has(OLD)
    expected = policy(host)
    host.apply(NEW)
    host.load("insert rule inet tidegate egress_output accept\n")
    done = host.run("restore")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"Loaded the policy of 20\S+Z by alice@control\.\n", done.stdout)
    assert policy(host) == expected
    assert not host.paths.pending.exists()
    host.load("flush ruleset\n")
    assert host.run("restore").returncode == 0
    assert policy(host) == expected


def test_restore_without_a_policy_says_so(host: GuardedHost) -> None:
    host.apply(OLD)
    host.run("rollback")
    done = host.run("restore")
    assert done.returncode == 1
    assert "No policy was ever confirmed on this host" in done.stderr


def test_confirm_keeps_the_pending_change(host: GuardedHost) -> None:
    host.apply(OLD)
    done = host.run("confirm")
    assert done.returncode == 0, done.stderr
    assert "Confirmed and saved for boot: the table changed." in done.stdout
    assert host.paths.confirmed.exists()
    assert "No change is pending on this host." in host.run("confirm").stderr


def test_rollback_rolls_back_the_pending_change(host: GuardedHost) -> None:
    host.has(OLD)
    expected = policy(host)
    host.apply(NEW)
    done = host.run("rollback")
    assert done.stdout == "Rolled back: the table changed.\n"
    assert policy(host) == expected
    wait_for(lambda: not host.paths.rollback_timer.exists())


def test_rollback_returns_to_an_earlier_policy(each_host: GuardedHost) -> None:
    each_host.has(OLD)
    oldest = policy(each_host)
    each_host.has(NEW)
    each_host.has(OLD.replace("203.0.113.0/24", "100.64.0.0/10"))
    each_host.load("add element inet tidegate fed4 { 10.0.0.1 }\n")
    name = history.earlier(each_host.paths)[1].name
    done = each_host.run("rollback", name)
    assert done.returncode == 0, done.stderr
    assert policy(each_host) == oldest
    assert "10.0.0.1" in each_host.listing()
    assert "203.0.113.0/24" in each_host.paths.confirmed.read_text()
    assert "100.64.0.0/10" in history.find(each_host.paths, "1").listing
    assert journal.read(each_host.paths)[-1]["what"].startswith("back to the policy of 20")
    unknown = each_host.run("rollback", "1999")
    assert unknown.returncode == 1
    assert "matches none of the earlier policies" in unknown.stderr


def test_rollback_by_time_needs_one_answer(host: GuardedHost) -> None:
    for text in (OLD, NEW, OLD):
        host.has(text)
    names = [earlier.name for earlier in history.earlier(host.paths)]
    assert host.run("rollback", names[1][:23]).returncode == 0
    done = host.run("rollback", names[0][:4])
    assert done.returncode == 1
    assert "matches more than one" in done.stderr


def test_an_emergency_opens_everything_and_ends(compiled: GuardedHost) -> None:
    before = compiled.listing()
    assert connects(compiled, "203.0.113.9") == "refused"
    done = compiled.run("open", "1")
    assert done.returncode == 0, done.stderr
    assert "All outbound traffic is allowed for 1 minute;" in done.stdout
    assert connects(compiled, "203.0.113.9") == "let out"
    with pytest.raises(Exception, match="It ends by itself in"):
        compiled.apply(NEW)
    assert compiled.run("confirm").returncode == 1
    status = compiled.run("status").stdout
    assert re.search(
        r"^emergency +open for 1 minute, by root \(console\); the policy is restored in \d+ s$", status, re.MULTILINE
    )
    assert "pending" not in status
    assert compiled.run("rollback").stdout == "Ended the emergency (open for 1 minute).\n"
    assert connects(compiled, "203.0.113.9") == "refused"
    assert shape(compiled.listing(), ()) == shape(before, ())


def test_an_emergency_closes_everything_but_the_floor(compiled: GuardedHost) -> None:
    compiled.load(f"delete table inet tidegate\n{golden('app-observe')}")
    before = compiled.listing()
    assert connects(compiled, "10.20.0.1", 5432) == "let out"
    assert compiled.run("close", "5").returncode == 0
    assert connects(compiled, "10.20.0.1", 5432) == "refused"
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
    compiled.reboot()
    assert compiled.run("boot").stdout == "loaded\n"
    assert "203.0.113.0/24" in compiled.listing()
    assert "would_deny" in before


def test_another_emergency_takes_the_place_of_the_first_and_the_policy_comes_back(compiled: GuardedHost) -> None:
    before = compiled.listing()
    assert compiled.run("open", "1").returncode == 0
    first = compiled.timer()
    again = compiled.run("open", "60")
    assert again.returncode == 0, again.stderr
    wait_for(lambda: not is_running(first), "the end of the first rollback timer")
    facts = json.loads(compiled.run("status", "--json").stdout)
    assert facts["table"] == "emergency"
    assert facts["pending"]["seconds"] > 3000
    assert connects(compiled, "203.0.113.9") == "let out"
    assert compiled.run("close", "5").returncode == 0
    assert connects(compiled, "203.0.113.9", 443) == "refused"
    assert compiled.run("open", "5").returncode == 0
    assert connects(compiled, "203.0.113.9") == "let out"
    # One that cannot begin leaves the one before it.
    assert compiled.run("open", "0").returncode == 1
    assert connects(compiled, "203.0.113.9") == "let out"
    assert compiled.run("rollback").returncode == 0
    assert connects(compiled, "203.0.113.9") == "refused"
    assert shape(compiled.listing(), ()) == shape(before, ())


def test_an_emergency_has_bounds_and_needs_a_policy(host: GuardedHost) -> None:
    host.has(OLD)
    assert "minutes: 0 is not in 1 to 1440" in host.run("open", "0").stderr
    host.load("flush ruleset\n")
    assert "nothing to open" in host.run("open", "5").stderr


def test_without_rights_it_says_what_is_needed(host: GuardedHost) -> None:
    host.has(OLD)
    program = [str(host.paths.program), "restore"]
    host.load("flush ruleset\n")
    done = subprocess.run(
        ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", *program],
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert "CAP_NET_ADMIN" in done.stderr
    assert "Traceback" not in done.stderr


def connects(host: GuardedHost, address: str, port: int = 22) -> str:
    """What becomes of a connection into nowhere: our reset, or silence."""
    with socket.socket() as attempt:
        attempt.settimeout(0.3)
        try:
            attempt.connect((address, port))
        except TimeoutError:
            return "let out"
        except ConnectionRefusedError:
            return "refused"
    return "answered"


def test_reject_from_the_controller_and_the_console_meet(host: GuardedHost) -> None:
    token = host.apply(OLD)["guard"]["token"]
    host.run("rollback")
    with pytest.raises(Exception, match="not pending on this host"):
        decide.reject(host, token, "tests failed")


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


def test_going_back_to_a_policy_that_observes_makes_the_fail_safe_table_observe(host: GuardedHost) -> None:
    watched = OLD.replace(
        "\tchain egress_output {", "\tchain egress_denied {\n\t\tgoto egress_observed\n\t}\n\n\tchain egress_output {"
    )
    watched = watched.replace(
        "\tchain egress_denied", "\tchain egress_observed {\n\t\taccept\n\t}\n\n\tchain egress_denied"
    )
    host.apply(watched, settings=Settings(mode="observe"), confirm=False)
    host.apply(NEW, settings=Settings(mode="enforce"), confirm=False)
    assert host.run("rollback").returncode == 0
    assert settings.read(host.paths).mode == "observe"
    assert "policy accept" in host.paths.failsafe.read_text()
    assert host.run("rollback").returncode == 0
    assert settings.read(host.paths).mode == "enforce"


def test_a_flood_of_refusals_fills_a_ledger_that_is_soon_read(compiled: GuardedHost) -> None:
    counted = "counter packets 1 bytes 29"
    lines = ", ".join(f"11.0.{number >> 8}.{number & 255} . udp . 4444 . 1000 {counted}" for number in range(8192))
    compiled.load(f"add element inet tidegate denied4 {{ {lines} }}\n")
    for address in ("203.0.113.9", "203.0.113.10"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as refused, pytest.raises(PermissionError):
            refused.sendto(b"x", (address, 99))
    done = compiled.run("denied", "3").stdout.splitlines()
    assert len(done) == 5
    assert done[3] == "and 8189 more: tidegate denied 8192"
    assert re.fullmatch(
        r"and 2 packets of root to further destinations, for which the ledger had no room, last \d s ago", done[4]
    )
