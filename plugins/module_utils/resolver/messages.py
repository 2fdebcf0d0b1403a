# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What unbound's module and the writer say to each other, one datagram each over a socket pair."""

from __future__ import annotations

import struct
from typing import NamedTuple

FRESH, CACHED, UNKNOWN, OTHER = 0, 1, 2, 3
"""An answer from the servers, one from unbound's cache, a name that mode only would not resolve, and an answer about a
name that the policy does not have. The last two have no reply.
"""

LARGEST = 1 << 16
"""Bytes of a datagram: more addresses than a DNS message holds."""

_HEAD = struct.Struct("=IBB")
_REPLY = struct.Struct("=I?")
_LENGTHS = (4, 16)


class Report(NamedTuple):
    """One report of the module. number: the reply repeats it. kind: one of those above. keys: the addresses."""

    number: int
    kind: int
    name: str
    keys: list[bytes]


def pack(report: Report) -> bytes:
    """Return the bytes of a report."""
    name = report.name.encode("ascii", "replace")
    parts = [_HEAD.pack(report.number, report.kind, len(name)), name]
    for key in report.keys:
        parts += [bytes((len(key),)), key]
    return b"".join(parts)


def unpack(data: bytes) -> Report:
    """Return the report in a datagram. Raise ValueError for anything else: its sender reads packets of strangers."""
    try:
        number, kind, length = _HEAD.unpack_from(data)
        place = _HEAD.size + length
        name, keys = data[_HEAD.size : place].decode("ascii"), []
        if not name.isprintable():
            raise ValueError
        while place < len(data):
            key = data[place + 1 : place + 1 + data[place]]
            if len(key) != data[place] or len(key) not in _LENGTHS:
                raise ValueError
            keys.append(key)
            place += 1 + len(key)
    except (struct.error, ValueError) as error:
        raise ValueError(f"a report of {len(data)} bytes that is none") from error
    return Report(number, kind, name, keys)


class Reply(NamedTuple):
    """The writer's reply. problem: why the answer must not leave, "" where it may. complete: every set has it now."""

    number: int
    problem: str
    complete: bool


def pack_reply(reply: Reply) -> bytes:
    """Return the bytes of a reply."""
    return _REPLY.pack(reply.number, reply.complete) + reply.problem.encode("utf-8", "replace")[:500]


def unpack_reply(data: bytes) -> Reply:
    """Return the reply in a datagram."""
    number, complete = _REPLY.unpack_from(data)
    return Reply(number, data[_REPLY.size :].decode("utf-8", "replace"), complete)
