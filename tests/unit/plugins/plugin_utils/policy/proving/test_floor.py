# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the floor, against the oracle, which is written apart from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.floor import FloorOpening, openings
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build

GIVEN: dict[str, Any] = {
    "egress_containers": True,
    "egress_dns_servers": ["10.0.0.53", "fd00::53"],
    "egress_ntp_servers": ["10.0.0.123"],
}
RESOLVED, NEVER = build(**GIVEN), build(**GIVEN, egress_never=[{"to": "any"}])
LINES = pytest.mark.parametrize("opening", openings(RESOLVED), ids=lambda opening: opening.part)


def corners(opening: FloorOpening) -> Iterator[policy.Flow]:
    """Yield a flow for each end of each interval of destinations and services."""
    for version in (4, 6):
        for destination in {end for interval in opening.addresses.family(version) for end in interval}:
            for protocol, ports in opening.services.protocols().items():
                # ICMP belongs to IPv4, ICMPv6 to IPv6.
                if (protocol, version) not in ((1, 6), (58, 4)):
                    address = addresses.to_text(version, destination)
                    for port in {end for interval in ports for end in interval}:
                        yield policy.Flow(address, protocol, port, source_port=opening.from_port)


@LINES
def test_the_oracle_says_of_each_line_what_the_table_says(opening: FloorOpening) -> None:
    for flow in corners(opening):
        assert policy.decide(RESOLVED, flow).cause == "floor", flow
        in_container = policy.decide(RESOLVED, replace(flow, container=True)).cause
        assert in_container == ("floor" if opening.containers else "unlisted"), flow
        below_never = policy.decide(NEVER, flow).cause
        assert below_never == ("never" if opening.below_never else "floor"), flow


@LINES
def test_a_part_that_is_left_out_lets_nothing_through(opening: FloorOpening) -> None:
    without = replace(RESOLVED, floor=tuple(part for part in RESOLVED.floor if part != opening.part))
    assert {policy.decide(without, flow).cause for flow in corners(opening)} == {"unlisted"}
    assert opening.part not in {each.part for each in openings(without)}
