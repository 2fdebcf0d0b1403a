# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of the name servers that the host itself uses (resolv.conf(5)), read on the host."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace
from pathlib import Path
from typing import Sequence, Union

from ansible_collections.tidegate.nftables.plugins.module_utils import intervals
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import RESOLVER_ADDRESS

from . import parse_sets
from .spec import ElementSpec, SetSpec, TableSpec

FILE = "/etc/resolv.conf"

ORIGINAL = "/var/lib/tidegate/resolv.conf.json"
"""FILE from before it named only our resolver (guard/host/name_service.py)."""

UPSTREAM = "/run/systemd/resolve/resolv.conf"
"""Where systemd-resolved lists the servers it asks, when FILE names only its STUBS (systemd-resolved.service(8))."""

STUBS = ("127.0.0.53", "127.0.0.54")

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def fill(spec: TableSpec) -> TableSpec:
    """Return the table with the host's name servers in the sets that ask for them; raise when there are none."""
    first = next((set_spec for set_spec in spec.sets if set_spec.source), None)
    if not spec.present or first is None:
        return spec
    servers = look_up(f"{first.where}.elements_from")
    return replace(
        spec, sets=tuple(_filled(set_spec, servers) if set_spec.source else set_spec for set_spec in spec.sets)
    )


def look_up(where: str = "") -> list[Address]:
    """Return the addresses of the host's name servers, in order, without those on the host itself; at least one."""
    servers = _read(FILE)
    if [str(server) for server in servers] == [RESOLVER_ADDRESS]:
        servers = _addresses(_original())
    usable = _elsewhere(servers)
    if usable:
        return usable
    if not any(str(server) in STUBS for server in servers):
        cause = f"names only {servers[0]}, which is this host" if servers else "names no server"
        raise _none(f"{FILE} {cause}", where)
    usable = _elsewhere(_read(UPSTREAM))
    if not usable:
        raise _none(f"{FILE} names only systemd-resolved, and {UPSTREAM} names no server beyond this host", where)
    return usable


def _none(cause: str, where: str) -> EngineError:
    return EngineError(
        "no_resolvers",
        f"The name servers of this host are not known: {cause}. Fix that file, or list the servers' addresses. "
        f"{UNCHANGED}",
        where,
    )


def _read(path: str) -> list[Address]:
    """Return the addresses of a resolv.conf; [] when it cannot be read. Lines that glibc ignores are ignored."""
    try:
        return _addresses(Path(path).read_text("utf-8", "replace"))
    except OSError:
        return []


def _original() -> str:
    try:
        return str(json.loads(Path(ORIGINAL).read_text("utf-8"))["text"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _addresses(text: str) -> list[Address]:
    lines = text.splitlines()
    words = [line.split() for line in lines if line[:1] not in (" ", "\t")]
    addresses = [_address(word[1]) for word in words if len(word) > 1 and word[0] == "nameserver"]
    return list(dict.fromkeys(address for address in addresses if address is not None))


def _address(text: str) -> Address | None:
    """Return an address without its scope (fe80::1%eth0), None for other text."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _elsewhere(servers: Sequence[Address]) -> list[Address]:
    return [server for server in servers if not server.is_loopback and not server.is_unspecified]


def _filled(spec: SetSpec, servers: Sequence[Address]) -> SetSpec:
    """Return the set with the servers of its family added to its elements."""
    version = parse_sets.address_version(spec.declaration) or 6
    elements = spec.elements or ()
    ranges = [intervals.parse_address(element.text, version) for element in elements]
    where = f"{spec.where}.elements_from"
    added = tuple(
        ElementSpec(str(server), None, where)
        for server in servers
        if server.version == version
        and not any(interval and interval[0] <= int(server) <= interval[1] for interval in ranges)
    )
    return replace(spec, elements=(*elements, *added))
