# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse a table that would cut the SSH connection of the run, before it is loaded."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import ssh_session
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError

from .evaluate import Address, Json, Packet
from .explain import Explanation, why

_TRACKED = Path("/proc/sys/net/netfilter/nf_conntrack_count")
"""Connections that the kernel tracks in this network namespace; 0 until a rule needs connection tracking."""


@dataclass(frozen=True)
class Connection:
    """An SSH connection: its client and this host."""

    client: Address
    client_port: int
    host: Address
    host_port: int


def parse(connection: str) -> Connection | None:
    """Return the connection in SSH_CONNECTION, None when there is none or it is local."""
    words = connection.split()
    try:
        parsed = Connection(
            client=ipaddress.ip_address(words[0]),
            client_port=int(words[1]),
            host=ipaddress.ip_address(words[2]),
            host_port=int(words[3]),
        )
    except (IndexError, ValueError):
        return None
    return None if ssh_session.is_local(str(parsed.client)) else parsed


def need_open(objects: Sequence[Json], connection: str, *, tracked: bool | None = None) -> None:
    """Raise GuardError (cuts_connection) when the table rejects packets of a connection in either direction.

    objects: the table as `nft -j list` has it. connection: SSH_CONNECTION. tracked: whether the kernel tracks the
    connection; by default whether it tracks any. Where a rule cannot be evaluated, the confirmation decides.
    """
    ssh = parse(connection)
    if ssh is None:
        return
    known = _tracking() if tracked is None else tracked
    for packet in (_reply(ssh, known=known), _beginning(ssh)):
        answer = why(objects, packet)
        if answer.verdict != "accept" and not answer.doubts:
            raise _cut(ssh, packet, answer, known=known)


def _reply(ssh: Connection, *, known: bool) -> Packet:
    """Return a packet of this host in the connection; one that is not tracked looks new except for its flags."""
    return Packet(
        ssh.client,
        "tcp",
        ssh.client_port,
        0,
        time.time(),
        state="established" if known else "new",
        direction="reply" if known else "original",
        sport=ssh.host_port,
        flags=frozenset(["ack"]),
    )


def _beginning(ssh: Connection) -> Packet:
    """Return the first packet of the next connection."""
    return Packet(ssh.host, "tcp", ssh.host_port, None, time.time(), source=ssh.client, incoming=True)


def _tracking() -> bool:
    try:
        return int(_TRACKED.read_text("ascii")) > 0
    except (OSError, ValueError):
        return False


def _cut(ssh: Connection, packet: Packet, answer: Explanation, *, known: bool) -> GuardError:
    where = f"{answer.chain}{f' ({answer.rule})' if answer.rule else ''}"
    if packet.incoming:
        what = f"new connections from {ssh.client} to port {ssh.host_port}"
        fix = f"set ansible_port: {ssh.host_port}, or let {ssh.client} in by egress_inbound_allow"
    elif known:
        what = f"replies to {ssh.client} from port {ssh.host_port}"
        fix = "let the chain begin with `ct state established,related accept`"
    else:
        what = f"what port {ssh.host_port} sends to {ssh.client}, in a connection that the kernel does not track yet"
        fix = f"keep older-connections in the floor, set ansible_port: {ssh.host_port}, or egress_established: keep"
    return GuardError(
        "cuts_connection",
        f"This policy would cut the SSH connection of this run: {where} rejects {what}. {UNCHANGED} Fix: {fix}.",
    )
