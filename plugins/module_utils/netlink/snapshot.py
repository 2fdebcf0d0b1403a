# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole table as the kernel's own messages, without nft: read, written to a file, compared, and sent back.

What a dump reports is what makes the object again, but for what the kernel counts itself (handles, references) and the
number that a message about a new set needs. Anonymous sets keep their names, so rules find them. Attributes as in
linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace
from typing import Collection, Iterator, Sequence, Tuple

from . import errors, wire
from .connection import Connection
from .declaration import NFT_SET_EVAL, NFT_SET_MAP, NFT_SET_OBJECT
from .elements import INTERVAL_END
from .ruleset import read_settled_generation

_ATTEMPTS = 20
"""How often a table is read again because another program changed the ruleset meanwhile."""

TABLE, CHAIN, RULE, SET, ELEMENTS, OBJECT, FLOWTABLE = 0, 3, 6, 9, 12, 18, 22
"""NFT_MSG_NEW* of each kind; NFT_MSG_GET* is the next number, NFT_MSG_DEL* the one after that."""

_DUMPED = (CHAIN, OBJECT, FLOWTABLE, SET, RULE)
_ORDER = (TABLE, CHAIN, OBJECT, FLOWTABLE, SET, ELEMENTS, RULE)
"""Each kind after what it refers to."""

_LEFT_OUT = {
    TABLE: {3, 4, 5},  # use, handle, padding
    CHAIN: {2, 6, 8, 9},  # handle, use, counters of the policy, padding
    RULE: {3, 6, 8},  # handle, position, padding
    SET: {14, 16, 19, 20},  # padding, handle, the kernel's type, its count
    ELEMENTS: {4},  # number of a new set
    OBJECT: {5, 6, 7},  # use, handle, padding
    FLOWTABLE: {4, 5, 6},  # use, handle, padding
}

OWNER = 1
"""The attribute with the table that a message is about, in messages of every kind."""

NAME = {CHAIN: 3, RULE: 2, SET: 2, ELEMENTS: 2, OBJECT: 2, FLOWTABLE: 2}
"""The attribute with an object's own name; of a rule that of its chain, of elements that of their set."""

EXPRESSIONS, RULE_USERDATA = 4, 7
EXPRESSION, EXPRESSION_NAME, EXPRESSION_DATA = 1, 1, 2
OBJECT_TYPE = 3
SET_ID = 10
APPEND = 0x800
"""The flag of a new rule that comes last."""

_CHAIN_HOOK, _SET_FLAGS = 4, 3
_ANONYMOUS = 0x1
_VERDICT_ACCEPT = wire.attribute(1, bytes(4)) + wire.attribute(
    2 | wire.NLA_F_NESTED, wire.attribute(2 | wire.NLA_F_NESTED, wire.attribute(1, (1).to_bytes(4, "big")))
)
"""Data of the expression `immediate`: into the register of verdicts, the verdict NF_ACCEPT."""

_ELEMENT_LIST, _ELEMENT_FLAGS = 3, 3
_ELEMENT_TIMES = (4, 5)
"""An element's timeout, and the time until it expires."""
_TIMEOUT = wire.attribute(4, bytes(8))[:4]
"""What every such attribute begins with."""
Request = Tuple[int, int, bytes]
"""Kind, flags and attributes of one message of a transaction."""


@dataclass(frozen=True)
class TableMessage:
    """What makes one object. kind: NFT_MSG_NEW*."""

    kind: int
    attributes: bytes

    @property
    def by_type(self) -> dict[int, bytes]:
        """The attributes by type."""
        return wire.parse_attributes(self.attributes)

    @property
    def name(self) -> str:
        """The object's own name, see NAME; "" of a table."""
        return wire.text(self.by_type, NAME[self.kind]) if self.kind in NAME else ""

    def has(self, flags: int) -> bool:
        """Return whether a set has one of these flags."""
        return self.kind == SET and bool(int.from_bytes(self.by_type.get(_SET_FLAGS, b""), "big") & flags)

    @property
    def is_anonymous(self) -> bool:
        """Whether it is a set that belongs to a rule."""
        return self.has(_ANONYMOUS)

    @property
    def is_dynamic(self) -> bool:
        """Whether it is a set that packets fill."""
        return self.has(NFT_SET_EVAL)


