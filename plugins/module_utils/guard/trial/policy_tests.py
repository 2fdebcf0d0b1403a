# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy's own tests on the host: the verdict of this host on each packet decides, not the answer of the far end.

A packet that the policy rejects adds to its line in the denied ledger, in mode observe too, or its send fails with
EPERM. Every other packet was accepted, whatever came back, unless the ledger had no room for some line meanwhile. Then
lines are made for the flows in doubt, and their packets are sent again.

A test of a unit is sent from a cgroup below the unit's, and the ledger's note about that cgroup alone decides it. Where
it cannot be sent or noted, the policy's own calculation stands.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Collection, Iterable, Mapping, NamedTuple, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.ssh_session import is_local
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import flow_lines
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.flow_lines import Flow
from ansible_collections.tidegate.nftables.plugins.module_utils.probe import model as probe_model
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.arguments import parse
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.model import Probe, ProbeError
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.run import GRACE, probe_all
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.users import identity
from ansible_collections.tidegate.nftables.plugins.module_utils.units import probe_cgroups
from ansible_collections.tidegate.nftables.plugins.module_utils.units.probe_cgroups import ProbeCgroup

REACH, NOT_REACH = "reach", "not_reach"
ACCEPTED, REJECTED, UNKNOWN = "accepted", "rejected", "unknown"
_SHOWN = 10
"""Failing tests that a message names; the others are counted."""
_PARALLEL = 64
_NO_USER = "no such user"
_NO_ROOM = "the ledger has no room"
_NO_CGROUP = "the unit does not run"
_NO_NOTE = "the ledger cannot note the unit"
_LASTING = 60.0
"""Seconds that a line lasts which was made for a test, beyond the tests."""


@dataclass(frozen=True)
class PolicyTests:
    """The tests of a policy.

    tests: {name, to, protocol, port, user, unit, missing_user, expect} each; timeout: seconds for each.
    """

    tests: Sequence[Mapping[str, Any]] = ()
    timeout: float = 2.0

    @property
    def seconds(self) -> float:
        """The longest time that they take, sent twice; those of different users and units run at the same time."""
        counts = Counter((test.get("user"), test.get("unit")) for test in self.tests)
        grace = GRACE if any(unit for _user, unit in counts) else 0.0
        return grace + 2 * max((-(-count // _PARALLEL) * self.timeout for count in counts.values()), default=0.0)


@dataclass(frozen=True)
class PolicyTestResult:
    """The result of one test.

    verdict: of this host: ACCEPTED, REJECTED, or UNKNOWN where no packet could be sent or the ledger has no room
    for it; outcome: what came back, for people (see the room probe); ok: whether the test passed, for UNKNOWN whether
    nothing speaks against it.
    """

    name: str
    to: str
    protocol: str
    port: int
    user: str | None
    unit: str | None
    expect: str
    verdict: str
    outcome: str
    ok: bool

    @property
    def label(self) -> str:
        """The test's name with its packet: a test may have several."""
        sender = f"{f' as {self.user}' if self.user else ''}{f' in {self.unit}' if self.unit else ''}"
        return f"{self.name} ({self.to} {self.protocol}/{self.port}{sender})"


def run(tests: PolicyTests) -> list[PolicyTestResult]:
    """Send the packet of every test and return the results; raise GuardError (bad_request) before the first packet."""
    if not tests.tests:
        return []
    probes = probes_of(tests)
    with probe_cgroups.below({test["unit"] for test in tests.tests if test.get("unit")}) as places:
        packets = [_Packet.of(test, probe, places) for test, probe in zip(tests.tests, probes)]
        return _results(tests, packets)


def _results(tests: PolicyTests, packets: Sequence[_Packet]) -> list[PolicyTestResult]:
    flows = {packet.probe: packet.flow for packet in packets if packet.flow is not None}
    noted = flow_lines.make_lines([flow for flow in flows.values() if flow.cgroup], tests.seconds + _LASTING)
    flows = {probe: flow for probe, flow in flows.items() if not flow.cgroup or flow in noted}
    before = flow_lines.look(flows.values())
    answers = _send(flows, tests.timeout)
    after = flow_lines.look(flows.values())
    denied = after.rejected_since(before)
    unsure: frozenset[Flow] = frozenset()
    if after.left_out != before.left_out:
        doubtful = {probe: flow for probe, flow in flows.items() if flow not in denied | noted}
        sure = flow_lines.make_lines(doubtful.values(), tests.seconds + _LASTING)
        before = flow_lines.look(doubtful.values())
        answers = {**answers, **_send(doubtful, tests.timeout)}
        denied |= flow_lines.look(doubtful.values()).rejected_since(before)
        unsure = frozenset(doubtful.values()) - sure - denied
    return [_result(packet, answers.get(packet.probe), denied=denied, unsure=unsure) for packet in packets]


class _Packet(NamedTuple):
    """The packet of a test. flow: None where nothing can be sent. unsent: why none is sent, if none is."""

    test: Mapping[str, Any]
    probe: Probe
    flow: Flow | None
    unsent: str = _NO_NOTE

    @classmethod
    def of(cls, test: Mapping[str, Any], probe: Probe, places: Mapping[str, ProbeCgroup]) -> _Packet:
        """Return the packet of a test. places: by unit, the cgroup for its socket."""
        if not _has_user(test):
            return cls(test, probe, None, _NO_USER)
        uid = os.geteuid() if probe.user is None else identity(probe.user).uid
        flow = Flow(probe.to, probe.protocol, probe.port, uid)
        if not test.get("unit"):
            return cls(test, probe, flow)
        if test["unit"] not in places:
            return cls(test, probe, None, _NO_CGROUP)
        folder, noted = places[test["unit"]]
        return cls(test, replace(probe, cgroup=folder), None if noted is None else flow._replace(cgroup=noted))


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


def unsent(results: Sequence[PolicyTestResult]) -> list[str]:
    """Return the labels of tests that no packet decided though nothing speaks against them, each with the reason."""
    sent = (probe_model.ANSWERED, probe_model.REFUSED, probe_model.SILENT)
    return [
        f"{result.label}: {result.outcome}"
        for result in results
        if result.ok and result.verdict == UNKNOWN and result.outcome not in sent
    ]


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
    packet: _Packet,
    answer: probe_model.Measurement | None,
    *,
    denied: Collection[Flow],
    unsure: Collection[Flow],
) -> PolicyTestResult:
    """Return the result of one test. answer: None where no packet was sent."""
    probe, expect, flow = packet.probe, packet.test["expect"], packet.flow
    outcome = packet.unsent if answer is None else str(answer.outcome)
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
        unit=packet.test.get("unit"),
        expect=expect,
        verdict=verdict,
        outcome=outcome,
        ok=ok,
    )


def _verdict(probe: Probe, expect: str, answer: probe_model.Measurement, *, rejected: bool) -> str:
    if rejected:
        return REJECTED
    if answer.errno == "EPERM":
        # The unit's own IPAddressDeny= fails so, too, and leaves no note.
        return UNKNOWN if probe.cgroup else REJECTED
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
