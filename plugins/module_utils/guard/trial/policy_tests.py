# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy's own tests on the host: the verdict of this host on each packet decides, not the answer of the far end.

A packet that the policy rejects adds to its line in the denied ledger, in mode observe too, or its send fails with
EPERM. Every other packet was accepted, whatever came back, unless the ledger had no room for some line meanwhile. Then
lines are made for the flows in doubt, and their packets are sent again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Collection, Iterable, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.ssh_session import is_local
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import flow_lines
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.flow_lines import Flow
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
_NO_ROOM = "the ledger has no room"
_LASTING = 60.0
"""Seconds that a line lasts which was made for a test, beyond the tests."""


@dataclass(frozen=True)
class PolicyTests:
    """The tests of a policy.

    tests: {name, to, protocol, port, user, missing_user, expect} each; timeout: seconds for each.
    """

    tests: Sequence[Mapping[str, Any]] = ()
    timeout: float = 2.0

    @property
    def seconds(self) -> float:
        """The longest time that they take, sent twice; those of different users run at the same time."""
        by_user: dict[Any, int] = {}
        for test in self.tests:
            by_user[test.get("user")] = by_user.get(test.get("user"), 0) + 1
        return 2 * max((-(-count // _PARALLEL) * self.timeout for count in by_user.values()), default=0.0)


@dataclass(frozen=True)
class PolicyTestResult:
    """The result of one test.

    verdict: of this host: ACCEPTED, REJECTED, or UNKNOWN where no packet could be sent or the ledger has no room;
    outcome: what came back, for people (see the room probe); ok: whether the test passed, for UNKNOWN whether nothing
    speaks against it.
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


def run(tests: PolicyTests) -> list[PolicyTestResult]:
    """Send the packet of every test and return the results; raise GuardError (bad_request) before the first packet."""
    if not tests.tests:
        return []
    probes = probes_of(tests)
    flows = {probe: _flow(probe) for probe, test in zip(probes, tests.tests) if _has_user(test)}
    before = flow_lines.look(flows.values())
    answers = _send(flows, tests.timeout)
    after = flow_lines.look(flows.values())
    denied = after.rejected_since(before)
    unsure: frozenset[Flow] = frozenset()
    if after.left_out != before.left_out:
        doubtful = {probe: flow for probe, flow in flows.items() if flow not in denied}
        sure = flow_lines.make_lines(doubtful.values(), tests.seconds + _LASTING)
        before = flow_lines.look(doubtful.values())
        answers = {**answers, **_send(doubtful, tests.timeout)}
        denied |= flow_lines.look(doubtful.values()).rejected_since(before)
        unsure = frozenset(doubtful.values()) - sure - denied
    return [
        _result(probe, test["expect"], flows.get(probe), answers.get(probe), denied=denied, unsure=unsure)
        for probe, test in zip(probes, tests.tests)
    ]


def _flow(probe: Probe) -> Flow:
    uid = os.geteuid() if probe.user is None else identity(probe.user).uid
    return Flow(probe.to, probe.protocol, probe.port, uid)


def _send(probes: Iterable[Probe], timeout: float) -> dict[Probe, probe_model.Measurement]:
    sent = list(probes)
    try:
        return dict(zip(sent, probe_all(sent, timeout, _PARALLEL)))
    except ProbeError as error:
        raise GuardError("bad_request", f"The policy tests cannot run: {error.message} {UNCHANGED}") from error


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
    shown = [_failure(result) for result in failed[:_SHOWN]]
    more = len(failed) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more > 0 else [])])


def _failure(result: PolicyTestResult) -> str:
    if result.verdict == UNKNOWN:
        return f"nobody knows whether the new policy accepts {result.label}, for {result.outcome}"
    return f"the new policy {'rejects' if result.expect == REACH else 'accepts'} {result.label}"


def _result(
    probe: Probe,
    expect: str,
    flow: Flow | None,
    answer: probe_model.Measurement | None,
    *,
    denied: Collection[Flow],
    unsure: Collection[Flow],
) -> PolicyTestResult:
    """Return the result of one test. flow, answer: None where the user is missing, so that no packet was sent."""
    outcome = _NO_USER if answer is None else str(answer.outcome)
    verdict = UNKNOWN if answer is None else _verdict(probe, expect, answer, rejected=flow in denied)
    ok = verdict == UNKNOWN or (verdict == ACCEPTED) == (expect == REACH)
    if verdict == ACCEPTED and flow in unsure and outcome != probe_model.ANSWERED:
        verdict, outcome, ok = UNKNOWN, _NO_ROOM, False
    return PolicyTestResult(
        name=probe.name,
        to=probe.to,
        protocol=probe.protocol,
        port=probe.port,
        user=probe.user,
        expect=expect,
        verdict=verdict,
        outcome=outcome,
        ok=ok,
    )


def _verdict(probe: Probe, expect: str, answer: probe_model.Measurement, *, rejected: bool) -> str:
    if rejected or answer.errno == "EPERM":
        return REJECTED
    if answer.outcome == probe_model.FAILED:
        return UNKNOWN
    if expect == NOT_REACH and (answer.outcome == probe_model.REFUSED or is_local(probe.to)):
        # The reset may be another firewall's. Every policy accepts packets to the host itself.
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