@dataclass(frozen=True)
class TableSnapshot:
    """A table at one generation, in the order in which it can be made. family: its number in a message."""

    family: int
    messages: tuple[TableMessage, ...]
    generation: int = 0

    def of(self, kind: int) -> Iterator[TableMessage]:
        """Yield the messages of one kind."""
        return (message for message in self.messages if message.kind == kind)

    def to_bytes(self) -> bytes:
        """Return the messages as they would be sent."""
        return b"".join(wire.nft_message(each.kind, 0, 0, self.family, each.attributes) for each in self.messages)

    @property
    def base_chains(self) -> list[str]:
        """The chains that packets meet first."""
        return [each.name for each in self.of(CHAIN) if _CHAIN_HOOK in each.by_type]

    @property
    def owner(self) -> bytes:
        """The attribute that names the table."""
        (table,) = self.of(TABLE)
        return wire.attribute(OWNER, table.by_type[OWNER])


def from_bytes(data: bytes) -> TableSnapshot:
    """Return the snapshot in bytes that to_bytes returned; raise MalformedMessage for any others."""
    messages = wire.parse_messages(data)
    if not messages or any(len(each.payload) < 4 for each in messages):
        raise errors.MalformedMessage("netlink: these bytes are no table")
    return TableSnapshot(
        messages[0].payload[0], tuple(TableMessage(each.type & 0xFF, each.payload[4:]) for each in messages)
    )


def take(family: str, name: str, without: Collection[str] = ()) -> TableSnapshot | None:
    """Return a table, None when there is none. without: sets whose elements are left out, beside those of dynamic sets.

    Packets fill a dynamic set, with up to hundreds of thousands of elements, and `put` leaves it as it is.
    """
    number, action = wire.family_number(family), f"reading table {family} {name}"
    with Connection() as kernel:
        for _attempt in range(_ATTEMPTS):
            generation = read_settled_generation(kernel)
            try:
                messages = _read(kernel, action, number, wire.string_attribute(OWNER, name), without)
            except errors.NoSuchObject:
                messages = []
            if kernel.settled(action, generation):
                return TableSnapshot(number, tuple(messages), generation) if messages else None
    raise errors.from_errno(action, errno.EBUSY, f"{_ATTEMPTS} attempts")


def _read(kernel: Connection, action: str, family: int, owner: bytes, without: Collection[str]) -> list[TableMessage]:
    messages = [TableMessage(TABLE, _body(answer)) for answer in kernel.ask(action, TABLE + 1, family, owner)]
    for kind in _DUMPED:
        dumped = [TableMessage(kind, _body(answer)) for answer in kernel.dump(action, kind + 1, family, owner)]
        # Of some kinds, the kernel reports those of every table.
        messages += [each for each in dumped if each.attributes.startswith(owner)]
    for each in [each for each in messages if each.kind == SET and not each.is_dynamic and each.name not in without]:
        request = owner + wire.string_attribute(NAME[ELEMENTS], each.name)
        dump = kernel.dump(action, ELEMENTS + 1, family, request)
        messages += [TableMessage(ELEMENTS, _body(answer)) for answer in dump]
    messages.sort(key=lambda each: _ORDER.index(each.kind))
    return [replace(each, attributes=wire.without(each.attributes, _LEFT_OUT[each.kind])) for each in messages]


def _body(received: wire.Message) -> bytes:
    return received.payload[4:]


def put(
    snapshot: TableSnapshot, live: TableSnapshot | None = None, keep: Collection[str] = (), *, dry_run: bool = False
) -> None:
    """Make the snapshot the live table, in one transaction; raise NetlinkError when the kernel refuses it.

    live: the present table, None for whatever is there. With it, dynamic sets and those named by keep stay as they are
    where both tables declare them alike, and it is StaleGeneration when another program changed the ruleset since.
    dry_run: only ask whether it would be done.
    """
    kept = _kept(snapshot, live, keep) if live is not None else set()
    requests = list(_emptied(live, kept) if live is not None and kept else _deleted(snapshot))
    for number, each in enumerate(snapshot.messages, start=1):
        if (kept and each.kind == TABLE) or (each.kind in (SET, ELEMENTS) and each.name in kept):
            continue
        new = wire.attribute(SET_ID, number.to_bytes(4, "big")) if each.kind == SET else b""
        flags = wire.NLM_F_CREATE | (APPEND if each.kind == RULE else 0)
        requests.append((each.kind, flags, _as_taken(each) + new))
    commit("making a table again", snapshot.family, live.generation if live else 0, requests, dry_run=dry_run)


