# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a packet costs under a table: processor time of its sender, from one network namespace into another.

Datagrams go by sendmmsg(2), hundreds a call, so that Python is not what is measured. No table but the sender's looks at
them: they are dropped behind the wire. What the kernel does for a packet, up to the other end of the wire, it does in
the sender's name, so thread_time sees all of it and hardly anything of other work on the machine.
"""

from __future__ import annotations

import ctypes
import os
import random
import socket
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import thread_time_ns

CLONE_NEWNET = 0x40000000
HERE, THERE, PORT, MAC = "198.18.0.1", "198.18.0.2", 9, "02:00:00:00:00:01"
BURST = 512
"""Datagrams a call."""

Destination = tuple[str, int]
_libc = ctypes.CDLL(None, use_errno=True)


class _Part(ctypes.Structure):
    """struct iovec of sendmsg(2)."""

    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class _Message(ctypes.Structure):
    """struct msghdr of sendmsg(2), with the field that struct mmsghdr of sendmmsg(2) adds, for 64-bit systems."""

    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("parts", ctypes.c_void_p),
        ("part_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_size_t),
        ("sent", ctypes.c_uint),
    ]


class Sender:
    """Datagrams to some destinations in turn, from one socket."""

    def __init__(self, source: socket.socket, destinations: Sequence[Destination]) -> None:
        self._source = source
        self._data = ctypes.create_string_buffer(18)
        self._part = _Part(ctypes.addressof(self._data), 18)
        self._names = [
            ctypes.create_string_buffer(
                struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(address) + bytes(8), 16
            )
            for address, port in destinations
        ]
        self._messages = (_Message * BURST)()
        self._next = 0

    def close(self) -> None:
        """Close the socket."""
        self._source.close()

    def _aim(self) -> None:
        for message in self._messages:
            message.name = ctypes.addressof(self._names[self._next % len(self._names)])
            message.name_length = 16
            message.parts, message.part_count = ctypes.addressof(self._part), 1
            self._next += 1

    def cost(self, bursts: int) -> float:
        """Nanoseconds a datagram."""
        spent = 0
        for _time in range(bursts):
            self._aim()
            before = thread_time_ns()
            sent = _libc.sendmmsg(self._source.fileno(), self._messages, BURST, 0)
            spent += thread_time_ns() - before
            if sent != BURST:
                raise OSError(ctypes.get_errno(), f"{sent} of {BURST} datagrams were sent")
        return spent / (bursts * BURST)


@dataclass
class Wire:
    """A namespace with a table, a wire into another one, and what is sent over it. best: the lowest cost so far.

    The namespaces are there as long as the sender's socket and the descriptor of the other one.
    """

    name: str
    sender: Sender
    there: int
    best: float = float("inf")

    def close(self) -> None:
        """Let both namespaces go."""
        self.sender.close()
        os.close(self.there)


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


def _nft(text: str) -> None:
    subprocess.run(["/usr/sbin/nft", "-f", "-"], input=text, text=True, check=True)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _new() -> int:
    if _libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    _ip("link set lo up")
    return os.open("/proc/self/ns/net", os.O_RDONLY)


@contextmanager
def namespaces() -> Iterator[None]:
    """Whatever namespaces are made inside, return to this one."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        yield
    finally:
        _enter(home)
        os.close(home)


def wire(name: str, table: str, destinations: Sequence[Destination], *, established: bool = False) -> Wire:
    """A wire under a table, "" for none. established: the other side has answered the one destination before."""
    there = _new()
    here = _new()
    # Where nobody asks for neighbours, packets go to the address of the interface itself: both ends have the same.
    _ip(f"link add tga address {MAC} type veth peer name tgb address {MAC}")
    _ip(f"link set tgb netns /proc/{os.getpid()}/fd/{there}")
    for words in ("link set tga arp off up", f"address add {HERE}/24 dev tga", "route add default dev tga"):
        _ip(words)
    _enter(there)
    for words in ("link set tgb arp off up", f"address add {THERE}/24 dev tgb"):
        _ip(words)
    answering = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answering.bind((THERE, PORT))
    answering.settimeout(5)
    _enter(here)
    if table:
        _nft(table)
    source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    source.bind((HERE, 0))
    source.settimeout(5)
    if established:
        source.sendto(b"x", (THERE, PORT))
        answering.sendto(b"y", answering.recvfrom(1)[1])
        source.recv(1)
    _enter(there)
    _nft("table inet sink {\nchain everything {\ntype filter hook prerouting priority -400; policy drop;\n}\n}\n")
    answering.close()
    os.close(here)
    shuffled = list(destinations)
    random.Random(20261120).shuffle(shuffled)
    return Wire(name, Sender(source, shuffled), there)


def measure(wires: Sequence[Wire], rounds: int = 9, bursts: int = 40) -> None:
    """Fill in the best cost of each; they take turns, so that what else the machine does concerns all alike."""
    for _time in range(rounds):
        for wire in wires:
            wire.best = min(wire.best, wire.sender.cost(bursts))
