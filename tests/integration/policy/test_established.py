# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of connections that are open when a new policy comes, with real ones in both directions."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import older_connections
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.attack.send import segment
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import (
    BINARIES,
    HERE,
    THERE,
    counters,
    elements,
    nft,
    start,
)
from ansible_collections.tidegate.nftables.tests.integration.policy.test_applied import apply
from ansible_collections.tidegate.nftables.tests.support.nft import HOST
from ansible_collections.tidegate.nftables.tests.support.waiting import PATIENCE

ALLOWED, ANSIBLE = 7002, 2222
# name -> (whether the peer dials, kind, port). "ansible" stands for the connection that the policy comes through.
FLOWS = {
    "refused": (False, "tcp", 7001),
    "allowed": (False, "tcp", ALLOWED),
    "incoming": (True, "tcp", 7003),
    "ansible": (True, "tcp", ANSIBLE),
    "refused-udp": (False, "udp", 7004),
    "incoming-udp": (True, "udp", 7005),
}
TCP = [name for name, flow in FLOWS.items() if flow[1] == "tcp"]
# Sends everything back, and what it reads on its standard input.
PEER = """
import select, socket, sys
dials, kind, address, port = sys.argv[1] == "True", sys.argv[2], sys.argv[3], int(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
one = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
if dials:
    one.connect((address, port))
    one.send(b"hello")
else:
    one.bind((address, port))
    if kind == "tcp":
        one.listen()
    print("ready", flush=True)
    if kind == "tcp":
        one = one.accept()[0]
    else:
        data, there = one.recvfrom(9)
        one.connect(there)
        one.send(data)
while True:
    ready = select.select([one, sys.stdin], [], [])[0]
    one.send(one.recv(9) if one in ready else sys.stdin.readline().strip().encode())
"""


@dataclass
class Open:
    """One connection that is open: this side's socket and the process on the other."""

    here: socket.socket
    peer: subprocess.Popen[str]
    waited: bool = False
    """Whether an answer was waited for in vain, where an error would have come at once."""

    def answers(self) -> bool:
        """Does what this side says reach the other, and the answer this one?"""
        try:
            self.here.send(b"x")
            return self.here.recv(9) == b"x"
        except OSError as error:
            self.waited = isinstance(error, TimeoutError)
            return False

    def hears(self) -> bool:
        """Does what the other side says come in, and is there an answer then?"""
        assert self.peer.stdin is not None
        self.peer.stdin.write("y\n")
        self.peer.stdin.flush()
        try:
            return self.here.recv(9) == b"y" and self.answers()
        except OSError:
            return False


@contextmanager
def opened(peer: int, version: int, *names: str) -> Iterator[dict[str, Open]]:
    """These flows, each after a first exchange."""
    with ExitStack() as stack:
        yield {name: _open(stack, peer, version, *FLOWS[name]) for name in names}


def _open(stack: ExitStack, peer: int, version: int, dials: bool, kind: str, port: int) -> Open:
    address = HERE[version] if dials else THERE[version]
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    here = stack.enter_context(socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM))
    here.settimeout(PATIENCE)
    if dials:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        here.bind((address, port))
        if kind == "tcp":
            here.listen()
    other = stack.enter_context(start(peer, PEER, str(dials), kind, address, str(port)))
    stack.callback(other.kill)
    if not dials:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        here.connect((address, port))
    elif kind == "tcp":
        here = stack.enter_context(here.accept()[0])
        here.settimeout(PATIENCE)
    if dials:
        data, there = here.recvfrom(9)
        assert data == b"hello"
        if kind == "udp":
            here.connect(there)
    flow = Open(here, other)
    assert flow.answers()
    here.settimeout(PATIENCE)
    return flow


def spec(**changes: Any) -> dict[str, Any]:
    """A policy that allows one of the flows."""
    allowed = [{"name": "peer", "to": [THERE[4], THERE[6]], "services": [f"tcp/{ALLOWED}"]}]
    variables = {"egress_mode": "enforce", "egress_tier": "app", "egress_internal_networks": ["10.0.0.0/8"]}
    return compile_table(
        policy.build({**variables, "egress_allow_x": allowed, "ansible_port": ANSIBLE, **changes}, FixedInventory())
    )


def first(compiled: dict[str, Any]) -> dict[str, Any]:
    """The table as the first apply loads it."""
    return older_connections.kept([compiled])[0]


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("established", "cut"), [("keep", set()), ("recheck", {"refused", "refused-udp"})])
def test_what_was_open_while_observing(
    binary: Path, version: int, established: str, cut: set[str], peer: int, tmp_path: Path
) -> None:
    apply(spec(egress_mode="observe", egress_established=established), binary, tmp_path)
    with opened(peer, version, *FLOWS) as flows:
        enforced = apply(spec(egress_established=established), binary, tmp_path)
        assert len(enforced.changes) == 2
        assert {name for name, flow in flows.items() if not flow.answers()} == cut
        assert not any(flow.waited for flow in flows.values()), "cut at once, not by waiting"
        assert all(flow.hears() for name, flow in flows.items() if name not in cut)


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
def test_a_change_to_recheck_cuts_what_was_kept(binary: Path, peer: int, tmp_path: Path) -> None:
    apply(spec(egress_mode="observe"), binary, tmp_path)
    with opened(peer, 4, "refused", "incoming", "ansible") as flows:
        apply(spec(), binary, tmp_path)
        assert all(flow.answers() for flow in flows.values())
        apply(spec(egress_established="recheck"), binary, tmp_path)
        assert [name for name, flow in flows.items() if not flow.answers()] == ["refused"]