def _as_taken(each: TableMessage) -> bytes:
    """Return a message's attributes as the kernel takes them.

    In a set of intervals with a timeout it lists the ends of intervals with a timeout, too, and takes none for them.
    """
    if each.kind != ELEMENTS or _TIMEOUT not in each.attributes:
        return each.attributes

    def element(_kind: int, value: bytes) -> bytes:
        flags = wire.parse_attributes(value).get(_ELEMENT_FLAGS, b"")
        is_end = int.from_bytes(flags, "big") & INTERVAL_END
        return wire.without(value, _ELEMENT_TIMES) if is_end else value

    return wire.change(
        each.attributes, lambda kind, value: wire.change(value, element) if kind == _ELEMENT_LIST else value
    )


def insert_accept(live: TableSnapshot, comment: str) -> None:
    """Insert a rule that counts and accepts everything before the rules of every base chain, at any generation."""
    expressions = b"".join(
        wire.attribute(
            EXPRESSION | wire.NLA_F_NESTED,
            wire.string_attribute(EXPRESSION_NAME, name) + wire.attribute(EXPRESSION_DATA | wire.NLA_F_NESTED, data),
        )
        for name, data in (("counter", b""), ("immediate", _VERDICT_ACCEPT))
    )
    rule = wire.attribute(EXPRESSIONS | wire.NLA_F_NESTED, expressions)
    rule += wire.attribute(RULE_USERDATA, wire.userdata(0, comment.encode() + b"\0"))
    chains = [live.owner + wire.string_attribute(NAME[RULE], chain) for chain in live.base_chains]
    requests = [(RULE, wire.NLM_F_CREATE, chain + rule) for chain in chains]
    commit("inserting a rule", live.family, 0, requests)


def commit(action: str, family: int, generation: int, requests: Sequence[Request], *, dry_run: bool = False) -> None:
    """Send one transaction. generation: that it is pinned to, 0 for any."""
    with Connection() as kernel:
        first = kernel.reserve(len(requests) + 2)
        last = first + len(requests)
        parts = [wire.batch_begin(first, generation)]
        for seq, (kind, flags, attributes) in enumerate(requests, start=first + 1):
            # Only the last is acknowledged, or the answers to a large batch overflow the buffer.
            flags |= wire.NLM_F_ACK if seq == last else 0
            parts.append(wire.nft_message(kind, flags, seq, family, attributes))
        if not dry_run:
            parts.append(wire.batch_end(last + 1))
        for seq, answer in kernel.transact(action, parts, first, last):
            if answer.error == errno.EPERM and seq != first:
                raise errors.NetlinkError(f"{action}: the table is owned by another process [errno 1]", errno.EPERM)
            if answer.error:
                raise errors.from_errno(action, answer.error, answer.text or f"message {seq - first} of {last - first}")


def _deleted(snapshot: TableSnapshot) -> Iterator[Request]:
    """Yield the requests that remove the table, which is made first so that it is there."""
    yield TABLE, wire.NLM_F_CREATE, snapshot.owner
    yield TABLE + 2, 0, snapshot.owner


def _emptied(live: TableSnapshot, kept: Collection[str]) -> Iterator[Request]:
    """Yield the requests that remove everything in the table but the kept sets, references before their targets."""
    owner = live.owner
    yield RULE + 2, 0, owner
    for kind in (SET, CHAIN, OBJECT, FLOWTABLE):
        for each in live.of(kind):
            # Anonymous sets went with the rules that they belong to.
            if not each.is_anonymous and not (kind == SET and each.name in kept):
                object_type = wire.attribute(OBJECT_TYPE, each.by_type[OBJECT_TYPE]) if kind == OBJECT else b""
                yield kind + 2, 0, owner + wire.string_attribute(NAME[kind], each.name) + object_type


def _kept(snapshot: TableSnapshot, live: TableSnapshot, keep: Collection[str]) -> set[str]:
    """Return the sets to keep. Not maps: their elements refer to chains and objects that have to go."""
    if [*snapshot.of(TABLE)] != [*live.of(TABLE)]:
        return set()
    present = {each.name: each for each in live.of(SET)}
    return {
        each.name
        for each in snapshot.of(SET)
        if (each.is_dynamic or each.name in keep)
        and not each.has(NFT_SET_MAP | NFT_SET_OBJECT)
        and present.get(each.name) == each
    }
