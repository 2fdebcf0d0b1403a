# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What connection tracking may say about a packet, and what the policy does with each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import CONNECTION_MARK
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import ConnTrack, Masked
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.settings import SSH
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import EVERYTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import (
    EMPTY,
    SPACE,
    Region,
    of_boxes,
)

MARK = Masked(ConnTrack("mark"), CONNECTION_MARK)
"""What our tables ask about the mark of a connection."""
State = Literal["invalid", "established", "related", "new", "untracked"]
STATES: dict[State, int] = {"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64}
"""Connection tracking's states as nft prints them with -nn."""
Direction = Literal["original", "reply", ""]
"""Whether a packet goes as the connection's first one did; "" where connection tracking knows no connection."""
Flags = Literal["syn", "ack", "others"]
"""Of FIN, SYN, RST and ACK: SYN alone as the first packet of TCP has it, ACK alone as most others, or anything else."""
TCP, ICMPV6 = (of_boxes([(EVERYTHING, services.of_protocol(number))]) for number in (protocols.TCP, services.ICMPV6))
_OPEN: tuple[State, ...] = ("established", "related")
_UNKNOWN: tuple[State, ...] = ("untracked", "invalid")


@dataclass(frozen=True)
class PacketKind:
    """Packets that are alike for connection tracking. flags: of TCP. marked: by CONNECTION_MARK; None: not known."""

    state: State
    direction: Direction
    flags: Flags
    marked: bool | None = None

    def __str__(self) -> str:
        """Return the kind for people; "" for the first packets of connections."""
        if (self.state, self.flags) == (FIRST.state, FIRST.flags) and not self.marked:
            return ""
        way = {"original": " as opened", "reply": " as replies", "": ""}[self.direction] if self.state in _OPEN else ""
        flags = {"syn": "", "ack": ", TCP with ACK alone", "others": ", TCP with other flags"}
        return f"in state {self.state}{way}{flags[self.flags]}{', accepted by user before' if self.marked else ''}"

    @property
    def packets(self) -> Region:
        """The packets of the kind by destination. Where TCP is not spoken, flags make no difference."""
        return SPACE if self.flags == _flags_of(self.state)[0] else TCP


def _flags_of(state: State) -> tuple[Flags, ...]:
    return ("ack", "others") if state in _OPEN else ("syn", "ack", "others")


FIRST = PacketKind("new", "original", "syn")
_DIRECTIONS: dict[State, tuple[Direction, ...]] = {
    "new": ("original",),
    **dict.fromkeys(_OPEN, ("original", "reply")),
    **dict.fromkeys(_UNKNOWN, ("",)),
}
KINDS = tuple(
    PacketKind(state, direction, flags)
    for state, directions in _DIRECTIONS.items()
    for direction in directions
    for flags in _flags_of(state)
)
"""Every kind that there is, the first packets of connections first."""


def connection_ports(policy: ResolvedPolicy) -> tuple[int, int]:
    """Return the ports of the host that Ansible connects to."""
    return SSH, policy.ansible_port


def passing_anyway(
    policy: ResolvedPolicy, kind: PacketKind, source_port: int, *, forwarded: bool = False
) -> tuple[Region, Region]:
    """Return the packets of a kind that pass whatever entries say: those that must, and those that may for a time.

    source_port: of TCP. forwarded: whether containers sent them.
    """
    enforcement = policy.enforcement
    if kind.state in _OPEN and (kind.direction == "reply" or not enforcement.recheck):
        return SPACE, SPACE
    if kind.state == "untracked" and enforcement.untracked:
        # The kernel tracks no neighbour discovery, so of containers this would be a way out.
        return (SPACE - ICMPV6, SPACE - ICMPV6) if forwarded else (SPACE, SPACE)
    older = (kind.state, kind.flags) == ("new", "ack") and "older-connections" in policy.floor and not forwarded
    of_ansible = TCP if older and source_port in connection_ports(policy) else EMPTY
    return of_ansible, TCP if older and not enforcement.recheck else of_ansible


def is_of_closed_socket(policy: ResolvedPolicy, kind: PacketKind) -> bool:
    """Return whether packets of a kind without a socket may be the end of what an entry for some sockets accepted."""
    return policy.enforcement.recheck and kind.state == "established" and kind.marked is True


def is_asked(kind: PacketKind) -> bool:
    """Return whether the entries of the policy are asked about packets of a kind: all but invalid ones."""
    return kind.state != "invalid"
