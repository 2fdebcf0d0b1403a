# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host knows of its own observation: since when, and what was refused, beyond a day and a reboot."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program.watcher import Watcher
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import observed
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import observes
from ansible_collections.tidegate.nftables.tests.golden.cases import ROOT
from ansible_collections.tidegate.nftables.tests.support.nft import by_tabs

from .conftest import GuardedHost

CHAIN = by_tabs("""table inet tidegate {{
    set would_deny4 {{
        typeof ip daddr . meta l4proto . th dport . meta skuid
        size 65535
        flags dynamic,timeout
        timeout 1d
        counter
    }}

    chain egress_output {{
        type filter hook output priority 0; policy accept;
        update @would_deny4 {{ ip daddr . meta l4proto . udp dport . meta skuid }}
        tcp dport {port} accept
        goto egress_denied
    }}

    chain egress_denied {{
        {rules}
    }}

    chain egress_observed {{
        accept
    }}

    chain egress_enforced {{
        reject
    }}
}}
""")


def table(rules: str, port: int = 443) -> str:
    return CHAIN.format(rules=rules, port=port)


def observing(port: int = 443) -> str:
    return table("goto egress_observed", port)


def test_the_compilers_tables_are_distinguished() -> None:
    for case, expected in (("app-observe", True), ("app-enforce", False)):
        assert observes((ROOT / case / "table.nft").read_text()) is expected
    in_part = table("ip daddr @observed_internal4 goto egress_observed\n\t\tgoto egress_enforced")
    assert not observes(in_part)


class Running:
    """The host's uptime, which a test moves on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        uptime = clock.uptime
        monkeypatch.setattr(clock, "uptime", lambda: uptime() + self.ahead)

    def passes(self, seconds: float) -> None:
        self.ahead += seconds


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Running:
    return Running(monkeypatch)


def hours(facts: dict[str, Any]) -> int:
    """How many whole hours were observed."""
    return int((facts["now"] - facts["since"]) // 3600)


def test_a_changed_policy_does_not_begin_the_observation_anew(host: GuardedHost, running: Running) -> None:
    host.has(observing(443))
    running.passes(3 * 3600)
    host.has(observing(8443))
    running.passes(2 * 3600)
    facts = observed.facts(host)
    assert facts["observes"]
    assert hours(facts) == 5


def test_enforcing_in_between_does(host: GuardedHost, running: Running) -> None:
    for text in (observing(443), table("goto egress_enforced"), observing(8443)):
        host.has(text)
        running.passes(2 * 3600)
    assert hours(observed.facts(host)) == 2
    host.has(table("goto egress_enforced"))
    facts = observed.facts(host)
    assert (facts["confirmed"], facts["observes"], facts["since"]) == (True, False, None)


@pytest.mark.parametrize("years", [1, -1])
def test_a_clock_that_is_set_neither_adds_observation_nor_takes_evidence(
    host: GuardedHost, running: Running, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    host.apply(observing(), settings=Settings(mode="observe"), confirm=False)
    send()
    Watcher(host).copy_ledger()
    host.table.load("flush set inet tidegate would_deny4")
    running.passes(2 * 3600)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + years * 365 * 86400)
    # A change in between, by the wrong clock.
    host.apply(observing(8443), settings=Settings(mode="observe"), confirm=False)
    facts = observed.facts(host)
    assert hours(facts) == 2
    (line,) = facts["ledger"]
    assert (line["address"], int((facts["now"] - line["last"]) // 3600)) == ("127.0.0.9", 2)


def test_a_reboot_goes_on_where_the_host_stopped(host: GuardedHost, running: Running) -> None:
    host.has(observing())
    running.passes(3 * 3600)
    Watcher(host).copy_ledger()
    # Two hours that nobody noted, then a new boot, whose uptime begins at 0.
    running.passes(2 * 3600)
    host.reboot()
    running.passes(-5 * 3600)
    assert host.run("boot").returncode == 0
    assert hours(observed.facts(host)) == 3
    running.passes(3600)
    assert hours(observed.facts(host)) == 4
    host.paths.running_time.write_text("{")
    assert hours(observed.facts(host)) == 0
    running.passes(3600)
    assert hours(observed.facts(host)) == 1


def test_a_host_without_a_policy_has_no_evidence(host: GuardedHost) -> None:
    facts = observed.facts(host)
    assert (facts["confirmed"], facts["since"], facts["ledger"]) == (False, None, [])


def send(port: int = 514) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, contextlib.suppress(PermissionError):
        sender.sendto(b"x", ("127.0.0.9", port))


def test_the_watcher_keeps_what_a_reboot_would_forget(host: GuardedHost) -> None:
    host.apply(observing(), settings=Settings(mode="observe"), confirm=False)
    send()
    Watcher(host).copy_ledger()
    host.table.load("flush set inet tidegate would_deny4")
    (line,) = observed.facts(host)["ledger"]
    assert (line["address"], line["protocol"], line["port"], line["user"]) == ("127.0.0.9", 17, 514, "root")
    assert abs(line["last"] - time.time()) < 60
