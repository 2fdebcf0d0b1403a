# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides about packets beside nf_tables, as far as it can be seen: named, not understood."""

from __future__ import annotations

import socket
from typing import Iterator

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import route
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError
from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable

from . import bpf_programs

# Disciplines that only queue. Others can have filters whose actions rewrite, drop or send packets elsewhere.
_PLAIN = ("noqueue", "noop", "pfifo", "bfifo", "pfifo_fast", "pfifo_head_drop", "fq", "fq_codel", "mq", "multiq", "sfq")
_FAMILIES = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}
# Of the kernel's own rules: to the tables local, main and default (linux/rtnetlink.h).
_OWN_RULES = {(0, 255), (32766, 254), (32767, 253)}
_SHOWN = 4
"""Cgroups with the same hooks that are named; the rest is counted."""
_PACKET_SOCKETS = "/proc/net/packet"


def beside() -> list[list[str]]:
    """Return [what it is, what it may do] of everything that may decide about packets where no table sees them."""
    return [list(pair) for pair in (*_packet_sockets(), *_qdiscs(), *_xdp(), *_rules(), *_ipsec(), *_bpf())]


def _packet_sockets() -> Iterator[tuple[str, str]]:
    try:
        with open(_PACKET_SOCKETS, encoding="ascii") as sockets:  # noqa: PTH123
            number = sum(1 for _line in sockets) - 1
    except OSError as error:
        yield "packet sockets", f"cannot be counted: {error.strerror}"
        return
    if number > 0:
        yield f"packet sockets ({number})", "programs such as DHCP clients send through them past every hook"


def _qdiscs() -> Iterator[tuple[str, str]]:
    try:
        disciplines = sorted({(interface, kind) for interface, kind in route.qdiscs() if kind not in _PLAIN})
    except NetlinkError as error:
        yield "queueing disciplines", f"cannot be read: {error}"
        return
    for interface, kind in disciplines:
        yield f"the queueing discipline {kind} at {interface}", "its filters may drop, rewrite or redirect packets"


def _xdp() -> Iterator[tuple[str, str]]:
    try:
        interfaces = sorted(route.xdp_interfaces())
    except NetlinkError as error:
        yield "XDP programs", f"cannot be read: {error}"
        return
    for interface in interfaces:
        yield f"the XDP program at {interface}", "it may drop, rewrite or redirect what comes in, past every hook"


def _ipsec() -> Iterator[tuple[str, str]]:
    try:
        number = route.ipsec_policies()
    except NetlinkError as error:
        yield "IPsec policies", f"cannot be read: {error}"
        return
    if number:
        yield f"IPsec policies ({number})", "they may drop packets, or send them to another address in a tunnel"


def _rules() -> Iterator[tuple[str, str]]:
    for family, name in _FAMILIES.items():
        try:
            number = sum(1 for rule in route.rules(family) if rule not in _OWN_RULES)
        except NetlinkError as error:
            yield f"routing rules of {name}", f"cannot be read: {error}"
            continue
        if number:
            yield f"routing rules of {name} ({number})", "they may send packets another way, or nowhere"


def _bpf() -> Iterator[tuple[str, str]]:
    try:
        for interface, hooks in bpf_programs.of_interfaces():
            yield f"eBPF programs at {interface} ({', '.join(hooks)})", "they may drop, rewrite or redirect packets"
    except OSError as error:
        yield "eBPF programs of interfaces", f"cannot be read: {error.strerror}"
    cgroups: dict[tuple[str, ...], list[str]] = {}
    try:
        for path, hooks in bpf_programs.of_cgroups():
            cgroups.setdefault(hooks, []).append(printable(path))
    except OSError as error:
        yield "eBPF programs of cgroups", f"cannot be read: {error.strerror}"
    for hooks, paths in sorted(cgroups.items()):
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        name = f"eBPF programs ({', '.join(hooks)}) of {', '.join(sorted(paths)[:_SHOWN])}{more}"
        yield name, "they may drop packets of these cgroups, or send them to another address"
