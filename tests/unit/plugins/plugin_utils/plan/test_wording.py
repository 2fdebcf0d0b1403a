# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets in words."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.wording import (
    address_text,
    region_lines,
    service_text,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import SPACE, of_boxes
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet


def service_set(*texts: str) -> ServiceSet:
    ports = services.NONE
    for text in texts:
        ports |= services.parse_literal(text) or services.NONE
    return ports


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("tcp/443",), "tcp/443"),
        (("udp/1000-1010", "tcp/22"), "tcp/22, udp/1000-1010"),
        (("proto/6",), "tcp"),
        (("icmp",), "icmp"),
        (("proto/112", "sctp/5"), "proto/112, sctp/5"),
        (("any",), "any service"),
    ],
)
def test_services_are_written_as_in_a_policy(texts: tuple[str, ...], expected: str) -> None:
    assert service_text(service_set(*texts)) == expected


def test_all_but_a_few_services() -> None:
    assert service_text(services.ANY - service_set("tcp/25")) == "any service but tcp/25"


def test_many_addresses_are_counted() -> None:
    content = addresses.union(addresses.parse(f"192.0.2.{2 * number}") for number in range(10))
    assert (
        address_text(content) == "192.0.2.0, 192.0.2.2, 192.0.2.4, 192.0.2.6, 192.0.2.8 and 5 more (10 IPv4 addresses)"
    )
    assert address_text(addresses.EVERYTHING) == "any address"


def test_many_addresses_are_a_word_without_a_few_of_them() -> None:
    word = addresses.union(addresses.parse(f"192.0.2.{2 * number}") for number in range(10))
    known = (("other", addresses.parse("10.0.0.0/8")), ("even", word))
    without = word - addresses.parse("192.0.2.4") - addresses.parse("192.0.2.8")
    assert address_text(without, words=known) == "even except 192.0.2.4, 192.0.2.8"
    assert address_text(without | addresses.parse("192.0.2.1"), words=known).endswith("(9 IPv4 addresses)")


def test_icmp_is_one_service_although_each_family_has_its_own() -> None:
    both = addresses.parse("192.0.2.1") | addresses.parse("2001:db8::1")
    assert region_lines(of_boxes([(both, service_set("icmp"))])) == ["192.0.2.1, 2001:db8::1 with icmp"]
    assert region_lines(of_boxes([(both, services.ANY)])) == ["192.0.2.1, 2001:db8::1 with any service"]
    assert region_lines(of_boxes([(addresses.parse("192.0.2.1"), services.ANY)])) == ["192.0.2.1 with any service"]
    assert region_lines(SPACE) == ["any address with any service"]
    echo = services.of_protocol(services.ICMP, 8, 8)
    assert region_lines(of_boxes([(both, echo)])) == ["192.0.2.1 with icmp (IPv4) type 8"]
