# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One transaction about elements: its bytes, its way to the kernel, and what the kernel says of it."""

from __future__ import annotations

import errno
import struct
from typing import NamedTuple, Sequence

from . import errors, wire
from .connection import Connection
from .declaration import SetInfo
from .decode import assemble, decode_list
from .elements import INTERVAL_END, LIST_ELEMENTS, Element, address, after
from .errors import NetlinkError
from .literals import show_any

_BODY = wire.HEADER_LEN + 4


class Step(NamedTuple):
    """One message of a transaction: NFT_MSG_* about a set, flags, and attributes: of the set, or a list of elements."""

    target: SetInfo
    kind: int
    flags: int
    attributes: bytes


def commit(kernel: Connection, generation: int, steps: Sequence[Step], *, trial: bool = False) -> None:
    """Sends the steps as one transaction pinned to a generation; raises when the kernel did not do all of them.

    trial: leave out the end, without which the kernel tries everything, answers and puts all back, as for `nft -c`.
    """
    doing = "changing elements of " + ", ".join(dict.fromkeys(f"{s.family} {s.table} {s.name}" for s, *_rest in steps))
    first = kernel.reserve(len(steps) + 2)
    last = first + len(steps)
    parts = [wire.batch_begin(first, generation)]
    parts += [_message(step, first + 1 + place, last) for place, step in enumerate(steps)]
    if not trial:
        parts.append(wire.batch_end(last + 1))
    for seq, answer in kernel.transact(doing, parts, first, last):
        if answer.error == 0:
            continue
        if seq == first:
            raise errors.from_errno(doing, answer.error, answer.text)
        raise _refused(steps[seq - first - 1], parts[seq - first], answer)


def _message(step: Step, seq: int, last: int) -> bytes:
    """One step's message; only the last one is acknowledged, or the answers of a large batch overflow the buffer."""
    flags = step.flags | (wire.NLM_F_ACK if seq == last else 0)
    number = wire.family_number(step.target.family)
    return wire.nft_message(step.kind, flags, seq, number, address(step.target) + step.attributes)


def _refused(step: Step, sent: bytes, answer: wire.Answer) -> NetlinkError:
    """The error for one refused message, naming the element where the kernel points at it."""
    if step.kind == wire.NFT_MSG_NEWSET:
        return errors.from_errno(f"making {step.target}", answer.error, answer.text or "nothing was done")
    doing = "adding to" if step.kind == wire.NFT_MSG_NEWSETELEM else "deleting from"
    place = f"{doing} {step.target}: element {_element_at(step.target, sent, answer.offset)}"
    if answer.error == errno.EEXIST:
        return errors.AlreadyExists(f"{place} is there already or overlaps one that is; nothing was done", errno.EEXIST)
    if answer.error == errno.ENOENT:
        return errors.NoSuchObject(f"{place} is not there; nothing was done", errno.ENOENT)
    if answer.error == errno.EPERM:
        return NetlinkError(f"{place}: the table is owned by another process; nothing was done", errno.EPERM)
    if answer.error == errno.ENFILE:
        return NetlinkError(f"{place}: the set is full (size {step.target.size}); nothing was done", errno.ENFILE)
    return errors.from_errno(place, answer.error, answer.text or "nothing was done")


def _element_at(info: SetInfo, sent: bytes, offset: int) -> str:
    """The element whose attribute, or whose end's, begins at an offset of a message that we sent."""
    listed = wire.parse_attributes(sent[_BODY:]).get(LIST_ELEMENTS, b"")
    place = offset - len(sent) + len(listed)
    if not 0 <= place < len(listed):
        return "(the kernel does not say which)"
    length = struct.unpack_from("=H", listed, place)[0]
    raw = decode_list(info, listed[place : place + length])[0]
    for element in assemble(info, decode_list(info, listed)):
        if raw.key == (after(element.end) if raw.flags & INTERVAL_END else element.start):
            return show_any(info, element)
    return f"that reaches {show_any(info, Element(raw.key, raw.key))}"
