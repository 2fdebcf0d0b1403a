# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy tests (`egress_tests_*`), checked against the outcomes of real packets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedTest
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import PORT_PROTOCOLS

from .probe_flows import ANSWERED, REFUSED, ProbeFlow, ProbeResult


@dataclass(frozen=True)
class PacketTest:
    """A policy test. packets: how many it is about. wrong: those that contradict it."""

    name: str
    where: str
    reach: bool
    packets: int
    wrong: tuple[str, ...]

    @property
    def complaint(self) -> str | None:
        """Return a sentence when the test fails or no packet is about it, else None."""
        if not self.packets:
            return f"{self.where} was not tried: no probe matches its destination, services and user"
        if self.wrong:
            expectation = "should be reached" if self.reach else "should not be reached"
            more = f", and {len(self.wrong) - 1} more" if len(self.wrong) > 1 else ""
            return f"{self.where} fails: {self.wrong[0]} {expectation}{more}"
        return None


def packet_tests(tests: Iterable[ResolvedTest], results: Sequence[ProbeResult]) -> list[PacketTest]:
    """Return each test with the packets that it is about; a test without a user is about every user.

    None of a unit: these packets are in none. The host itself sends those before it confirms a change.
    """
    return [
        _packet_test(test, [result for result in results if _concerns(test, result.flow)])
        for test in tests
        if test.unit is None
    ]


def _packet_test(test: ResolvedTest, results: Sequence[ProbeResult]) -> PacketTest:
    expected = ANSWERED if test.reach else REFUSED
    wrong = tuple(f"{result.flow} ({result.outcome})" for result in results if result.outcome != expected)
    return PacketTest(name=test.name, where=test.where, reach=test.reach, packets=len(results), wrong=wrong)


def _concerns(test: ResolvedTest, flow: ProbeFlow) -> bool:
    return (
        test.user in (None, flow.user)
        and test.services.contains(PORT_PROTOCOLS[flow.protocol], flow.port)
        and flow.address in test.addresses
    )
