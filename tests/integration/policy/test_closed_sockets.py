# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where every packet is compared with the policy: what the kernel sends for programs that closed their sockets."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import (
    BINARIES,
    HERE,
    THERE,
    counters,
    nft,
    start,
)
from ansible_collections.tidegate.nftables.tests.integration.policy.test_applied import apply
from ansible_collections.tidegate.nftables.tests.support.nft import HOST
from ansible_collections.tidegate.nftables.tests.support.waiting import PATIENCE, wait_for

_SNDBUFFORCE = 32  # asm-generic/socket.h
PORT, WRITTEN = 7002, 1_000_000
BY_ROOT = {"name": "peer", "to": [THERE[4], THERE[6]], "services": [f"tcp/{PORT}", f"udp/{PORT}"], "users": ["root"]}
OTHER = {"name": "other", "to": ["192.0.2.1"], "services": ["tcp/443"]}
RELEASES = pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
# One connection after the other, as it is asked to on standard input. Its receive buffer is small.
SERVER = """
import select, socket, sys
address, port = sys.argv[1], int(sys.argv[2])
listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
listener.bind((address, port))
listener.listen(64)
print("ready", flush=True)
total = 0
for line in sys.stdin:
    order, _, number = line.strip().partition(" ")
    if order == "accept":
        one, total = listener.accept()[0], 0
    elif order == "some":
        total += len(one.recv(4096))
    elif order in ("rest", "all"):
        # What has come, or what comes until the other side ends.
        patience = float(sys.argv[3]) if order == "all" else 0
        while select.select([one], [], [], patience)[0] and (data := one.recv(65536)):
            total += len(data)
    elif order == "send":
        one.sendall(bytes(int(number)))
    elif order == "close":
        one.close()
    print(total, flush=True)
"""
# Write what fits and close the socket.
WRITER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.socket(family) as one:
    one.connect((sys.argv[1], int(sys.argv[2])))
    one.setblocking(False)
    print(one.send(bytes(int(sys.argv[3]))), flush=True)
"""


@dataclass
class Server:
    """The other end."""

    process: subprocess.Popen[str]

    def ask(self, order: str) -> int:
        """Have it do something; return how many bytes it has read from its connection."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def serving(peer: int, version: int = 4) -> Iterator[Server]:
    with start(peer, SERVER, THERE[version], str(PORT), str(PATIENCE)) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield Server(process)
        finally:
            process.kill()


@contextmanager
def connected(server: Server, version: int = 4) -> Iterator[socket.socket]:
    """A connection of root's."""
    with socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6) as here:
        here.settimeout(PATIENCE)
        here.setsockopt(socket.SOL_SOCKET, _SNDBUFFORCE, 1 << 22)
        here.connect((THERE[version], PORT))
        server.ask("accept")
        yield here


