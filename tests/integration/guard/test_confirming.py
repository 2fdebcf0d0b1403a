# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who confirms a change, and what is saved then: nothing that somebody else edited meanwhile."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import apply
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    history,
    records,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import commit_confirm, decide
from ansible_collections.tidegate.nftables.tests.support.waiting import is_running

from .conftest import NEW, OLD, REQUEST, GuardedHost, TextTable, wait_for
from .trials import events, is_rolled_back, policy

OTHER = OLD.replace("203.0.113.0/24", "100.64.0.0/10")


def test_a_confirmed_change_stays_and_is_saved(host: GuardedHost) -> None:
    host.has(OLD)
    applied = host.apply(NEW)
    timer = host.timer()
    confirmed = decide.confirm(host, applied["guard"]["token"])
    assert confirmed["who"] == "alice@control"
    assert confirmed["what"] == "the table changed"
    wait_for(lambda: not is_running(timer), "the end of the rollback timer")
    assert "192.0.2.0/24" in host.listing()
    assert is_rolled_back(host)
    assert not host.paths.candidate.exists()
    saved = host.paths.confirmed.read_text()
    assert "192.0.2.0/24" in saved
    assert "packets 0 bytes 0" in saved
    assert not re.search(r"packets [1-9]", saved)
    assert host.paths.confirmed.stat().st_mode & 0o777 == 0o600
    assert [earlier.number for earlier in history.earlier(host.paths)] == [1]
    assert "203.0.113.0/24" in history.find(host.paths, "1").listing
    assert events(host) == ["confirmed", "confirmed"]


def test_the_saved_file_loads_by_itself(each_host: GuardedHost) -> None:
    each_host.has(OLD)
    expected = policy(each_host)
    each_host.load("table inet tidegate\ndelete table inet tidegate\n")
    subprocess.run([str(each_host.nft), "-f", str(each_host.paths.confirmed)], check=True)
    assert policy(each_host) == expected


def test_confirming_twice_is_no_error(host: GuardedHost) -> None:
    token = host.apply(OLD)["guard"]["token"]
    first = decide.confirm(host, token)
    assert decide.confirm(host, token) == first


def test_only_the_token_of_the_change_confirms_it(host: GuardedHost) -> None:
    host.apply(OLD)
    with pytest.raises(GuardError, match="not pending on this host"):
        decide.confirm(host, "0123456789abcdef")
    assert host.paths.pending.exists()
    assert not host.paths.confirmed.exists()


def test_confirming_after_the_rollback_says_so(host: GuardedHost) -> None:
    token = host.apply(OLD, seconds=1)["guard"]["token"]
    wait_for(lambda: is_rolled_back(host))
    with pytest.raises(GuardError, match=r"was rolled back at .*nobody confirmed it in time") as caught:
        decide.confirm(host, token)
    assert caught.value.reason == "too_late"


def test_a_second_run_while_one_is_pending_is_refused(host: GuardedHost) -> None:
    host.has(OLD)
    host.apply(NEW)
    for check in (False, True):
        with pytest.raises(
            GuardError, match=r"A change by alice@control from .* is pending .*rolled back in \d+ s"
        ) as caught:
            host.apply(OTHER, check=check)
        assert caught.value.reason == "pending"
    assert "192.0.2.0/24" in host.listing()


def test_what_stands_but_was_never_saved_is_saved(host: GuardedHost) -> None:
    host.load(OLD)
    host.apply(NEW, seconds=60, confirm=False)
    host.paths.confirmed.unlink()
    assert host.apply(NEW, check=True)["changed"]
    assert not host.paths.confirmed.exists()
    saved = host.apply(NEW)
    assert saved["changed"]
    assert saved["files"] == [{"path": str(host.paths.confirmed), "action": "change"}]
    assert "192.0.2.0/24" in host.paths.confirmed.read_text()
    assert not host.apply(NEW)["changed"]


def test_without_a_confirmation_the_change_is_saved_at_once(host: GuardedHost) -> None:
    applied = host.apply(OLD, confirm=False)
    assert applied["guard"] is None
    assert not host.paths.pending.exists()
    assert "203.0.113.0/24" in host.paths.confirmed.read_text()