@pytest.mark.parametrize("version", [4, 6])
def test_keep_keeps_what_is_older_than_connection_tracking(version: int, peer: int, tmp_path: Path) -> None:
    with opened(peer, version, *TCP, "incoming-udp") as flows:
        apply(first(spec()), HOST, tmp_path)
        assert [name for name in TCP if not flows[name].answers()] == []
        assert flows["incoming-udp"].hears()


@pytest.mark.parametrize("version", [4, 6])
def test_recheck_keeps_the_way_in_and_what_the_policy_allows(version: int, peer: int, tmp_path: Path) -> None:
    with opened(peer, version, *TCP) as flows:
        time.sleep(0.5)  # a late acknowledgement of ours would be the first packet that is tracked, and refused
        apply(first(spec(egress_established="recheck")), HOST, tmp_path)
        assert flows["incoming"].hears()
        assert [name for name in TCP if not flows[name].answers()] == ["refused"]


@pytest.mark.parametrize(("established", "cut"), [("keep", []), ("recheck", ["incoming", "incoming-udp"])])
def test_recheck_holds_incoming_connections_to_the_inbound_policy(
    established: str, cut: list[str], peer: int, tmp_path: Path
) -> None:
    inbound = [{"name": "site", "from": [THERE[4]], "services": ["tcp/80"]}]
    variables = {"egress_inbound_allow": inbound, "egress_established": established}
    apply(spec(**variables, egress_mode="observe"), HOST, tmp_path)
    with opened(peer, 4, "incoming", "ansible", "allowed", "incoming-udp") as flows:
        apply(spec(**variables), HOST, tmp_path)
        for name in cut:
            flows[name].here.settimeout(5)  # what comes back is not let in
        assert [name for name, flow in flows.items() if not flow.answers()] == cut


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
def test_only_the_first_run_keeps_what_is_older_and_no_later_one_touches_it(
    binary: Path, peer: int, tmp_path: Path
) -> None:
    apply(first(spec()), binary, tmp_path)
    assert elements("older_connections", binary) == ["tcp"]
    assert not apply(first(spec()), binary, tmp_path).changes
    assert not apply(spec(), binary, tmp_path).changes
    assert elements("older_connections", binary) == ["tcp"]
    nft("flush", "set", "inet", "tidegate", "older_connections", binary=binary)
    assert not apply(spec(), binary, tmp_path).changes
    assert elements("older_connections", binary) == []


FLAGS = {
    "none": 0,
    "fin": 1,
    "rst": 4,
    "syn+fin": 3,
    "syn+ack": 18,
    "fin+ack": 17,
    "rst+ack": 20,
    "ack": 16,
    "psh+ack": 24,
}
LEAVING = """table inet leaving {
  counter left { }
  chain post {
    type filter hook postrouting priority 400;
    tcp dport 7999 counter name left
  }
}
"""


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_only_what_cannot_be_new_passes_and_only_for_a_time(
    version: int, flags: int, peer: int, tmp_path: Path
) -> None:
    nft("-f", "-", given=LEAVING)
    for compiled, passes in ((first(spec()), flags in (16, 24)), (spec(egress_mode="observe"), True)):
        apply(compiled, HOST, tmp_path)
        before = counters()["left"]
        with suppress(OSError):
            segment(THERE[version], 7999, flags, HERE[version])
        assert (counters()["left"] > before) == passes
    nft("delete", "table", "inet", "tidegate")
    apply(spec(), HOST, tmp_path)
    before = counters()["left"]
    with suppress(OSError):
        segment(THERE[version], 7999, flags, HERE[version], source_port=40002)
    assert counters()["left"] == before


NOTRACK = """table inet elsewhere {
  chain pre {
    type filter hook prerouting priority raw;
    tcp dport 7003 notrack
  }
  chain out {
    type filter hook output priority raw;
    tcp sport 7003 notrack
  }
}
"""


@pytest.mark.parametrize(("untracked", "answers"), [("reject", False), ("accept", True)])
def test_replies_that_are_not_tracked(untracked: str, answers: bool, peer: int, tmp_path: Path) -> None:
    nft("-f", "-", given=NOTRACK)
    with opened(peer, 4, "incoming") as flows:
        apply(spec(egress_untracked=untracked), HOST, tmp_path)
        assert flows["incoming"].answers() == answers
        assert (counters()["denied"] == 0) == answers
