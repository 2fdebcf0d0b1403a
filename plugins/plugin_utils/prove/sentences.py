# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hand-written tests of a policy (``egress_tests_*``), checked against what became of real packets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedTest

from .flows import ANSWERED, REFUSED, Tried

NUMBERS = {"tcp": 6, "udp": 17}


@dataclass(frozen=True)
class Checked:
    """A test, how many packets were about it, and those that contradict it."""

    name: str
    where: str
    reach: bool
    packets: int
    wrong: tuple[str, ...]

    @property
    def complaint(self) -> str | None:
        """A sentence when the test does not hold or nothing was tried, else None."""
        if not self.packets:
            return f"{self.where} was not tried: none of the hosts, ports and users that are tried is in it"
        if self.wrong:
            says = "should be reached" if self.reach else "should not be reached"
            return f"{self.where} does not hold: {self.wrong[0]} {says}" + (
                f", and {len(self.wrong) - 1} more" if len(self.wrong) > 1 else ""
            )
        return None


def check(tests: Iterable[ResolvedTest], tried: Sequence[Tried]) -> list[Checked]:
    """Check each test against the packets that are about it; one without a user is about every user that was tried."""
    return [_check(test, [one for one in tried if _about(test, one)]) for test in tests]


def _check(test: ResolvedTest, packets: Sequence[Tried]) -> Checked:
    wanted = ANSWERED if test.reach else REFUSED
    wrong = tuple(f"{one.flow} ({one.outcome})" for one in packets if one.outcome != wanted)
    return Checked(test.name, test.where, test.reach, len(packets), wrong)


def _about(test: ResolvedTest, tried: Tried) -> bool:
    flow = tried.flow
    return (
        test.user in (None, flow.user)
        and test.services.contains(NUMBERS[flow.protocol], flow.port)
        and flow.address in test.addresses
    )
