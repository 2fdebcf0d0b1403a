# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that restore a table, confirm or roll back a change, and open or close a host in an emergency."""

from __future__ import annotations

import json
import re
import socket
import subprocess

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import history, journal, settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import decide
from ansible_collections.tidegate.nftables.tests.support.waiting import is_running

from .conftest import NEW, OLD, GuardedHost, wait_for
from .golden_tables import golden


def policy(host: GuardedHost) -> str:
    return shape(host.listing(), ("fed4",))


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
    assert connects("203.0.113.9", seconds=30) == "refused"
    done = compiled.run("open", "1")
    assert done.returncode == 0, done.stderr
    assert "All outbound traffic is allowed for 1 minute;" in done.stdout
    assert connects("203.0.113.9") == "let out"
    with pytest.raises(Exception, match="It ends by itself in"):
        compiled.apply(NEW)
    assert compiled.run("confirm").returncode == 1
    status = compiled.run("status").stdout
    assert re.search(
        r"^emergency +open for 1 minute, by root \(console\); the policy is restored in \d+ s$", status, re.MULTILINE
    )
    assert "pending" not in status
    assert compiled.run("rollback").stdout == "Ended the emergency (open for 1 minute).\n"
    assert connects("203.0.113.9", seconds=30) == "refused"
    assert shape(compiled.listing(), ()) == shape(before, ())


def test_an_emergency_closes_everything_but_the_floor(compiled: GuardedHost) -> None:
    compiled.load(f"delete table inet tidegate\n{golden('app-observe')}")
    before = compiled.listing()
    assert connects("10.20.0.1", 5432) == "let out"
    assert compiled.run("close", "5").returncode == 0
    assert connects("10.20.0.1", 5432, seconds=30) == "refused"
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=60).close()
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
    assert connects("203.0.113.9") == "let out"
    assert compiled.run("close", "5").returncode == 0
    assert connects("203.0.113.9", 443, seconds=30) == "refused"
    assert compiled.run("open", "5").returncode == 0
    assert connects("203.0.113.9") == "let out"
    # One that cannot begin leaves the one before it.
    assert compiled.run("open", "0").returncode == 1
    assert connects("203.0.113.9") == "let out"
    assert compiled.run("rollback").returncode == 0
    assert connects("203.0.113.9", seconds=30) == "refused"
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


def connects(address: str, port: int = 22, *, seconds: float = 0.3) -> str:
    """What becomes of a connection into nowhere: our reset, or silence for some seconds."""
    with socket.socket() as attempt:
        attempt.settimeout(seconds)
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
