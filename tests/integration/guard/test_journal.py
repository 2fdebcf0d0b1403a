# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened on a host, when a loop of somebody else's makes the same happen again and again."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import journal

from .conftest import GuardedHost


def test_a_loop_that_flushes_does_not_push_out_who_changed_the_policy(host: GuardedHost) -> None:
    host.paths.state.mkdir(parents=True)
    journal.add(host.paths, "confirmed", token="first", who="alice@control")
    line = '{"event": "lost", "token": "first", "when": "2026-11-20T10:00:00Z"}\n'
    with host.paths.journal.open("a") as file:
        file.write("no event at all\n" + line * (journal.LIMIT // len(line) + 1))

    for number in range(20):
        journal.add(host.paths, "lost", token=str(number))

    events = journal.read(host.paths)
    assert (events[0]["event"], events[0]["who"]) == ("confirmed", "alice@control")
    assert events[-1]["token"] == "19"
    assert host.paths.journal.stat().st_size < journal.LIMIT * 3 / 4


def test_what_people_did_is_dropped_too_when_it_is_too_much(host: GuardedHost) -> None:
    host.paths.state.mkdir(parents=True)
    for number in range(200):
        journal.add(host.paths, "allowed", token=str(number), why="x" * 2000)

    events = journal.read(host.paths)
    assert events[-1]["token"] == "199"
    assert int(events[0]["token"]) > 0
    assert host.paths.journal.stat().st_size <= journal.LIMIT + 3000
