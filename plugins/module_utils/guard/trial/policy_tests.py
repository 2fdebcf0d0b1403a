# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy's own tests on the host: the verdict of this host on each packet decides, not the answer of the far end.

A packet that the policy rejects adds a line to the denied ledger, in mode observe too, or its send fails with EPERM.
Every other packet was accepted, whatever came back.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Collection, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.ssh_session import is_local
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import denied_ledger
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.probe import model as probe_model
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.arguments import parse
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.model import Probe, ProbeError
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.run import probe_all
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.users import identity

REACH, NOT_REACH = "reach", "not_reach"
ACCEPTED, REJECTED, UNKNOWN = "accepted", "rejected", "unknown"
_SHOWN = 10
"""Failing tests that a message names; the others are counted."""
_PARALLEL = 64
_NO_USER = "no such user"


@dataclass(frozen=True)
class PolicyTests:
    """The tests of a policy.

    tests: {name, to, protocol, port, user, missing_user, expect} each; timeout: seconds for each.
    """

    tests: Sequence[Mapping[str, Any]] = ()
    timeout: float = 2.0

    @property
    def seconds(self) -> float:
        """The longest time that they take; those of different users run at the same time."""
        by_user: dict[Any, int] = {}
        for test in self.tests:
            by_user[test.get("user")] = by_user.get(test.get("user"), 0) + 1
        return max((-(-count // _PARALLEL) * self.timeout for count in by_user.values()), default=0.0)


@dataclass(frozen=True)
class PolicyTestResult:
    """The result of one test.

    verdict: of this host: ACCEPTED, REJECTED, or UNKNOWN where no packet could be sent; outcome: what came back, for
    people (see the room probe); ok: whether the test passed.
    """

    name: str
    to: str
    protocol: str
    port: int
    user: str | None
    expect: str
    verdict: str
    outcome: str
    ok: bool

    @property
    def label(self) -> str:
        """The test's name with its packet: a test may have several."""
        return f"{self.name} ({self.to} {self.protocol}/{self.port}{f' as {self.user}' if self.user else ''})"


def run(table: LiveTable, tests: PolicyTests) -> list[PolicyTestResult]:
    """Send the packet of every test and return the results; raise GuardError (bad_request) before the first packet."""
    if not tests.tests:
        return []
    probes = probes_of(tests)
    before = denied_ledger.packets(table)
    try:
        to_send = [probe for probe, test in zip(probes, tests.tests) if _has_user(test)]
        answers = iter(probe_all(to_send, tests.timeout, _PARALLEL))
    except ProbeError as error:
        raise GuardError("bad_request", f"The policy tests cannot run: {error.message} {UNCHANGED}") from error
    after = denied_ledger.packets(table)
    denied = {flow for flow, count in after.items() if count > before.get(flow, 0)}
    return [
        _result(probe, test["expect"], next(answers) if _has_user(test) else None, denied)
        for probe, test in zip(probes, tests.tests)
    ]


def probes_of(tests: PolicyTests) -> tuple[Probe, ...]:
    """Return the packets of the tests; raise GuardError (bad_request) for a test that cannot run."""
    for index, test in enumerate(tests.tests):
        if test["expect"] not in (REACH, NOT_REACH):
            raise GuardError(
                "bad_request", f"tests[{index}]: {test['expect']!r} is neither reach nor not_reach. {UNCHANGED}"
            )
    try:
        probes = parse({"probes": tests.tests, "timeout": tests.timeout, "parallel": _PARALLEL}).probes
    except ProbeError as error:
        where = "" if error.index is None else f"test {tests.tests[error.index]['name']}: "
        raise GuardError("bad_request", f"{where}{error.message} {UNCHANGED}") from error
    for test in tests.tests:
        if test.get("missing_user") != "skip" and not _has_user(test):
            raise GuardError(
                "bad_request",
                f'test {test["name"]}: this host has no user "{test["user"]}". {UNCHANGED} Fix: correct the name, or '
                "name the user in an entry too: then the test is skipped until the user exists.",
            )
    return probes


def failing(results: Sequence[PolicyTestResult], before: Collection[str] = ()) -> list[PolicyTestResult]:
    """Return the tests that fail now and whose labels are not among those that failed before the change."""
    return [result for result in results if not result.ok and result.label not in before]


def labels(results: Sequence[PolicyTestResult]) -> list[str]:
    """Return the labels of tests."""
    return [result.label for result in results]


def sentence(failed: Sequence[PolicyTestResult]) -> str:
    """Return which tests failed, for people."""
    shown = [
        f"the new policy {'rejects' if result.expect == REACH else 'accepts'} {result.label}"
        for result in failed[:_SHOWN]
    ]
    more = len(failed) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more > 0 else [])])


def _result(
    probe: Probe, expect: str, answer: probe_model.Measurement | None, denied: Collection[Any]
) -> PolicyTestResult:
    """Return the result of one test. answer: None where the user is missing, so that no packet was sent."""
    verdict = UNKNOWN if answer is None else _verdict(probe, expect, answer, denied)
    return PolicyTestResult(
        name=probe.name,
        to=probe.to,
        protocol=probe.protocol,
        port=probe.port,
        user=probe.user,
        expect=expect,
        verdict=verdict,
        outcome=_NO_USER if answer is None else answer.outcome,
        ok=verdict == UNKNOWN or (verdict == ACCEPTED) == (expect == REACH),
    )


def _verdict(probe: Probe, expect: str, answer: probe_model.Measurement, denied: Collection[Any]) -> str:
    uid = os.geteuid() if probe.user is None else identity(probe.user).uid
    if (probe.to, probe.protocol, probe.port, uid) in denied or answer.errno == "EPERM":
        return REJECTED
    if answer.outcome == probe_model.FAILED:
        return UNKNOWN
    if expect == NOT_REACH and (answer.outcome == probe_model.REFUSED or is_local(probe.to)):
        # A full ledger has no line, so the reset may be ours. Every policy accepts packets to the host itself.
        return UNKNOWN
    return ACCEPTED


def _has_user(test: Mapping[str, Any]) -> bool:
    """Return whether this host has the user of a test."""
    if test.get("user") is None:
        return True
    try:
        identity(test["user"])
    except LookupError:
        return False
    return True
