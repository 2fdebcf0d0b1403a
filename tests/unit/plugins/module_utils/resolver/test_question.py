# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of servers, as bytes: what is read from them, and that no bytes lead anywhere else."""

from __future__ import annotations

import random
import socket
import struct

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import question
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.question import AAAA, A, Answer

NAME = b"\3api\7example\3com\0"
ASKED = NAME + struct.pack("!2H", A, 1)
POINTER = b"\xc0\x0c"
V4 = socket.inet_aton("50.0.0.1")


def record(owner: bytes, kind: int, data: bytes, ttl: int = 60, of_class: int = 1) -> bytes:
    return owner + struct.pack("!2HIH", kind, of_class, ttl, len(data)) + data


def parsed(*records: bytes, flags: int = 0x8180, asked: bytes = ASKED, kind: int = A) -> Answer:
    data = struct.pack("!6H", 7, flags, 1, len(records), 0, 0) + asked + b"".join(records)
    return question._parse(data, 7, asked, kind)


def test_addresses_of_the_name_and_of_its_chain_count() -> None:
    chain = record(POINTER, 5, b"\3cdn\3net\0", 20)
    answer = parsed(chain, record(b"\3CDN\3net\0", A, V4, 300), record(b"\5other\3net\0", A, b"\1\2\3\4"))
    assert answer == Answer(0, [(V4, 20)])


def test_other_types_classes_and_lengths_do_not_count() -> None:
    wrong = (record(POINTER, AAAA, bytes(16)), record(POINTER, A, V4, of_class=3), record(POINTER, A, b"\1\2"))
    assert parsed(*wrong) == Answer(0, [])


def test_a_chain_in_a_circle_ends() -> None:
    assert parsed(record(POINTER, 5, POINTER)) == Answer(0, [])


@pytest.mark.parametrize("name", [(b"\3abc" * 64) + b"\0", b"\3abc" + b"\xc0\x21"])
def test_a_name_that_is_too_long_or_leads_to_itself_is_damaged(name: bytes) -> None:
    with pytest.raises(IndexError):
        parsed(record(name, A, V4))


@pytest.mark.parametrize("flags", [0x0180, 0x8183])
def test_the_code_is_read_and_a_question_is_no_answer(flags: int) -> None:
    if flags & 0x8000:
        assert parsed(flags=flags) == Answer(question.NXDOMAIN, [])
    else:
        with pytest.raises(OSError, match="another question"):
            parsed(flags=flags)


def test_no_bytes_do_harm() -> None:
    source = random.Random(1)
    good = struct.pack("!6H", 7, 0x8180, 1, 1, 0, 0) + ASKED + record(POINTER, A, V4)
    for _turn in range(3000):
        damaged = bytearray(good)
        for _change in range(source.randint(1, 4)):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        data = bytes(damaged[: source.randint(0, len(damaged))])
        try:
            answer = question._parse(data, 7, ASKED, A)
        except (OSError, struct.error, IndexError):
            continue
        assert all(len(key) == 4 for key, _ttl in answer.records)
    assert question._parse(good, 7, ASKED, A).records == [(V4, 60)]
