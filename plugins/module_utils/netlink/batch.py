# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One transaction about elements: its bytes, how it is sent, and what the kernel answers."""

from __future__ import annotations

import errno
import struct
from typing import NamedTuple, Sequence

from . import errors, wire
from .connection import Connection
from .declaration import SetInfo
from .decode import assemble, decode_list
from .elements import INTERVAL_END, LIST_ELEMENTS, Element, next_key, set_reference
from .errors import NetlinkError
from .text import show_any

_BODY = wire.HEADER_LEN + 4
_UNCHANGED = "nothing was changed"


class SetMessage(NamedTuple):
    """One message of a transaction: NFT_MSG_* about a set, flags, and attributes: of the set, or a list of elements."""

    target: SetInfo
    kind: int
    flags: int
    attributes: bytes


def commit(kernel: Connection, generation: int, messages: Sequence[SetMessage], *, dry_run: bool = False) -> None:
    """Send the messages as one transaction pinned to a generation; raise when the kernel did not do all of them.

    dry_run: leave out the end, so that the kernel tries everything, answers and rolls back, as for `nft -c`.
    """
    names = dict.fromkeys(
        f"{message.target.family} {message.target.table} {message.target.name}" for message in messages
    )
    action = f"changing elements of {', '.join(names)}"
    first = kernel.reserve(len(messages) + 2)
    last = first + len(messages)
    parts = [wire.batch_begin(first, generation)]
    parts += [_encode(message, seq, last) for seq, message in enumerate(messages, start=first + 1)]
    if not dry_run:
        parts.append(wire.batch_end(last + 1))
    for seq, answer in kernel.transact(action, parts, first, last):
        if answer.error == 0:
            continue
        if seq == first:
            raise errors.from_errno(action, answer.error, answer.text)
        raise _rejection(messages[seq - first - 1], parts[seq - first], answer)


def _encode(message: SetMessage, seq: int, last: int) -> bytes:
    """Return a message's bytes; only the last is acknowledged, or the answers to a large batch overflow the buffer."""
    flags = message.flags | (wire.NLM_F_ACK if seq == last else 0)
    number = wire.family_number(message.target.family)
    return wire.nft_message(message.kind, flags, seq, number, set_reference(message.target) + message.attributes)


def _rejection(message: SetMessage, sent: bytes, answer: wire.KernelAnswer) -> NetlinkError:
    """Return the error for a message that the kernel rejects, with the element where the kernel points at it."""
    if message.kind == wire.NFT_MSG_NEWSET:
        return errors.from_errno(f"making {message.target}", answer.error, answer.text or _UNCHANGED)
    verb = "adding to" if message.kind == wire.NFT_MSG_NEWSETELEM else "deleting from"
    action = f"{verb} {message.target}: element {_element_at(message.target, sent, answer.offset)}"
    if answer.error == errno.EEXIST:
        return errors.AlreadyExists(f"{action} exists already or overlaps an existing one; {_UNCHANGED}", errno.EEXIST)
    if answer.error == errno.ENOENT:
        return errors.NoSuchObject(f"{action} does not exist; {_UNCHANGED}", errno.ENOENT)
    if answer.error == errno.EPERM:
        return NetlinkError(f"{action}: the table is owned by another process; {_UNCHANGED}", errno.EPERM)
    if answer.error == errno.ENFILE:
        return NetlinkError(f"{action}: the set is full (size {message.target.size}); {_UNCHANGED}", errno.ENFILE)
    return errors.from_errno(action, answer.error, answer.text or _UNCHANGED)


def _element_at(info: SetInfo, sent: bytes, offset: int) -> str:
    """Return the element whose attribute, or whose end's attribute, begins at an offset of a message."""
    encoded = wire.parse_attributes(sent[_BODY:]).get(LIST_ELEMENTS, b"")
    start = offset - len(sent) + len(encoded)
    if not 0 <= start < len(encoded):
        return "(the kernel does not say which)"
    length = struct.unpack_from("=H", encoded, start)[0]
    raw = decode_list(info, encoded[start : start + length])[0]
    for element in assemble(info, decode_list(info, encoded)):
        if raw.key == (next_key(element.end) if raw.flags & INTERVAL_END else element.start):
            return show_any(info, element)
    return f"that reaches {show_any(info, Element(raw.key, raw.key))}"
