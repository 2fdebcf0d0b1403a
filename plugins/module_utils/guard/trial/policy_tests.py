# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy's own tests on the host: what *we* do to each flow decides, never whether somebody far away answers.

A flow that we refuse leaves a line in the ledger, in observe mode as well, or the kernel refuses to send it (EPERM).
Anything else was let through, whatever became of it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Collection, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.ssh_session import is_local
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import denied_ledger
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.arguments import parse
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.model import FAILED, Probe, ProbeError, Result
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.model import REFUSED as NO
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.run import probe_all
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.users import identity

REACH, NOT_REACH = "reach", "not_reach"
LET_THROUGH, REFUSED, UNKNOWN = "let_through", "refused", "unknown"
_SHOWN = 10
"""Failing tests that are named; the rest are counted."""
NO_USER = "no such user"


@dataclass(frozen=True)
class Judged:
    """One test. ours: what this host's policy did: LET_THROUGH, REFUSED, or UNKNOWN when no packet could be sent.

    outcome: what came back, for people (see the probe room); ok: whether the test holds.
    """

    name: str
    to: str
    protocol: str
    port: int
    user: str | None
    expect: str
    ours: str
    outcome: str
    ok: bool

    @property
    def label(self) -> str:
        """What tells it from the other packets of its test."""
        return f"{self.name} ({self.to} {self.protocol}/{self.port}{f' as {self.user}' if self.user else ''})"


def run(table: LiveTable, tests: Sequence[Mapping[str, Any]], timeout: float, parallel: int = 64) -> list[Judged]:
    """Send every test's packet and judge. tests: {name, to, protocol, port, user, missing_user, expect}.

    timeout: seconds for each. Raise GuardError (bad_request) before anything is sent when a test cannot be made.
    """
    if not tests:
        return []
    all_of_them = possible(tests, timeout, parallel)
    probes = [probe for probe, test in zip(all_of_them, tests) if _has_user(test)]
    before = denied_ledger.packets(table)
    try:
        results = iter(probe_all(probes, timeout, parallel))
    except ProbeError as error:
        raise GuardError("bad_request", f"The tests cannot be made: {error}. {UNCHANGED}") from error
    after = denied_ledger.packets(table)
    moved = {flow for flow, count in after.items() if count > before.get(flow, 0)}
    return [
        _judged(probe, test["expect"], next(results) if _has_user(test) else None, moved)
        for probe, test in zip(all_of_them, tests)
    ]


def possible(tests: Sequence[Mapping[str, Any]], timeout: float, parallel: int = 64) -> tuple[Probe, ...]:
    """Return the tests as probes; nothing is sent. Raise GuardError (bad_request) naming one that cannot be made."""
    for index, test in enumerate(tests):
        if test["expect"] not in (REACH, NOT_REACH):
            raise GuardError(
                "bad_request", f"tests[{index}]: {test['expect']!r} is neither reach nor not_reach. {UNCHANGED}"
            )
    try:
        found = parse({"probes": tests, "timeout": timeout, "parallel": parallel}).probes
    except ProbeError as error:
        where = "" if error.index is None else f"the test {tests[error.index]['name']}: "
        raise GuardError("bad_request", f"{where}{error}. {UNCHANGED}") from error
    for test in tests:
        if test.get("missing_user") != "skip" and not _has_user(test):
            raise GuardError(
                "bad_request",
                f'the test {test["name"]}: there is no user "{test["user"]}" on this host. Mend the name, or let an '
                f"entry name the user too: then the test waits for him. {UNCHANGED}",
            )
    return found


def needed(tests: Sequence[Mapping[str, Any]], timeout: float, parallel: int = 64) -> float:
    """Return the seconds that tests take at most; those of different users run at the same time."""
    by_user: dict[Any, int] = {}
    for test in tests:
        by_user[test.get("user")] = by_user.get(test.get("user"), 0) + 1
    return max((-(-count // parallel) * timeout for count in by_user.values()), default=0.0)


def broken(judged: Sequence[Judged], before: Collection[str] = ()) -> list[Judged]:
    """Return the tests that fail now and did not fail before the change, given the labels of those that did."""
    return [one for one in judged if not one.ok and one.label not in before]


def failing(judged: Sequence[Judged]) -> list[str]:
    """Return the labels of the tests that fail."""
    return [one.label for one in judged if not one.ok]


def sentence(tests: Sequence[Judged]) -> str:
    """Return what failed, for people."""
    shown = [
        f"{one.label} is {'refused' if one.expect == REACH else 'let through'} by the new policy"
        for one in tests[:_SHOWN]
    ]
    more = len(tests) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more > 0 else [])])


def _judged(probe: Probe, expect: str, result: Result | None, moved: Collection[Any]) -> Judged:
    """Judge one test. result: None where nothing was sent because its user is missing."""
    ours = UNKNOWN if result is None else _ours(probe, expect, result, moved)
    ok = ours == UNKNOWN or (ours == LET_THROUGH) == (expect == REACH)
    outcome = NO_USER if result is None else result.outcome
    return Judged(probe.name, probe.to, probe.protocol, probe.port, probe.user, expect, ours, outcome, ok)


def _ours(probe: Probe, expect: str, result: Result, moved: Collection[Any]) -> str:
    uid = os.geteuid() if probe.user is None else identity(probe.user).uid
    if (probe.to, probe.protocol, probe.port, uid) in moved or result.errno == "EPERM":
        return REFUSED
    if result.outcome == FAILED:
        return UNKNOWN
    if expect == NOT_REACH and (result.outcome == NO or is_local(probe.to)):
        # Somebody said no, and a ledger that is full cannot say who. The host itself is reached by every policy.
        return UNKNOWN
    return LET_THROUGH


def _has_user(test: Mapping[str, Any]) -> bool:
    """Whether this host has the user of a test."""
    if test.get("user") is None:
        return True
    try:
        identity(test["user"])
    except LookupError:
        return False
    return True
