# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How large a change is: in networks and in addresses, whichever says more."""

from __future__ import annotations

import math

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.feeds import change
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

TEN = [f"10.{number}.0.0/24" for number in range(0, 20, 2)]


def these(*texts: str) -> AddressSet:
    return addresses.union(addresses.parse(text) for text in texts)


@pytest.mark.parametrize(
    ("old", "new", "percent"),
    [
        (TEN, TEN, 0),
        (TEN, TEN[:7], 30),
        (TEN, [*TEN, "192.0.2.0/24"], 10),
        (TEN, [*TEN[:8], "192.0.2.0/24"], 20),  # Two gone and one come: the larger counts.
        (["10.0.0.0/24", "10.0.1.0/24"], ["10.0.0.0/23"], 0),  # The same, written in other pieces.
        (TEN, [*TEN, "128.0.0.0/1"], 100 * 2**31 / 2560),  # One network more, and half the internet.
        (["10.0.0.0/8", *(f"192.0.2.{n}" for n in range(1, 20, 2))], ["10.0.0.0/8"], 100 * 10 / 11),
        (["10.0.0.0/24"], ["10.0.0.0/25"], 100),  # One network of one is smaller.
        (["192.0.2.1", "2001:db8::/32"], ["192.0.2.1"], 100),  # A whole family is gone.
        (["192.0.2.1"], ["192.0.2.1", "2001:db8::1"], math.inf),  # A family is new.
    ],
)
def test_the_largest_change_counts(old: list[str], new: list[str], percent: float) -> None:
    assert change.largest(these(*old), these(*new)).percent == pytest.approx(percent)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (TEN, TEN[:7], "3 IPv4 networks are removed or narrower, the list had 10 (30%), the first is 10.14.0.0/24"),
        (
            TEN,
            [*TEN, "128.0.0.0/1"],
            "1 IPv4 network is new or wider, the list had 10 (83886080% of its addresses), the first is 128.0.0.0/1",
        ),
        (
            ["192.0.2.1"],
            ["192.0.2.1", "2001:db8::/32"],
            "the list had no IPv6 networks before and has some now, the first is 2001:db8::/32",
        ),
    ],
)
def test_a_change_is_told_with_an_example(old: list[str], new: list[str], text: str) -> None:
    assert change.largest(these(*old), these(*new)).text == text
