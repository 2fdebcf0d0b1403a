# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses by which other hosts know a host: one that is every host's own, or nobody's, is none."""

from __future__ import annotations

import ipaddress

from . import addresses
from .addresses import AddressError, AddressSet

_KINDS = ("loopback", "link_local", "unspecified", "multicast")
_BROADCAST = "255.255.255.255"


def parse(text: str) -> AddressSet:
    """Return the set of one address of a host.

    Raise AddressError for a text that is no address, and for an address of the kind that a forwarded port or a
    container makes `ansible_host`: 127.0.0.1 in a policy opens the loopback of whoever has the policy.
    """
    version, value = addresses.parse_address(text)
    address = ipaddress.ip_address(text)
    kind = next((kind.replace("_", "-") for kind in _KINDS if getattr(address, f"is_{kind}")), "")
    if kind or text == _BROADCAST:
        cause = f"{text} is a {kind or 'broadcast'} address, by which no other host reaches this one"
        fix = "set egress_addresses of the host to the addresses it has in your network"
        raise AddressError(cause, fix)
    return addresses.single(version, value)
