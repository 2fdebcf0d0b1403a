# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network namespace for each test, with one interface behind which there is nothing, and packets into it."""

from __future__ import annotations

import ctypes
import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Flow
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import ntp_pool
from ansible_collections.tidegate.nftables.tests.golden.render import render
from ansible_collections.tidegate.nftables.tests.support.namespaces import namespace, process_namespace
from ansible_collections.tidegate.nftables.tests.support.nft import binaries

__all__ = ["namespace"]

BINARIES = list(binaries().values())
UIDS = {"root": 0, "payd": 20001, "www-data": 33, "telegraf": 20002, "postfix": 20003, "postgres": 20004}
UIDS |= {"certbot": 20005, "prometheus": 20006, "tilld": 20007, "tidegate-dns": 20008}
UIDS |= {name: 20010 + number for number, name in enumerate(ntp_pool.USERS)}
TABLE = "inet tidegate"
HERE, THERE = {4: "198.18.0.1", 6: "2001:2::1"}, {4: "198.18.0.2", 6: "2001:2::2"}

_libc = ctypes.CDLL(None, use_errno=True)


@pytest.fixture
def network(namespace: None) -> None:
    """Loopback, and an interface that leads nowhere, with default routes for both families."""
    for command in (
        "link add tgout type veth peer name tgnowhere",
        # Without neighbours to ask for, every packet leaves at once.
        "link set tgout arp off up",
        "link set tgnowhere up",
        "address add 198.18.0.1/24 dev tgout",
        "-6 address add 2001:2::1/64 dev tgout nodad",
        "route add default dev tgout",
        "-6 route add default dev tgout",
    ):
        subprocess.run(["ip", *command.split()], check=True)


@pytest.fixture
def peer(namespace: None) -> Iterator[int]:
    """A second namespace behind a wire; its process."""
    with process_namespace() as pid:
        ip("link add tgwire type veth peer name tgpeer", f"link set tgpeer netns {pid}")
        ip("address add 198.18.0.1/24 dev tgwire")
        ip("-6 address add 2001:2::1/64 dev tgwire nodad", "link set tgwire up")
        for command in ("link set lo up", "address add 198.18.0.2/24 dev tgpeer", "link set tgpeer up"):
            there(pid, "ip", *command.split())
        there(pid, "ip", *["-6", "address", "add", "2001:2::2/64", "dev", "tgpeer", "nodad"])
        yield pid


def ip(*commands: str) -> None:
    """Commands of ip in this namespace."""
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)


def there(pid: int, *command: str) -> None:
    """A command in the peer's namespace."""
    subprocess.run(["nsenter", "-t", str(pid), "-n", *command], check=True)


def start(pid: int, program: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python program in the peer's namespace."""
    command = ["nsenter", "-t", str(pid), "-n", sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def nft(*arguments: str, given: str | None = None, binary: str | Path = "/usr/sbin/nft") -> str:
    """One nft call; its error is the test's."""
    done = subprocess.run([str(binary), *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def load(spec: dict[str, Any], tmp_path: Path, binary: str | Path = "/usr/sbin/nft") -> None:
    """Load a table spec with nft alone, each user by a number."""
    file = tmp_path / "table.nft"
    file.write_text(render(spec, uid=uid), encoding="utf-8")
    nft("-f", str(file), binary=binary)


def uid(user: str) -> str:
    """The number of a user of these tests."""
    return user if user.isdigit() else str(UIDS[user])


def counters(binary: str | Path = "/usr/sbin/nft") -> dict[str, int]:
    """The packets of every named counter of the namespace."""
    listing = json.loads(nft("-j", "list", "counters", binary=binary))["nftables"]
    return {item["counter"]["name"]: int(item["counter"]["packets"]) for item in listing if "counter" in item}


def elements(name: str, binary: str | Path = "/usr/sbin/nft") -> list[Any]:
    """The keys of a set, in nft's JSON, sorted by their text."""
    listing = json.loads(nft("-j", "list", "set", *TABLE.split(), name, binary=binary))
    keys = next(item["set"].get("elem", []) for item in listing["nftables"] if "set" in item)
    return sorted((element["elem"]["val"] if "elem" in element else element for element in keys), key=str)


def send(flow: Flow) -> None:
    """Send the first packet of a flow, as the flow's user; whether it may leave is the kernel's answer, not ours."""
    family = socket.AF_INET6 if ":" in flow.address else socket.AF_INET
    kind, number, data = _shape(flow, family)
    # The kernel takes a socket's owner from the file system uid of its maker; capabilities stay with it.
    _libc.setfsuid(int(uid(flow.user or "root")))
    try:
        sender = socket.socket(family, kind, number)
    finally:
        _libc.setfsuid(0)
    with sender:
        sender.settimeout(0)
        target: Sequence[Any] = (flow.address, flow.port if kind != socket.SOCK_RAW and flow.port else 0)
        try:
            if kind == socket.SOCK_STREAM:
                sender.connect(tuple(target))
            else:
                sender.sendto(data, tuple(target))
        except OSError:
            return


def _shape(flow: Flow, family: int) -> tuple[int, int, bytes]:
    if flow.protocol == "tcp":
        return socket.SOCK_STREAM, 0, b""
    if flow.protocol == "udp":
        return socket.SOCK_DGRAM, 0, b"x"
    if flow.protocol == "icmp":
        number = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
        return socket.SOCK_RAW, number, _echo(flow.port or 0)
    return socket.SOCK_RAW, int(flow.protocol), b"\0" * 16


def _echo(kind: int) -> bytes:
    """An ICMP message with identifier 1 and a right checksum; for ICMPv6 the kernel writes the checksum itself."""
    head = bytes([kind, 0, 0, 0, 0, 1, 0, 0])
    total = sum(int.from_bytes(head[at : at + 2], "big") for at in range(0, len(head), 2))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:2] + (~total & 0xFFFF).to_bytes(2, "big") + head[4:]
