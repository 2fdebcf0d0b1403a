# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The algebra of reach against sets of single flows: the same laws, one by one and all at once."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach, Witness
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import (
    EMPTY,
    SPACE,
    Region,
    of_boxes,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

# A corner of the space that is small enough to be looked at flow by flow: borders of protocols and families included.
NUMBERS = (0, 1, 2, 3, 2**32 - 1)
PLACES = [(1, 0), (1, 65535), (2, 0), (6, 0), (6, 1), (6, 2), (6, 65535), (7, 0), (57, 65535), (58, 0), (255, 65535)]
FLOWS = [
    (version, number, protocol, port)
    for (version, number), (protocol, port) in product(product((4, 6), NUMBERS), PLACES)
    if (version, protocol) not in ((4, 58), (6, 1))
]
ADDRESSES = [addresses.to_text(version, number) for version, number in product((4, 6), NUMBERS)]


def _some(version: int) -> st.SearchStrategy[AddressSet]:
    ends = st.tuples(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS)).map(sorted)
    return st.lists(ends, max_size=2).map(
        lambda pairs: addresses.union(addresses.interval(version, first, last) for first, last in pairs)
    )


address_sets = st.builds(AddressSet.__or__, _some(4), _some(6))
places = st.sampled_from(PLACES).map(lambda place: place[0] * services.PORTS + place[1])
service_sets = st.lists(st.tuples(places, places).map(sorted), max_size=3).map(
    lambda lines: ServiceSet(intervals.normalise((first, last) for first, last in lines))
)
boxes = st.lists(st.tuples(address_sets, service_sets), max_size=4)
regions = boxes.map(of_boxes)


def flows(region: Region) -> set[tuple[int, int, int, int]]:
    return {
        (version, number, protocol, port)
        for version, number, protocol, port in FLOWS
        if region.contains(protocol, port, addresses.to_text(version, number))
    }


@given(boxes)
def test_boxes_are_what_is_in_one_of_them(given_boxes: list[tuple[AddressSet, ServiceSet]]) -> None:
    assert flows(of_boxes(given_boxes)) == {
        (version, number, protocol, port)
        for version, number, protocol, port in FLOWS
        if any(
            addresses.to_text(version, number) in found and spoken.contains(protocol, port)
            for found, spoken in given_boxes
        )
    }


@given(regions, regions)
def test_union_difference_and_intersection_are_those_of_the_flows(left: Region, right: Region) -> None:
    assert flows(left | right) == flows(left) | flows(right)
    assert flows(left & right) == flows(left) & flows(right)
    assert flows(left - right) == flows(left) - flows(right)
    assert (left <= right) == (not left - right)


@given(regions, regions, regions)
def test_one_set_has_one_form(one: Region, two: Region, three: Region) -> None:
    assert (one - two) | (one & two) == one
    assert one - (two | three) == (one - two) - three
    assert (one | two) & three == (one & three) | (two & three)
    assert SPACE - (SPACE - one) == one
    assert of_boxes(one.boxes()) == one
    assert one - one == EMPTY


@given(regions)
def test_the_witness_is_the_smallest_flow(region: Region) -> None:
    if not region:
        return
    address, service = region.witness()
    version, number = addresses.parse_address(address)
    protocol = {"tcp": 6, "icmp": 1 if version == 4 else 58}.get(service.partition("/")[0])
    if protocol is None:
        protocol = int(service.partition("/")[2])
    port = int(service.partition("/")[2]) if protocol == 6 else 0
    least = region.addresses()
    assert (version, number) == ((4, least.v4[0][0]) if least.v4 else (6, least.v6[0][0]))
    assert all((protocol, port) <= place for place in PLACES if region.contains(*place, address))
    assert any(region.contains(protocol, place, address) for place in (port, 65535))


def test_icmp_of_the_other_family_is_no_flow() -> None:
    everything = of_boxes([(addresses.EVERYTHING, services.ANY)])
    assert everything == SPACE
    assert not everything.contains(1, 8, "::1")
    assert not everything.contains(58, 8, "127.0.0.1")


def test_users_who_reach_the_same_as_everybody_are_not_named() -> None:
    https = of_boxes([(addresses.parse("192.0.2.1"), services.of_protocol(6, 443, 443))])
    ssh = of_boxes([(addresses.parse("2001:db8::1"), services.of_protocol(6, 22, 22))])
    named = Reach.of(https, https, {"payd": https, "0": https | ssh})
    assert named.users() == ("root",)
    assert (named.at("payd"), named.at("root"), named.at("0")) == (https, https | ssh, https | ssh)
    extra = named - Reach.of(https, https, {})
    assert extra.witness() == Witness("root", "2001:db8::1", "tcp/22")
    assert str(extra.witness()) == "user root to 2001:db8::1 with tcp/22"
    assert (named - named).witness() is None
    assert Reach.of(https, https, {}) <= named
    assert (named <= Reach.of(https, https, {"payd": https | ssh})) is False


def test_a_packet_without_a_socket_is_nobodys() -> None:
    https = of_boxes([(addresses.parse("192.0.2.1"), services.of_protocol(6, 443, 443))])
    assert str((Reach.of(EMPTY, https, {}) - Reach.of(EMPTY, EMPTY, {})).witness()) == (
        "a packet without a socket to 192.0.2.1 with tcp/443"
    )
