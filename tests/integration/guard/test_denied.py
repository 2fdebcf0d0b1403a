# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`tidegate denied`: the ledger of what was rejected, at a terminal too, and the entries that would allow it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import socket
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program.watcher import Watcher
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import journal
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import ledger_facts
from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import health
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.proxy.test_access_log import line

from .conftest import BINARIES, GuardedHost
from .golden_tables import golden


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
        r" +3  203\.0\.113\.9 tcp/22 by root, last \d+ s ago\n +1  10\.1\.2\.3 udp/99 by root, last \d+ s ago\n",
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
        r"and 2 packets of root to further destinations, for which the ledger had no room, last \d+ s ago", done[4]
    )
