# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, networks and ranges: what is read, what is refused, and how a set is written."""

from __future__ import annotations

import ipaddress

import netaddr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import MissingLibrary
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError, AddressSet

NETWORKS = st.lists(
    st.one_of(
        st.builds(lambda value, length: (4, value, length), st.integers(0, 2**32 - 1), st.integers(0, 32)),
        st.builds(lambda value, length: (6, value, length), st.integers(0, 2**128 - 1), st.integers(0, 128)),
    ),
    max_size=6,
)


def text(version: int, value: int, length: int) -> str:
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    return str(ipaddress.ip_network((kind(value), length), strict=False))


def mapped(text: str) -> bool:
    network = ipaddress.ip_network(text)
    return isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None


@given(NETWORKS, NETWORKS)
def test_algebra_agrees_with_netaddr(left: list[tuple[int, int, int]], right: list[tuple[int, int, int]]) -> None:
    one, other = ([text(*network) for network in side if not mapped(text(*network))] for side in (left, right))
    ours = [addresses.union(addresses.parse(network) for network in side) for side in (one, other)]
    theirs = [netaddr.IPSet(side) for side in (one, other)]
    for parsed, expected in (
        (ours[0] | ours[1], theirs[0] | theirs[1]),
        (ours[0] & ours[1], theirs[0] & theirs[1]),
        (ours[0] - ours[1], theirs[0] - theirs[1]),
    ):
        assert netaddr.IPSet(parsed.cidrs()) == expected
        assert parsed.size(4) + parsed.size(6) == expected.size


@pytest.mark.parametrize(
    ("written", "elements"),
    [
        ("10.1.2.3", ["10.1.2.3"]),
        ("10.0.0.0/8", ["10.0.0.0/8"]),
        ("192.0.2.16-192.0.2.31", ["192.0.2.16/28"]),
        ("10.0.0.1-10.0.0.9", ["10.0.0.1-10.0.0.9"]),
        ("10.0.0.1 - 10.0.0.9", ["10.0.0.1-10.0.0.9"]),
        ("0.0.0.0/0", ["0.0.0.0/0"]),
        ("2001:DB8::1", ["2001:db8::1"]),
        ("2001:db8:0:0::/64", ["2001:db8::/64"]),
        ("::/0", ["::/0"]),
        ("64:ff9b::102:304", ["64:ff9b::102:304"]),
    ],
)
def test_elements_are_written_as_nft_prints_them(written: str, elements: list[str]) -> None:
    parsed = addresses.parse(written)
    assert parsed.elements(4) + parsed.elements(6) == elements


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("10.0.0.300", '"10.0.0.300" is not an IP address'),
        ("10.0.0", '"10.0.0" is not an IP address'),
        ("010.0.0.1", '"010.0.0.1" is not an IP address'),
        ("10.0.0.0/33", '"10.0.0.0/33" does not end with a prefix length from 0 to 32'),
        ("2001:db8::/129", '"2001:db8::/129" does not end with a prefix length from 0 to 128'),
        ("10.0.0.0/", '"10.0.0.0/" does not end with a prefix length from 0 to 32'),
        ("10.0.0.0/255.0.0.0", '"10.0.0.0/255.0.0.0" does not end with a prefix length from 0 to 32'),
        ("10.1.2.3/8", "write 10.0.0.0/8 for the network, 10.1.2.3 for the address"),
        ("10.0.0.9-10.0.0.1", '"10.0.0.9-10.0.0.1" ends before it begins. Fix: write 10.0.0.1-10.0.0.9'),
        ("10.0.0.1-2001:db8::1", "mixes IPv4 and IPv6"),
        ("10.0.0.1-9", '"9" is not an IP address'),
        ("fe80::1%eth0", "names an interface. Fix: write fe80::1 without it"),
        ("::ffff:192.0.2.1", "write 192.0.2.1"),
    ],
)
def test_what_is_no_address_is_refused_with_its_fix(written: str, message: str) -> None:
    with pytest.raises(AddressError) as raised:
        addresses.parse(written)
    assert message in str(raised.value)


def test_touching_networks_are_one_interval() -> None:
    parsed = addresses.parse("10.0.0.0/24") | addresses.parse("10.0.1.0/24")
    assert parsed == addresses.parse("10.0.0.0/23")


def test_nothing_is_false_and_has_no_first_address() -> None:
    assert not AddressSet()
    assert AddressSet().first() is None
    assert "10.0.0.1" not in AddressSet()


def test_without_netaddr_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "netaddr", None)
    addresses.parse_address.cache_clear()
    with pytest.raises(MissingLibrary, match=r"^The Python package netaddr .* Fix: pip install netaddr$"):
        addresses.parse("10.0.0.0/8")
