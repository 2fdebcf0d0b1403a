# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces that something on this host may be behind: it forwards what they send, and they do not lead out.

By what the kernel does and never by their names, so that a bridge of any name is among them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

_ROUTES = {4: Path("/proc/net/route"), 6: Path("/proc/net/ipv6_route")}
_CONF = Path("/proc/sys/net")
_DEVICES = Path("/sys/class/net")
_ON_CARDS = ("DEVTYPE=vlan", "DEVTYPE=bond")
"""Devices of the kernel's own that stand for a network card."""
_LINK_LOCAL = ("fe80", "ff")


def interfaces() -> list[str]:
    """Return the interfaces with a route, of which packets are forwarded; without lo, cards and ways out."""
    routes = {(version, *route) for version in _ROUTES for route in _routes(version)}
    out = {name for _version, name, default in routes if default}
    inside = {name for version, name, _default in routes if _forwards(version, name)} - out
    return sorted(name for name in inside if name != "lo" and not _is_card(name))


def _routes(version: int) -> Iterator[tuple[str, bool]]:
    """Yield (interface, whether it is the default route) of each route; see proc_net(5)."""
    try:
        lines = [line.split() for line in _ROUTES[version].read_text("ascii").splitlines()]
    except (OSError, UnicodeError):
        return
    for fields in lines:
        if version == 4 and len(fields) > 7 and fields[0] != "Iface":
            yield fields[0], fields[1] == fields[7] == "00000000"
        elif version == 6 and len(fields) > 9 and not fields[0].startswith(_LINK_LOCAL):
            yield fields[9], fields[1] == "00"


def _forwards(version: int, name: str) -> bool:
    try:
        return (_CONF / f"ipv{version}/conf" / name / "forwarding").read_text("ascii").strip() == "1"
    except OSError:
        return False


def _is_card(name: str) -> bool:
    try:
        about = (_DEVICES / name / "uevent").read_text("utf-8", "replace").splitlines()
        return (_DEVICES / name / "device").exists() or any(line in _ON_CARDS for line in about)
    except OSError:
        return False
