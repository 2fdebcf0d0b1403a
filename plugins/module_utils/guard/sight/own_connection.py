# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would a table cut the very connection that applies it? Asked before the table is there."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import ssh_session
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError

from .evaluate import Address, Flow, Json
from .explain import Answer, why

_TRACKED = Path("/proc/sys/net/netfilter/nf_conntrack_count")
"""How many connections of this network namespace the kernel knows; 0 as long as nobody needed to know."""


@dataclass(frozen=True)
class Ends:
    """One connection of sshd: its client and this host."""

    client: Address
    client_port: int
    host: Address
    host_port: int


def ends(connection: str) -> Ends | None:
    """Return what SSH_CONNECTION says, None when it says nothing or nothing that passes the network."""
    words = connection.split()
    try:
        found = Ends(ipaddress.ip_address(words[0]), int(words[1]), ipaddress.ip_address(words[2]), int(words[3]))
    except (IndexError, ValueError):
        return None
    return None if ssh_session.is_local(str(found.client)) else found


def need_open(objects: Sequence[Json], connection: str, *, tracked: bool | None = None) -> None:
    """Raise GuardError (cuts_connection) when the table refuses a connection's packets, in or out.

    objects: the table as `nft -j list` has it. connection: SSH_CONNECTION. tracked: whether the kernel knows the
    connection as established; as this host says, by default. What a rule that cannot be judged would do is left to
    the trial.
    """
    found = ends(connection)
    if found is None:
        return
    known = _tracking() if tracked is None else tracked
    for flow in (_reply(found, known=known), _beginning(found)):
        answer = why(objects, flow)
        if answer.verdict != "accept" and not answer.doubts:
            raise _refusal(found, flow, answer, known=known)


def _reply(found: Ends, *, known: bool) -> Flow:
    """What this host sends in the connection. One that the kernel does not know yet looks new, but for its flags."""
    return Flow(
        found.client,
        "tcp",
        found.client_port,
        0,
        time.time(),
        state="established" if known else "new",
        direction="reply" if known else "original",
        sport=found.host_port,
        flags=frozenset(["ack"]),
    )


def _beginning(found: Ends) -> Flow:
    """The first packet of the next connection."""
    return Flow(found.host, "tcp", found.host_port, None, time.time(), source=found.client, incoming=True)


def _tracking() -> bool:
    try:
        return int(_TRACKED.read_text("ascii")) > 0
    except (OSError, ValueError):
        return False


def _refusal(found: Ends, flow: Flow, answer: Answer, *, known: bool) -> GuardError:
    where = f"{answer.chain}{f' ({answer.rule})' if answer.rule else ''}"
    if flow.incoming:
        what = f"new connections from {found.client} to port {found.host_port}"
        mend = f"set ansible_port: {found.host_port}, or let {found.client} in by egress_inbound_allow"
    elif known:
        what = f"replies to {found.client} from port {found.host_port}"
        mend = "let the chain begin with `ct state established,related accept`"
    else:
        what = f"what port {found.host_port} sends to {found.client}, whose connection the kernel does not know yet"
        mend = f"keep older-connections in the floor, set ansible_port: {found.host_port}, or egress_established: keep"
    return GuardError(
        "cuts_connection",
        f"This policy would cut the connection that Ansible comes over: {what} would be refused in {where}. "
        f"{UNCHANGED} To mend it: {mend}.",
    )
