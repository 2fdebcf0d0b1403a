# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets that hold the name servers which the host itself uses (resolv.conf(5)), looked up on the host."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path
from typing import Sequence, Union

from ansible_collections.tidegate.nftables.plugins.module_utils import intervals
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError

from .spec import ElementSpec, SetSpec, TableSpec

FILE = "/etc/resolv.conf"

UPSTREAM = "/run/systemd/resolve/resolv.conf"
"""Where systemd-resolved says whom it asks itself, when FILE names only its STUBS (systemd-resolved.service(8))."""

STUBS = ("127.0.0.53", "127.0.0.54")

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def fill(spec: TableSpec) -> TableSpec:
    """Return the table with the host's name servers in the sets that are to hold them; raise when there are none."""
    asking = next((found for found in spec.sets if found.source), None)
    if not spec.present or asking is None:
        return spec
    servers = look_up(f"{asking.where}.elements_from")
    return replace(spec, sets=tuple(_filled(found, servers) if found.source else found for found in spec.sets))


def look_up(where: str = "") -> list[Address]:
    """Return the addresses of the host's name servers without those on the host itself, in order; at least one."""
    named = _read(FILE)
    found = _elsewhere(named)
    if found:
        return found
    if not any(str(one) in STUBS for one in named):
        told = f"names only {named[0]}, which is this host itself" if named else "names no server"
        raise _none(f"{FILE} {told}", where)
    found = _elsewhere(_read(UPSTREAM))
    if not found:
        raise _none(f"{FILE} names only systemd-resolved, and {UPSTREAM} names no server beyond this host", where)
    return found


def _none(told: str, where: str) -> EngineError:
    return EngineError(
        "no_resolvers",
        f"The name servers of this host are not known: {told}. Mend that file, or write the servers' addresses. "
        f"{UNCHANGED}",
        where,
    )


def _read(path: str) -> list[Address]:
    """Return the addresses of a resolv.conf; [] when it cannot be read. Lines that glibc passes over do not count."""
    try:
        lines = Path(path).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    words = [line.split() for line in lines if line[:1] not in (" ", "\t")]
    found = [_address(word[1]) for word in words if len(word) > 1 and word[0] == "nameserver"]
    return list(dict.fromkeys(one for one in found if one is not None))


def _address(text: str) -> Address | None:
    """Return an address without its scope (fe80::1%eth0), None when it is none."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _elsewhere(found: Sequence[Address]) -> list[Address]:
    return [one for one in found if not one.is_loopback and not one.is_unspecified]


def _filled(wanted: SetSpec, servers: Sequence[Address]) -> SetSpec:
    """Return the set with the servers of its family beside the elements that were given."""
    version = 4 if (wanted.declaration or ("",))[0] == "type ipv4_addr" else 6
    given = wanted.elements or ()
    ranges = [intervals.parse_address(element.text, version) for element in given]
    where = f"{wanted.where}.elements_from"
    found = tuple(
        ElementSpec(str(one), None, where)
        for one in servers
        if one.version == version and not any(held and held[0] <= int(one) <= held[1] for held in ranges)
    )
    return replace(wanted, elements=(*given, *found))
