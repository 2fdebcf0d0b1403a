# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict of the loaded table on a connection that a person describes: a destination and a service."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import socket
import time
from dataclasses import replace
from types import MappingProxyType
from typing import Mapping, NamedTuple, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.ssh_session import is_local
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import PORTED_PROTOCOLS, TABLE

from . import explain
from .evaluate import Address, CannotJudge, Json, Packet

_USUAL = {
    "dns": ("udp", 53),
    "http": ("tcp", 80),
    "https": ("tcp", 443),
    "imaps": ("tcp", 993),
    "ldap": ("tcp", 389),
    "ldaps": ("tcp", 636),
    "mysql": ("tcp", 3306),
    "ntp": ("udp", 123),
    "postgresql": ("tcp", 5432),
    "redis": ("tcp", 6379),
    "smtp": ("tcp", 25),
    "ssh": ("tcp", 22),
    "submission": ("tcp", 587),
    "syslog": ("udp", 514),
}
"""Services that people name; a host without /etc/services knows none."""


def addresses(text: str) -> list[Address]:
    """Return an address, or those that a name has on this host. Raise GuardError (bad_request)."""
    with contextlib.suppress(ValueError):
        return [ipaddress.ip_address(text.strip("[]"))]
    try:
        answers = socket.getaddrinfo(text, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise GuardError(
            "bad_request", f'"{text}" is not an address, and this host knows no address of such a name ({cause}).'
        ) from error
    return sorted(
        {ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in answers}, key=lambda a: (a.version, a)
    )


def service(text: str, default: str = "tcp") -> tuple[str, int]:
    """Return protocol and port of 443, tcp/443 or https. default: protocol of a bare port. Raise GuardError."""
    match = re.fullmatch(rf"(?:({'|'.join(PORTED_PROTOCOLS)})/)?(\d{{1,5}})", text)
    if match and 1 <= int(match[2]) <= 65535:
        return match[1] or default, int(match[2])
    if text in _USUAL:
        return _USUAL[text]
    for protocol in (default, "udp"):
        with contextlib.suppress(OSError):
            return protocol, socket.getservbyname(text, protocol)
    raise GuardError("bad_request", f'"{text}" is not a port or a service. Fix: write 443, tcp/443 or https.')


def objects(table: LiveTable) -> list[Json]:
    """Return the loaded table as nft lists it, [] without one."""
    listing = table.json("table", *TABLE)
    return list(json.loads(listing)["nftables"]) if listing else []


class Sender(NamedTuple):
    """Who sends. uid: None for the kernel or another host; units, unit_sets: see Packet."""

    uid: int | None
    units: frozenset[str] = frozenset()
    unit_sets: Mapping[str, Sequence[str]] = MappingProxyType({})


def judged(objects: Sequence[Json], address: Address, protocol: str, port: int, sender: Sender) -> explain.Explanation:
    """Return the verdict. objects: as the table lists them. Raise GuardError where it cannot be evaluated."""
    local = is_local(str(address))
    packet = Packet(address, protocol, port, sender.uid, time.time(), local)
    packet = replace(packet, units=sender.units, unit_sets=sender.unit_sets)
    try:
        return explain.why(objects, packet)
    except CannotJudge as doubt:
        raise GuardError("bad_request", f"This cannot be evaluated: {doubt}.") from doubt
