# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides about packets beside nf_tables is named, in a network namespace that has it."""

from __future__ import annotations

import ctypes
import os
import platform
import socket
import struct
import subprocess

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs.beside import beside
from ansible_collections.tidegate.nftables.tests.support.namespaces import namespace

__all__ = ["namespace"]

pytestmark = pytest.mark.usefixtures("namespace")
ETH_P_ALL = 3
# linux/bpf.h, linux/if_link.h, linux/rtnetlink.h
SYS_BPF = {"x86_64": 321}
BPF_PROG_LOAD, BPF_PROG_TYPE_XDP, XDP_FLAGS_SKB_MODE, IFLA_XDP, RTM_SETLINK = 5, 6, 2, 43, 19


def run(*commands: str) -> None:
    for command in commands:
        subprocess.run(command.split(), check=True)


def test_a_namespace_without_anything_names_nothing() -> None:
    assert beside() == []


def attach_xdp(interface: str) -> None:
    """Attach a program that lets everything pass (r0 = XDP_PASS; exit) in the generic way, which every device has."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(struct.pack("=BBhi", 0xB7, 0, 0, 2) + struct.pack("=BBhi", 0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack("=IIQQ", BPF_PROG_TYPE_XDP, 2, ctypes.addressof(code), ctypes.addressof(licence))
    buffer = ctypes.create_string_buffer(attributes, 128)
    program = libc.syscall(SYS_BPF.get(platform.machine(), 280), BPF_PROG_LOAD, buffer, len(buffer))
    assert program >= 0, os.strerror(ctypes.get_errno())
    nested = struct.pack("=HHiHHI", 8, 1, program, 8, 3, XDP_FLAGS_SKB_MODE)
    index = socket.if_nametoindex(interface)
    body = struct.pack("=BxHiII", 0, 0, index, 0, 0) + struct.pack("=HH", 4 + len(nested), IFLA_XDP) + nested
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as link:
        link.send(struct.pack("=IHHII", 16 + len(body), RTM_SETLINK, 0x5, 1, 0) + body)
        (error,) = struct.unpack_from("=i", link.recv(4096), 16)
        assert error == 0, os.strerror(-error)
    os.close(program)


def test_everything_that_is_there_is_named() -> None:
    run(
        "ip link set lo up",
        "ip link add tgwire type veth peer name tgpeer",
        "tc qdisc add dev tgwire clsact",
        "ip rule add fwmark 1 table 100",
        "ip -6 rule add fwmark 1 prohibit",
        "ip xfrm policy add src 10.0.0.0/8 dst 192.0.2.0/24 dir out action block",
    )
    attach_xdp("tgpeer")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)):
        assert [name for name, _effect in beside()] == [
            "packet sockets (1)",
            "the queueing discipline clsact at tgwire",
            "the XDP program at tgpeer",
            "routing rules of IPv4 (1)",
            "routing rules of IPv6 (1)",
            "IPsec policies (1)",
        ]
