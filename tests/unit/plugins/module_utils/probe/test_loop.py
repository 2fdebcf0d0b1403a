# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe says about sockets that answer, refuse and keep silent, over the loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.probe import loop
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.loop import run_probes
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.model import Measurement, Probe

LONG = 60.0
"""Seconds of a timeout that nobody waits for."""

LOOPBACKS = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
FAMILIES = pytest.mark.parametrize("family", list(LOOPBACKS), ids=["v4", "v6"])


def bound(family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(family, kind)
    sock.bind((LOOPBACKS[family], 0))
    return sock


def try_one(sock: socket.socket, protocol: str, timeout: float = LONG) -> Measurement:
    address = sock.getsockname()
    return run_probes([Probe(address[0], protocol, address[1])], timeout, 4)[0]


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@FAMILIES
def test_a_listener_answers_and_is_told_nothing(family: socket.AddressFamily, closing: ExitStack) -> None:
    server = closing.enter_context(bound(family, socket.SOCK_STREAM))
    server.listen()
    result = try_one(server, "tcp")
    assert (result.outcome, result.errno) == ("answered", None)
    caller, _address = server.accept()
    with caller:
        assert caller.recv(100) == b""  # closed, without a byte


@FAMILIES
@pytest.mark.parametrize(("protocol", "kind"), [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)])
def test_a_closed_port_refuses_at_once(family: socket.AddressFamily, protocol: str, kind: socket.SocketKind) -> None:
    with bound(family, kind) as sock:
        address = sock.getsockname()
    result = run_probes([Probe(address[0], protocol, address[1])], LONG, 1)[0]
    assert (result.outcome, result.errno) == ("refused", "ECONNREFUSED")
    assert result.milliseconds < 1000 * LONG


@FAMILIES
def test_a_datagram_is_sent_once_and_its_answer_is_an_answer(family: socket.AddressFamily, closing: ExitStack) -> None:
    server = closing.enter_context(bound(family, socket.SOCK_DGRAM))
    got: list[bytes] = []

    def serve() -> None:
        question, sender = server.recvfrom(100)
        got.append(question)
        server.sendto(b"", sender)  # an empty answer is an answer

    thread = threading.Thread(target=serve)
    thread.start()
    result = try_one(server, "udp")
    thread.join()
    assert result.outcome == "answered"
    assert got == [b""]
    server.settimeout(0.2)
    with pytest.raises(TimeoutError):
        server.recvfrom(100)


@FAMILIES
def test_nobody_waits_longer_than_asked(family: socket.AddressFamily, closing: ExitStack) -> None:
    server = closing.enter_context(bound(family, socket.SOCK_DGRAM))
    result = try_one(server, "udp", timeout=0.3)
    assert (result.outcome, result.errno) == ("silent", "ETIMEDOUT")
    assert 300 <= result.milliseconds < 1000 * LONG


def test_an_answer_from_somebody_else_is_none(closing: ExitStack) -> None:
    server = closing.enter_context(bound(socket.AF_INET, socket.SOCK_DGRAM))
    other = closing.enter_context(bound(socket.AF_INET, socket.SOCK_DGRAM))

    def serve() -> None:
        _question, sender = server.recvfrom(100)
        other.sendto(b"me", sender)

    thread = threading.Thread(target=serve)
    thread.start()
    result = try_one(server, "udp", timeout=0.3)
    thread.join()
    assert result.outcome == "silent"


class Counted(loop._Attempt):
    """Counts the attempts that are open at the same time."""

    open = most = 0

    def start(self) -> int | None:
        Counted.open += 1
        Counted.most = max(Counted.most, Counted.open)
        return super().start()

    def finish(self, number: int) -> Measurement:
        Counted.open -= 1
        return super().finish(number)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    monkeypatch.setattr(Counted, "open", 0)
    monkeypatch.setattr(Counted, "most", 0)
    monkeypatch.setattr(loop, "_Attempt", Counted)
    return Counted


def test_results_keep_the_order_and_silence_holds_up_nobody(closing: ExitStack, counted: type[Counted]) -> None:
    silent = closing.enter_context(bound(socket.AF_INET, socket.SOCK_DGRAM)).getsockname()
    server = closing.enter_context(bound(socket.AF_INET, socket.SOCK_STREAM))
    server.listen(64)
    answering = server.getsockname()
    probes = [
        Probe(*((silent[0], "udp", silent[1]) if index % 3 == 0 else (answering[0], "tcp", answering[1])))
        for index in range(30)
    ]
    outcomes = [result.outcome for result in run_probes(probes, 0.4, 64)]
    assert outcomes == ["silent" if index % 3 == 0 else "answered" for index in range(30)]
    assert counted.most >= 10, "the silences were waited for one after the other"
    assert counted.open == 0


def test_no_more_are_open_at_once_than_allowed(closing: ExitStack, counted: type[Counted]) -> None:
    silent = closing.enter_context(bound(socket.AF_INET, socket.SOCK_DGRAM)).getsockname()
    probes = [Probe(silent[0], "udp", silent[1])] * 6
    run_probes(probes, 0.1, 2)
    assert counted.most == 2
