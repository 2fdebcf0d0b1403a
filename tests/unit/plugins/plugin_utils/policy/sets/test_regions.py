# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The algebra of reach against sets of single flows: the same laws, one by one and all at once."""

from __future__ import annotations

from functools import reduce
from itertools import combinations, product
from operator import or_

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach, Sockets, Witness
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import (
    EMPTY,
    SPACE,
    Region,
    of_boxes,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import Cgroup

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
            addresses.to_text(version, number) in box and spoken.contains(protocol, port) for box, spoken in given_boxes
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


USERS = ["payd", "root", "0", "nobody names her", None]
UNITS = ["a.service", "t@.service", "t@x.service", "b.slice", "b-c.slice", "b-c-d.slice"]
CGROUPS = [Cgroup(*each) for each in product(("", *UNITS[:3], "t@y.service"), ("", *UNITS[3:], "b-e.slice"))]
whom = st.none() | st.lists(st.sampled_from(["payd", "root", "0", "1003", None]), max_size=2)
sockets = st.builds(Sockets, whom, st.none() | st.lists(st.sampled_from(UNITS), max_size=3))
owned_boxes = st.lists(st.tuples(address_sets, service_sets, sockets), max_size=4)
reaches = st.builds(Reach.of_boxes, owned_boxes) | st.builds(Reach.of_excepting, owned_boxes)


def is_among(user: str | None, cgroup: Cgroup, whose: Sockets) -> bool:
    names = ("root", "0") if user in ("root", "0") else (user,)
    if whose.units is not None:
        here = {*cgroup, "t@.service" if cgroup.service.startswith("t@") else ""}
        here |= {"b.slice", cgroup.slice[:3] + ".slice"} if cgroup.slice.startswith("b-") else set()
        if user is None or not here & set(whose.units):
            return False
    return whose.users is None or any(name in whose.users for name in names)


@given(owned_boxes)
def test_each_socket_reaches_the_boxes_for_it(given_boxes: list[tuple[AddressSet, ServiceSet, Sockets]]) -> None:
    reach, closed = Reach.of_boxes(given_boxes), Reach.of_excepting(given_boxes)
    for user, cgroup in product(USERS, CGROUPS):
        own = [(box, spoken) for box, spoken, whose in given_boxes if is_among(user, cgroup, whose)]
        others = [(box, spoken) for box, spoken, whose in given_boxes if not is_among(user, cgroup, whose)]
        assert reach.at(user, cgroup) == of_boxes(own)
        assert closed.at(user, cgroup) == of_boxes(others)


@given(reaches, reaches)
def test_operations_on_all_users_at_once_are_those_on_each(left: Reach, right: Reach) -> None:
    for where in product(USERS, CGROUPS):
        assert (left | right).at(*where) == left.at(*where) | right.at(*where)
        assert (left & right).at(*where) == left.at(*where) & right.at(*where)
        assert (left - right).at(*where) == left.at(*where) - right.at(*where)
    assert (left - right) | (left & right) == left
    assert (left <= right) == (not left - right)
    assert (left == right) == all(
        left.at(user, cgroup) == right.at(user, cgroup) for user, cgroup in product(["1003", "", *USERS], CGROUPS)
    )


@given(reaches)
def test_places_where_sockets_have_the_same_are_together(reach: Reach) -> None:
    rows = reach.by_cgroup()
    assert rows[0][0][0] == Cgroup()
    assert len({one for _cgroups, one in rows}) == len(rows)
    for cgroups, one in rows:
        assert all(one.at(user) == reach.at(user, cgroup) for user, cgroup in product(USERS, cgroups))
        assert all(one.at(user) != one.others for user in one.users())
        assert dict(one.by_user()) == {user: one.at(user) for user in ("", *one.users(), None) if one.at(user)}


@given(reaches)
def test_every_flow_is_in_one_row_with_all_who_have_it(reach: Reach) -> None:
    reach = reach.within(CGROUPS[7])
    rows = reach.by_users()
    assert not any(one & other for (_who, one), (_others, other) in combinations(rows, 2))
    for user in ("", *reach.users(), None):
        assert reduce(or_, (region for who, region in rows if user in who), EMPTY) == reach.at(user)


def test_users_who_reach_the_same_as_everybody_are_not_named() -> None:
    https = (addresses.parse("192.0.2.1"), services.of_protocol(6, 443, 443))
    ssh = (addresses.parse("2001:db8::1"), services.of_protocol(6, 22, 22))
    everybody = Reach.of_boxes([(*https, None)])
    named = everybody | Reach.of_boxes([(*https, ["payd"]), (*ssh, ["0"])])
    assert named.users() == ("root",)
    extra = named - everybody
    assert extra.witness() == Witness("root", "2001:db8::1", "tcp/22")
    assert str(extra.witness()) == "user root to 2001:db8::1 with tcp/22"
    assert (named - named).witness() is None


def test_the_witness_says_where_the_socket_is() -> None:
    https = (addresses.parse("192.0.2.1"), services.of_protocol(6, 443, 443))
    reach = Reach.of_boxes([(*https, Sockets(["root"], ["t@x.service"]))])
    assert str(reach.witness()) == "user root in t@x.service to 192.0.2.1 with tcp/443"
    assert (reach.users(), reach.units(), bool(reach.others), bool(reach.nobody)) == (
        ("root",), ("t@x.service",), False, False
    )  # fmt: skip
    both = reach & Reach.of_boxes([(*https, Sockets(units=["b.slice"]))])
    assert str(both.witness()) == "user root in t@x.service in b.slice to 192.0.2.1 with tcp/443"
    all_instances = Reach.of_boxes([(*https, Sockets(["root"], ["t@.service"]))])
    assert (reach <= all_instances, all_instances <= reach) == (True, False)


def test_a_packet_without_a_socket_is_nobodys() -> None:
    reach = Reach.of_boxes([(addresses.parse("192.0.2.1"), services.of_protocol(6, 443, 443), [None])])
    assert str(reach.witness()) == "a packet without a socket to 192.0.2.1 with tcp/443"
    assert (reach.users(), reach.others, bool(reach.nobody)) == ((), EMPTY, True)


def test_pairs_are_as_few_as_can_be() -> None:
    """Ten networks, one inside the other, whose ranges of ports overlap, too: a pair for each, not for each border."""
    nested = [
        (addresses.parse(f"10.0.0.0/{8 + number}"), services.of_protocol(6, 100 + number, 200 + number))
        for number in range(10)
    ]
    divided = of_boxes(nested).boxes()
    assert (len(divided), of_boxes(divided)) == (10, of_boxes(nested))
    hosts = [(addresses.parse(f"192.0.2.{number}"), services.of_protocol(6, 443, 443)) for number in range(10)]
    assert len(of_boxes(hosts).boxes()) == 1
