# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab's DNS and time servers say."""

from __future__ import annotations

import struct
import time

import pytest

from ansible_collections.tidegate.nftables.playbooks.lab.labnet import answers
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.payload import dns_question, ntp_request

ZONE = {"web1.lab.internal": ["10.10.1.10", "fd12:3456:789a::1:10"], "*.cdn.example": ["192.52.193.30"]}


def ask(name: str, kind: int) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!2s5H", b"id", 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


@pytest.mark.parametrize(
    ("name", "kind", "status", "data"),
    [
        ("web1.lab.internal", 1, 0, bytes([10, 10, 1, 10])),
        ("WEB1.Lab.Internal", 28, 0, bytes.fromhex("fd123456789a00000000000000010010")),
        ("web1.lab.internal", 15, 0, None),
        ("web2.lab.internal", 1, 3, None),
        ("web1.example", 1, 3, None),
        ("a.b.cdn.example", 1, 0, bytes([192, 52, 193, 30])),
        ("cdn.example", 1, 3, None),
        ("xcdn.example", 1, 3, None),
    ],
)
def test_names_of_the_lab_have_their_addresses(name: str, kind: int, status: int, data: bytes | None) -> None:
    question = ask(name, kind)
    answer = answers.dns(question, ZONE)
    identifier, flags, questions, records = struct.unpack("!2s3H", answer[:8])
    assert (identifier, flags >> 15, flags & 0xF) == (b"id", 1, status)
    assert answer[12:].startswith(question[12:])
    assert (questions, records) == (1, 0 if data is None else 1)
    assert answer.endswith(data or question[12:])


def test_the_probes_question_has_an_answer() -> None:
    question = dns_question()
    assert answers.dns(question, ZONE)[:2] == question[:2]


@pytest.mark.parametrize("rubbish", [b"", b"short", b"\xff" * 12, b"\xff" * 40])
def test_rubbish_is_no_reason_to_stumble(rubbish: bytes) -> None:
    answer = answers.dns(rubbish, ZONE)
    assert answer == b"" or answer[3] & 0xF == 1
    assert answers.ntp(rubbish) == b""


def test_a_time_server_tells_the_time_and_repeats_the_request() -> None:
    request = ntp_request()
    answer = answers.ntp(request)
    assert (answer[0] & 0b111, answer[1], answer[24:32]) == (4, 2, request[40:48])
    (transmitted,) = struct.unpack("!I", answer[40:44])
    assert abs(transmitted - 2208988800 - time.time()) < 5
