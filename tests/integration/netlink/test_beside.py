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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs import bpf_programs
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs.beside import beside
from ansible_collections.tidegate.nftables.tests.support.machines import unified
from ansible_collections.tidegate.nftables.tests.support.namespaces import namespace
from ansible_collections.tidegate.nftables.tests.support.own_names import own_name

__all__ = ["namespace"]

pytestmark = pytest.mark.usefixtures("namespace")
ETH_P_ALL = 3
# linux/bpf.h, linux/if_link.h, linux/rtnetlink.h
SYS_BPF = {"x86_64": 321}
PROG_LOAD, PROG_ATTACH = 5, 8
SCHED_CLS, XDP, CGROUP_SKB, CGROUP_SOCK_ADDR = 3, 6, 8, 18
EGRESS, CONNECT4, TCX_EGRESS = 1, 10, 47
XDP_FLAGS_SKB_MODE, IFLA_XDP, RTM_SETLINK = 2, 43, 19


def run(*commands: str) -> None:
    for command in commands:
        subprocess.run(command.split(), check=True)


def bpf(command: int, attributes: bytes) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, 128)
    result: int = libc.syscall(SYS_BPF.get(platform.machine(), 280), command, buffer, len(buffer))
    assert result >= 0, os.strerror(ctypes.get_errno())
    return result


@contextmanager
def program(kind: int, result: int, attach_type: int = 0) -> Iterator[int]:
    """Load a program that only returns a number (r0 = result; exit): the one that lets everything pass."""
    code = ctypes.create_string_buffer(struct.pack("=BBhi", 0xB7, 0, 0, result) + struct.pack("=BBhi", 0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"GPL")
    begin = struct.pack("=IIQQ", kind, 2, ctypes.addressof(code), ctypes.addressof(licence))
    # After the log, the version, the flags, the name and the interface.
    descriptor = bpf(PROG_LOAD, begin + bytes(44) + struct.pack("=I", attach_type))
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def attach(place: int, hook: int, kind: int, result: int) -> None:
    with program(kind, result, hook) as descriptor:
        bpf(PROG_ATTACH, struct.pack("=IIII", place, descriptor, hook, 0))


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """Return an empty cgroup. What is attached to it ends with it."""
    folder = unified() / own_name("bpf")
    folder.mkdir()
    yield folder
    folder.rmdir()


def without_programs_of_this_machine() -> list[str]:
    """Return the names without those of cgroups, which are not in the namespace; systemd attaches programs to some."""
    return [name for name, _effect in beside() if not (name.startswith("eBPF") and " of /" in name)]


def test_a_namespace_without_anything_names_nothing() -> None:
    assert without_programs_of_this_machine() == []


def test_a_cgroup_with_programs_is_named_with_their_hooks(cgroup: Path) -> None:
    inner = cgroup / "inner"
    inner.mkdir()
    try:
        assert not any(cgroup.name in name for name, _effect in beside())
        place = os.open(inner, os.O_RDONLY)
        try:
            attach(place, EGRESS, CGROUP_SKB, 1)
            attach(place, CONNECT4, CGROUP_SOCK_ADDR, 1)
        finally:
            os.close(place)
        # One line names the cgroups that have programs at the same hooks.
        (name,) = [name for name, _effect in beside() if f"{cgroup.name}/inner" in name]
        assert name.startswith("eBPF programs (egress, connect4) of /")
    finally:
        inner.rmdir()
    assert not any(cgroup.name in name for name, _effect in beside())


def test_a_cgroup_that_goes_while_it_is_looked_at_hides_no_other(cgroup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes, stays = cgroup / "goes", cgroup / "stays"
    goes.mkdir()
    stays.mkdir()
    real = os.open

    def open_and_remove(path: Any, *arguments: Any) -> int:
        number = real(path, *arguments)
        if path == str(goes):
            goes.rmdir()
        return number

    try:
        place = real(stays, os.O_RDONLY)
        try:
            attach(place, EGRESS, CGROUP_SKB, 1)
        finally:
            os.close(place)
        monkeypatch.setattr(os, "open", open_and_remove)
        names = [path.rpartition("/")[2] for path, _hooks in bpf_programs.of_cgroups() if cgroup.name in path]
        assert names == ["stays"]
        assert not goes.exists()
    finally:
        stays.rmdir()


def attach_xdp(interface: str) -> None:
    """Attach a program that lets everything pass in the generic way, which every device has."""
    with program(XDP, 2) as descriptor:
        send_program(socket.if_nametoindex(interface), descriptor)


def send_program(index: int, program: int) -> None:
    nested = struct.pack("=HHiHHI", 8, 1, program, 8, 3, XDP_FLAGS_SKB_MODE)
    body = struct.pack("=BxHiII", 0, 0, index, 0, 0) + struct.pack("=HH", 4 + len(nested), IFLA_XDP) + nested
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as link:
        link.send(struct.pack("=IHHII", 16 + len(body), RTM_SETLINK, 0x5, 1, 0) + body)
        (error,) = struct.unpack_from("=i", link.recv(4096), 16)
        assert error == 0, os.strerror(-error)


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
    attach(socket.if_nametoindex("tgwire"), TCX_EGRESS, SCHED_CLS, -1)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)):
        assert without_programs_of_this_machine() == [
            "packet sockets (1)",
            "the queueing discipline clsact at tgwire",
            "the XDP program at tgpeer",
            "routing rules of IPv4 (1)",
            "routing rules of IPv6 (1)",
            "IPsec policies (1)",
            "eBPF programs at tgwire (tcx egress)",
        ]
