# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An address that other hosts cannot reach this host by is not one of its addresses."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import host_address
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "loopback"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("febf:ffff::1", "link-local"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "broadcast"),
    ],
)
def test_an_address_that_is_no_hosts_own_is_refused(text: str, kind: str) -> None:
    with pytest.raises(AddressError) as raised:
        host_address.parse(text)
    assert raised.value.cause == f"{text} is a {kind} address, by which no other host reaches this one"
    assert "set egress_addresses" in raised.value.fix


@pytest.mark.parametrize(
    "text", ["126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "10.0.0.1", "::2", "fe7f::1", "fec0::1"]
)
def test_its_neighbours_are_addresses_of_hosts(text: str) -> None:
    assert text in host_address.parse(text)


@pytest.mark.parametrize("text", ["10.0.0.0/8", "10.0.0.1-10.0.0.9", "db1.example", "", "fe80::1%eth0"])
def test_what_is_no_single_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        host_address.parse(text)