def test_somebody_elses_edit_of_a_pending_change_is_not_confirmed(host: GuardedHost) -> None:
    host.has(OLD)
    before = policy(host)
    token = host.apply(NEW)["guard"]["token"]
    host.load("flush chain inet tidegate egress_output\n")
    with pytest.raises(GuardError, match="Another program changed the table") as caught:
        decide.confirm(host, token)
    assert caught.value.reason == "changed_meanwhile"
    assert policy(host) == before
    assert "203.0.113.0/24" in host.paths.confirmed.read_text()


def test_the_history_keeps_ten(host: GuardedHost) -> None:
    for number in range(13):
        host.apply(OLD.replace("203.0.113.0/24", f"10.{number}.0.0/16"), confirm=False)
    assert [earlier.number for earlier in history.earlier(host.paths)] == list(range(1, 11))
    assert "10.11.0.0/16" in history.find(host.paths, "1").listing
    assert "10.2.0.0/16" in history.find(host.paths, "10").listing
    with pytest.raises(GuardError, match="matches none of the earlier policies: 1 "):
        history.find(host.paths, "11")


def test_a_crash_right_after_the_deciding_step_is_a_confirmation(host: GuardedHost) -> None:
    host.has(OLD)
    with host.timer_held():
        token = host.apply(NEW, seconds=1)["guard"]["token"]
        host.paths.candidate.replace(host.paths.confirmed)
    wait_for(lambda: is_rolled_back(host))
    assert "192.0.2.0/24" in host.listing()
    assert events(host)[-1] == "confirmed"
    assert decide.confirm(host, token)["token"] == token


def test_an_edit_while_the_change_is_being_loaded_is_not_confirmed_with_it(
    host: GuardedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.has(OLD)
    look = commit_confirm.write_candidate

    def edit_and_look(*arguments: Any) -> None:
        host.load("insert rule inet tidegate egress_output accept\n")
        look(*arguments)

    monkeypatch.setattr(commit_confirm, "write_candidate", edit_and_look)
    with pytest.raises(GuardError) as raised:
        host.apply(NEW)
    assert raised.value.reason == "changed_meanwhile"
    assert policy(host) == shape(OLD, ("fed4",))
    assert is_rolled_back(host)


def test_an_edit_while_a_change_without_a_confirmation_is_being_loaded_is_not_saved_with_it(
    host: GuardedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.has(OLD)
    listing = host.table.listing
    new: list[str] = []

    def edit_and_list() -> str | None:
        text = listing()
        if text is not None and "8443" in text:
            new.append(text)
            if len(new) == 2:  # The first look at the new table is the engine's own.
                host.load("insert rule inet tidegate egress_output accept\n")
                return listing()
        return text

    monkeypatch.setattr(host.table, "listing", edit_and_list)
    with pytest.raises(GuardError) as raised:
        host.apply(NEW, confirm=False)
    assert raised.value.reason == "changed_meanwhile"
    saved = records.load(host.paths.confirmed)
    assert saved is not None
    assert shape(saved.listing, ("fed4",)) == shape(OLD, ("fed4",))


def test_the_history_says_that_a_change_was_one_of_the_mode(host: GuardedHost) -> None:
    changes = [
        {"action": action, "kind": "rule", "chain": "egress_denied", "text": f"goto {chain}"}
        for action, chain in (("delete", "egress_observed"), ("add", "egress_enforced"))
    ]
    # Of many entries each has a chain of its own.
    changes.append({"action": "add", "kind": "rule", "chain": "egress_allow_payments-api", "comment": "payments-api"})
    host.has(OLD)

    class Described(TextTable):
        def preview(self) -> dict[str, Any]:
            return {**super().preview(), "changes": changes}

    change = apply.change_table(host, Described(host.table, NEW), apply.Terms(request=REQUEST), check=False)
    decide.confirm(host, change["guard"]["token"])
    assert "mode enforce, opened payments-api\n" in host.run("status").stdout
    host.has(OLD)
    earlier = host.run("status").stdout.splitlines()[-2:]
    assert earlier[0].endswith(" mode enforce, opened payments-api"), earlier
    assert earlier[1].endswith(" the table changed"), earlier
