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

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import denied
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.kernel import Kernel
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.arguments import parse
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.model import FAILED, ProbeError, Result
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.run import probe_all
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.users import identity

REACH, NOT_REACH = "reach", "not_reach"
LET_THROUGH, REFUSED, UNKNOWN = "let_through", "refused", "unknown"


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


def run(kernel: Kernel, tests: Sequence[Mapping[str, Any]], timeout: float, parallel: int = 64) -> list[Judged]:
    """Send every test's packet and judge. tests: {name, to, protocol, port, user, expect}; timeout: seconds for each.

    Raise GuardError (bad_request) before anything is sent when a test cannot be made.
    """
    for index, test in enumerate(tests):
        if test["expect"] not in (REACH, NOT_REACH):
            raise GuardError(
                "bad_request", f"tests[{index}]: {test['expect']!r} is neither reach nor not_reach. {UNCHANGED}"
            )
    if not tests:
        return []
    try:
        request = parse({"probes": tests, "timeout": timeout, "parallel": parallel})
        before = denied.packets(kernel)
        results = probe_all(request.probes, timeout, parallel)
    except ProbeError as error:
        where = "" if error.index is None else f"tests[{error.index}]: "
        raise GuardError("bad_request", f"{where}{error}. {UNCHANGED}") from error
    after = denied.packets(kernel)
    moved = {flow for flow, count in after.items() if count > before.get(flow, 0)}
    judged = []
    for probe, test, result in zip(request.probes, tests, results):
        uid = os.geteuid() if probe.user is None else identity(probe.user).uid
        ours = _ours((probe.to, probe.protocol, probe.port, uid) in moved, result)
        ok = ours == UNKNOWN or (ours == LET_THROUGH) == (test["expect"] == REACH)
        judged.append(
            Judged(
                probe.name, probe.to, probe.protocol, probe.port, probe.user, test["expect"], ours, result.outcome, ok
            )
        )
    return judged


def needed(tests: Sequence[Mapping[str, Any]], timeout: float, parallel: int = 64) -> float:
    """Return the seconds that tests take at most; those of different users run at the same time."""
    by_user: dict[Any, int] = {}
    for test in tests:
        by_user[test.get("user")] = by_user.get(test.get("user"), 0) + 1
    return max((-(-count // parallel) * timeout for count in by_user.values()), default=0.0)


def broken(judged: Sequence[Judged], before: Collection[str] = ()) -> list[Judged]:
    """Return the tests that fail now and did not fail before the change, given the names of those that did."""
    return [one for one in judged if not one.ok and one.name not in before]


def failing(judged: Sequence[Judged]) -> list[str]:
    """Return the names of the tests that fail."""
    return [one.name for one in judged if not one.ok]


def sentence(tests: Sequence[Judged]) -> str:
    """Return what failed, for people."""
    shown = [
        f"{one.name} ({one.to} {one.protocol}/{one.port}{f' as {one.user}' if one.user else ''}) "
        + ("is refused by the new policy" if one.expect == REACH else "is let through by the new policy")
        for one in tests
    ]
    return "; ".join(shown)


def _ours(in_ledger: bool, result: Result) -> str:
    if in_ledger or result.errno == "EPERM":
        return REFUSED
    return UNKNOWN if result.outcome == FAILED else LET_THROUGH
