# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ceilings against the algebra of reach: refused is exactly what the set of all flows says is too much."""

from __future__ import annotations

from typing import Any

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import entry_region
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import BITS, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import (
    EMPTY,
    SPACE,
    Region,
    of_boxes,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry, errors

INSIDE = addresses.parse("10.0.0.0/8") | addresses.parse("fd12:3456:789a::/48")
MULTICAST = words.table("multicast")
OUTSIDE = addresses.EVERYTHING - INSIDE - MULTICAST
WORDS = {
    "any": services.ANY,
    "https": services.of_protocol(6, 443, 443),
    "postgresql": services.of_protocol(6, 5432, 5432),
    "ssh": services.of_protocol(6, 22, 22),
    "tcp/1-2000": services.of_protocol(6, 1, 2000),
    "icmp": services.of_protocol(services.ICMP) | services.of_protocol(services.ICMPV6),
}
SPOKEN = ["https", "https", "ssh", "postgresql", "tcp/1-1024", "icmp", "any"]
NETWORKS = [
    "10.1.1.1",
    "10.0.0.0/8",
    "10.4.0.0/14",
    "fd12:3456:789a:1::/64",
    "fd12:3456:789a::/48",
    "203.0.113.0/24",
    "64.0.0.0/12",
    "64.16.0.0/12",
    "64.32.0.0/11",
    "0.0.0.0/0",
    "2001:db8::/32",
    "2600::/12",
    "224.0.0.18",
    "9.255.255.255-10.0.0.3",
]


@st.composite
def realms(draw: st.DrawFn) -> dict[str, Any]:
    """One side of a ceiling, as egress_tiers has it."""
    if draw(st.integers(0, 9)) == 0:
        return {"services": []}
    return {
        "services": draw(st.sampled_from([["any"], ["any"], ["https", "postgresql"], ["tcp/1-2000", "icmp"]])),
        "any": draw(st.booleans()),
        "widest": {"ipv4": draw(st.sampled_from([8, 12, 24])), "ipv6": draw(st.sampled_from([12, 32, 64]))},
        "most": {"ipv4": draw(st.sampled_from([8, 11, 24])), "ipv6": draw(st.sampled_from([12, 31]))},
        "never": draw(st.sampled_from([[], ["management"]])),
    }


entries = st.lists(
    st.tuples(
        st.lists(st.sampled_from(NETWORKS), min_size=1, max_size=2, unique=True),
        st.lists(st.sampled_from(SPOKEN), min_size=1, max_size=2, unique=True),
    ),
    min_size=1,
    max_size=2,
)


def spoken_there(realm: dict[str, Any]) -> ServiceSet:
    """What the ceiling lets one side speak at all."""
    if not realm["services"]:
        return services.NONE
    allowed = services.NONE
    for word in realm["services"]:
        allowed |= WORDS[word]
    for name in realm["never"]:
        allowed -= services.of_class(name)
    return allowed


def too_much(realm: dict[str, Any], named: AddressSet) -> bool:
    """Is this more than what counts as named destinations?"""
    for version, family in ((4, "ipv4"), (6, "ipv6")):
        widest, most = realm["widest"][family], realm["most"][family]
        if any(of_version == version and length < widest for of_version, _address, length in named.prefixes()):
            return True
        if named.size(version) > 2 ** (BITS[version] - most):
            return True
    return False


def above(ceiling: dict[str, dict[str, Any]], total: Region) -> bool:
    """Is this set of flows above the ceiling?"""
    for side, where in (("internal", INSIDE), ("external", OUTSIDE)):
        realm = ceiling[side]
        here = total & of_boxes([(where, services.ANY)])
        if here - of_boxes([(where, spoken_there(realm))]):
            return True
        if not here:
            continue
        free = addresses.NOTHING
        if realm["any"]:
            free = INSIDE if side == "internal" else words.lookup("internet", INSIDE)
        if too_much(realm, here.addresses() - free):
            return True
    return False


FREE = {
    "services": ["any"],
    "any": True,
    "widest": {"ipv4": 0, "ipv6": 0},
    "most": {"ipv4": 0, "ipv6": 0},
    "never": [],
}


@example(FREE, {"services": []}, [(["224.0.0.18"], ["any"])])
@example(FREE, {"services": []}, [(["9.255.255.255-10.0.0.3"], ["https"])])
@settings(max_examples=200, deadline=None)
@given(realms(), realms(), entries)
def test_the_ceiling_refuses_what_the_set_of_all_flows_is_too_much_of(
    inside: dict[str, Any], outside: dict[str, Any], written: list[tuple[list[str], list[str]]]
) -> None:
    ceiling = {"internal": inside, "external": outside}
    tier = {"internal_services": [], "allow": [], "ceiling": ceiling}
    allow = [entry(name=f"e{number}", to=to, services=spoken) for number, (to, spoken) in enumerate(written)]
    # The same entries without a ceiling: what they open, as the set that everything else is proven with.
    unbound = build(
        egress_tier="own",
        egress_tiers={"own": {**tier, "ceiling": {"internal": FREE, "external": FREE}}},
        egress_allow_x=allow,
    )
    total = EMPTY
    for one in unbound.entries:
        if one.kind != "floor":
            total |= entry_region(one)
    assert total <= SPACE
    messages = errors(egress_tier="own", egress_tiers={"own": tier}, egress_allow_x=allow)
    expected = above(ceiling, total)
    event(f"above: {expected}")
    assert bool(messages) == expected, messages
    assert all("tier own" in one for one in messages)
