# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse a table that would cut the SSH connection of the run, or the next login, also when a cache or a lease ends."""

from __future__ import annotations

import ipaddress
import pwd
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import ssh_session
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.need import Need

from .evaluate import Address, Json, Packet
from .explain import Explanation, why
from .login_needs import LoginNeed

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


def need_open(
    objects: Sequence[Json], connection: str, *, logins: Sequence[LoginNeed] = (), tracked: bool | None = None
) -> None:
    """Raise GuardError (cuts_connection) when the table rejects packets of a connection in either direction.

    objects: the table as `nft -j list` has it. connection: SSH_CONNECTION. logins: what the next login needs.
    tracked: whether the kernel tracks the connection; by default whether it tracks any. Where a rule cannot be
    evaluated, the confirmation decides.
    """
    ssh = parse(connection)
    if ssh is None:
        return
    known = _tracking() if tracked is None else tracked
    for packet in (_reply(ssh, known=known), _beginning(ssh)):
        answer = why(objects, packet)
        if answer.verdict != "accept" and not answer.doubts:
            raise _cut(ssh, packet, answer, known=known)
    _need_upkeep(objects, ssh)
    for need in logins:
        _need_login(objects, need)


def _need_login(objects: Sequence[Json], need: LoginNeed) -> None:
    """Raise GuardError for a table that rejects all servers of which a login needs one."""
    answers = [why(objects, packet) for server in need.servers for packet in _questions(server)]
    if any(answer.verdict == "accept" or answer.doubts for answer in answers):
        return
    where = f"{answers[0].chain}{f' ({answers[0].rule})' if answers[0].rule else ''}"
    servers = ", ".join(dict.fromkeys(f"{server.host} {server.protocol}/{server.port}" for server in need.servers))
    raise GuardError(
        "cuts_connection",
        f"This policy would end logins after this run: {where} rejects {need.what} ({servers}), and {need.why}. "
        f"{UNCHANGED} Fix: let it through, or {need.fix}.",
    )


def _questions(server: Need) -> Iterator[Packet]:
    """Yield the packets with which root and the server's own client begin."""
    uids = {0}
    with suppress(KeyError):
        uids.add(pwd.getpwnam(server.user or "root").pw_uid)
    address = ipaddress.ip_address(server.host)
    return (Packet(address, server.protocol, server.port, uid, time.time()) for uid in sorted(uids))


def _need_upkeep(objects: Sequence[Json], ssh: Connection) -> None:
    """Raise GuardError for a table with which the path of the connection ends later.

    A trial of a minute cannot see it: the neighbour cache is warm, the lease has hours left.
    """
    for packet in _discovery(ssh) if ssh.client.version == 6 else (_renewal(),):
        answer = why(objects, packet)
        if answer.verdict == "accept" or answer.doubts:
            continue
        if ssh.client.version == 6:
            raise _ends(
                answer, "neighbour discovery", f"{ssh.client} is out of reach when the cache ages", "neighbours"
            )
        if ssh_session.is_leased(str(ssh.host)):
            raise _ends(answer, "DHCP", f"the host loses {ssh.host} when its lease ends", "dhcp")


def _discovery(ssh: Connection) -> tuple[Packet, Packet]:
    """Return the question for the client's or the router's link-layer address, and the answer to theirs (RFC 4861)."""
    group = ipaddress.ip_address(int(ipaddress.IPv6Address("ff02::1:ff00:0")) | int(ssh.client) & 0xFFFFFF)
    solicit, advert = (
        Packet(address, "icmpv6", 0, None, time.time(), state="untracked", flags=frozenset(), icmp_type=number)
        for address, number in ((group, 135), (ssh.client, 136))
    )
    return solicit, advert


def _renewal() -> Packet:
    """Return the request by which a lease is renewed from any server (RFC 2131, section 4.4.5)."""
    return Packet(ipaddress.IPv4Address("255.255.255.255"), "udp", 67, 0, time.time(), sport=68, flags=frozenset())


def _ends(answer: Explanation, rejected: str, effect: str, part: str) -> GuardError:
    where = f"{answer.chain}{f' ({answer.rule})' if answer.rule else ''}"
    return GuardError(
        "cuts_connection",
        f"This policy would cut off the host after this run: {where} rejects {rejected}, so {effect}. {UNCHANGED} "
        f"Fix: remove {part} from egress_floor_without.",
    )


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