def spec(*entries: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    variables: dict[str, Any] = {"egress_mode": "enforce", "egress_tier": "app"}
    variables["egress_internal_networks"] = ["10.0.0.0/8"]
    variables |= {"egress_established": "recheck", "egress_allow_x": list(entries)}
    return compile_table(policy.build({**variables, **changes}, FixedInventory()))


def rejected() -> int:
    """Return how many packets were rejected or would have been, for whatever reason."""
    return sum(
        number for name, number in counters().items() if "denied" in name or "would_deny" in name or name == "invalid"
    )


@RELEASES
@pytest.mark.parametrize("version", [4, 6])
def test_what_was_written_before_a_close_arrives_whole(binary: Path, version: int, peer: int, tmp_path: Path) -> None:
    apply(spec(BY_ROOT), binary, tmp_path)
    with serving(peer, version) as server:
        with connected(server, version) as here:
            here.sendall(bytes(WRITTEN))
        assert server.ask("some") < WRITTEN, "there is still something to send"
        apply(spec(BY_ROOT, OTHER), binary, tmp_path)
        assert server.ask("all") == WRITTEN
        server.ask("close")
    assert rejected() == 0


@RELEASES
def test_a_change_cuts_what_it_no_longer_allows_and_nothing_else(binary: Path, peer: int, tmp_path: Path) -> None:
    apply(spec(BY_ROOT), binary, tmp_path)
    with serving(peer) as server:
        with connected(server) as here:
            here.sendall(bytes(WRITTEN))
        apply(spec({**BY_ROOT, "to": ["192.0.2.1"]}), binary, tmp_path)
        server.ask("some")
        wait_for(lambda: counters()["denied"] > 0, "the rejected rest")
        assert server.ask("rest") < WRITTEN


def test_a_socket_that_another_user_closed_sends_nothing_on(peer: int, tmp_path: Path) -> None:
    apply(spec(BY_ROOT, egress_mode="observe"), HOST, tmp_path)
    with serving(peer) as server:
        words = ["setpriv", "--reuid=33", "--regid=33", "--clear-groups", sys.executable, "-c", WRITER]
        done = subprocess.run([*words, THERE[4], str(PORT), str(WRITTEN)], capture_output=True, text=True, check=True)
        written = int(done.stdout.split()[0])
        server.ask("accept")
        apply(spec(BY_ROOT), HOST, tmp_path)
        before = counters()["denied"]
        server.ask("some")
        wait_for(lambda: counters()["denied"] > before, "the rejected rest")
        assert server.ask("rest") < written


@RELEASES
def test_another_user_gets_nothing_from_an_accepted_flow(binary: Path, peer: int, tmp_path: Path) -> None:
    apply(spec(BY_ROOT), binary, tmp_path)
    nft("-f", "-", given=MARKING, binary=binary)
    answer = "import socket; one = socket.socket(type=2); one.bind(('198.18.0.2', 7002)); print(1, flush=True)\n"
    answer += "while True: data, there = one.recvfrom(9); one.sendto(data, there)"
    with start(peer, answer) as process, socket.socket(type=socket.SOCK_DGRAM) as here:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            here.settimeout(PATIENCE)
            here.bind((HERE[4], 7002))
            for _time in range(2):
                here.sendto(b"x", (THERE[4], PORT))
                assert here.recv(9) == b"x"
            here.close()
            assert counters()["both"] > 0, "other bits of the mark stay"
            send = "import socket; one = socket.socket(type=2); one.bind(('198.18.0.1', 7002))\n"
            send += "one.sendto(b'x', ('198.18.0.2', 7002))"
            words = ["setpriv", "--reuid=33", "--regid=33", "--clear-groups", sys.executable, "-c", send]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            assert "PermissionError" in done.stderr
            assert counters()["denied"] == 1
        finally:
            process.kill()


MARKING = """table inet marking {
  counter both { }
  chain before {
    type filter hook output priority -10;
    ct mark set ct mark | 0x00000005
  }
  chain after {
    type filter hook postrouting priority 400;
    ct mark & 0x0000ffff == 0x00001005 counter name both
  }
}
"""


def test_half_of_a_connection_goes_on(peer: int, tmp_path: Path) -> None:
    apply(spec(BY_ROOT), HOST, tmp_path)
    with serving(peer) as server, connected(server) as here:
        here.sendall(bytes(200_000))
        here.shutdown(socket.SHUT_WR)
        assert server.ask("all") == 200_000
        server.ask("send 200000")
        received = 0
        server.ask("close")
        while data := here.recv(65536):
            received += len(data)
        assert received == 200_000
    assert rejected() == 0


def test_a_connection_that_connection_tracking_forgot_goes_on(peer: int, tmp_path: Path) -> None:
    apply(spec(BY_ROOT), HOST, tmp_path)
    timeout = Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established")
    long = timeout.read_text(encoding="ascii")
    with serving(peer) as server:
        with connected(server) as here:
            timeout.write_text("1", encoding="ascii")
            here.sendall(b"x")
            server.ask("some")
            time.sleep(1.5)
            timeout.write_text(long, encoding="ascii")
            here.sendall(bytes(WRITTEN))
        assert server.ask("all") == 1 + WRITTEN
    assert rejected() == 0


@pytest.mark.parametrize(
    "policy_of",
    [
        {"egress_mode": "observe", "egress_allow_x": [BY_ROOT]},
        {
            "egress_never": [{"to": [THERE[4]], "except_users": ["root"]}],
            "egress_allow_x": [{key: value for key, value in BY_ROOT.items() if key != "users"}],
        },
    ],
    ids=["entry with users", "excepted from egress_never"],
)
def test_twenty_clean_connections_leave_no_rejection(policy_of: dict[str, Any], peer: int, tmp_path: Path) -> None:
    apply(spec(**policy_of), HOST, tmp_path)
    with serving(peer) as server:
        for number in range(20):
            with connected(server) as here:
                here.sendall(bytes(20_000))
                if number % 2:
                    server.ask("send 10")
                    server.ask("close")  # with data unread, so it ends by a reset, or both close at once
            if not number % 2:
                assert server.ask("all") == 20_000
                server.ask("close")
    assert rejected() == 0
