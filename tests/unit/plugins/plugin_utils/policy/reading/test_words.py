# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the words for destinations stand for."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, datafiles

INTERNAL = addresses.parse("10.0.0.0/8") | addresses.parse("93.184.216.0/24") | addresses.parse("2a00:1450::/32")
INTERNET = words.lookup("internet", INTERNAL)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "223.255.255.255",
        "2606:4700::1111",
        # Registered for a special use, but globally reachable.
        "192.52.193.1",
        "192.31.196.1",
        "192.175.48.1",
        "192.0.0.9",
        "2001:3::1",
        "2001:4:112::1",
        "2620:4f:8000::1",
    ],
)
def test_internet_has(address: str) -> None:
    assert address in INTERNET


@pytest.mark.parametrize(
    "address",
    [
        "10.1.1.1",
        "93.184.216.34",
        "2a00:1450::1",  # internal, although they are public
        "192.168.1.1",
        "172.31.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "0.0.0.0",
        "169.254.169.254",
        "192.0.0.1",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",  # a metadata service on a public address
        "::1",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "64:ff9b::1",
        "2001:db8::1",
        "2002::1",
        "2001::1",
        "3fff::1",
        "4000::1",
    ],
)
def test_internet_has_not(address: str) -> None:
    assert address not in INTERNET


def test_any_is_everything_and_internal_is_what_was_set() -> None:
    assert words.lookup("any", INTERNAL) == addresses.EVERYTHING
    assert words.lookup("internal", INTERNAL) == INTERNAL


@pytest.mark.parametrize("address", ["224.0.0.18", "239.255.255.250", "ff02::12", "ff05::2"])
def test_multicast_has(address: str) -> None:
    assert address in words.lookup("multicast", INTERNAL)


def test_metadata_service_of_both_families() -> None:
    services_of_clouds = words.lookup("cloud-metadata", INTERNAL)
    assert "169.254.169.254" in services_of_clouds
    assert "fd00:ec2::254" in services_of_clouds


def test_every_network_of_the_data_file_is_one_and_has_its_source() -> None:
    for name, rows in datafiles.load("words").items():
        assert words.table(name)
        assert all(row["about"] and row["source"] for row in rows)
