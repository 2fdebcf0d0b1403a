# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writer against what unbound's process may send: it reads packets of strangers, so anything."""

from __future__ import annotations

import errno
import ipaddress
import random
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import from_errno
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import document, messages, record
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.kernel import Writes
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.messages import Reply, Report
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.record import Record
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.shares import Shares
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.writer import Writer
from ansible_collections.tidegate.nftables.tests.support.resolver import DOCUMENT
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

V4, INSIDE, CORP = (ipaddress.ip_address(text).packed for text in ("50.0.0.1", "169.254.169.254", "10.1.1.1"))


class Sets:
    """Sets that keep what is written, or that are full, or that are not there yet."""

    def __init__(self) -> None:
        self.written: set[tuple[str, bytes]] = set()
        self.full = False
        self.exist = True

    def write(self, writes: Writes) -> bool:
        if self.full:
            raise from_errno("writing", errno.ENFILE)
        if self.exist:
            self.written |= {(name, key) for name, keys in writes.items() for key in keys}
        return self.exist


@pytest.fixture
def sets() -> Sets:
    return Sets()


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("record") / "record.json"


@pytest.fixture
def writer(sets: Sets, path: Path) -> Writer:
    return Writer(document.parse(DOCUMENT), sets, Record(path, lambda _line: None))


def said(writer: Writer, name: str, *keys: bytes, kind: int = messages.FRESH) -> str:
    reply = writer.handle(messages.pack(Report(9, kind, name, list(keys))))
    assert reply is not None
    number, problem, _complete = messages.unpack_reply(reply)
    assert number == 9
    return problem


def test_an_answer_is_written(writer: Writer, sets: Sets) -> None:
    assert not said(writer, "x.example.net.", V4)
    assert not said(writer, "db.corp.example.", CORP)
    assert sets.written == {("names_api4", V4), ("names_corp4", CORP)}


@pytest.mark.parametrize(
    ("name", "key"), [("x.example.net.", INSIDE), ("db.corp.example.", V4), ("other.example.org.", V4)]
)
def test_what_the_policy_does_not_say_is_not_written(writer: Writer, sets: Sets, name: str, key: bytes) -> None:
    assert "may lead to" in said(writer, name, key)
    assert not sets.written


def test_an_answer_earlier_than_its_set_is_written_once_the_set_exists(writer: Writer, sets: Sets) -> None:
    sets.exist = False
    names = [f"x{number}.example.net." for number in range(5000)]
    early = [writer.handle(messages.pack(Report(9, messages.FRESH, name, [V4]))) for name in names]
    assert {messages.unpack_reply(reply or b"") for reply in early} == {Reply(9, "", complete=False)}
    writer.retry()
    assert not sets.written
    sets.exist = True

    def written() -> bool:
        writer.retry()
        return bool(sets.written)

    wait_for(written, "the next try")
    assert sets.written == {("names_api4", V4)}


def test_a_full_set_is_said(writer: Writer, sets: Sets, path: Path) -> None:
    sets.full = True
    assert said(writer, "x.example.net.", V4)
    writer.record.save(now=True)
    assert record.read(path)["problems"] == 1


def test_no_bytes_do_harm(writer: Writer, sets: Sets) -> None:
    source = random.Random(2)
    good = messages.pack(Report(1, messages.FRESH, "x.example.net.", [V4]))
    for _turn in range(3000):
        damaged = bytearray(good)
        damaged[source.randrange(len(damaged))] = source.randrange(256)
        writer.handle(bytes(damaged[: source.randint(0, len(damaged))]))
    assert all(name == "names_api4" for name, _key in sets.written)


def test_what_another_user_wrote_is_read_with_care(path: Path) -> None:
    assert record.read(path) == {}
    path.write_text("[1]")
    assert record.read(path) == {}
    target = path.with_name("elsewhere")
    target.write_text('{"written": 1}')
    path.unlink()
    path.symlink_to(target)
    assert record.read(path) == {}


def test_names_of_others_are_kept_apart_and_are_names(writer: Writer, path: Path) -> None:
    """Anyone on the host can ask for any number of names, and fill no set and push out no name of the policy."""
    said(writer, "N1.example.net.", V4)
    for number in range(6000):
        key = ipaddress.ip_address(0x3C000000 + number).packed
        assert writer.handle(messages.pack(Report(0, messages.OTHER, f"x{number}.example.org.", [key]))) is None
    writer.handle(messages.pack(Report(0, messages.OTHER, "x<b>.example.org.", [CORP])))
    writer.handle(messages.pack(Report(0, messages.OTHER, "evil.example.org.", [V4])))
    writer.record.save(now=True)
    names = record.names(path)
    assert names["50.0.0.1"] == "n1.example.net"
    assert names["60.0.23.111"] == "x5999.example.org"
    assert "10.1.1.1" not in names
    assert 4000 < len(names) <= 5001
    assert path.stat().st_mode & 0o007 == 0


def test_a_record_that_somebody_spoiled_has_no_names(path: Path) -> None:
    for text in ("", "[]", '{"names": 5, "others": {"1.1.1.1": 7, "1.1.1.2": "a\\u001b[2J"}}'):
        path.write_text(text)
        assert record.names(path) == {}


def test_a_name_begins_no_line_of_the_journal(sets: Sets, path: Path) -> None:
    lines: list[str] = []
    writer = Writer(document.parse(DOCUMENT), sets, Record(path, lines.append))
    assert (
        writer.handle(messages.pack(Report(9, messages.FRESH, "api.example.net\nconfirmed by root", [INSIDE]))) is None
    )
    assert all(line.isprintable() for line in lines)
    assert sets.written == set()


def test_the_owner_of_one_name_leaves_room_for_the_others_of_the_entry(sets: Sets, path: Path) -> None:
    (api, corp) = DOCUMENT["sets"]
    names = ["*.hostile.example", "good.example", *(f"n{number}.example" for number in range(20))]
    many = {**DOCUMENT, "sets": [{**api, "names": names}, corp]}
    parsed = document.parse(many)
    now = 0.0
    kept = Record(path, lambda _line: None)
    shares = Shares(lambda: now)
    writer = Writer(parsed, sets, kept, shares)

    def opened(count: int, first: int = 0x32000000) -> int:
        """Ask for names below the hostile one, each with an address of its own; how many were opened."""
        return sum(
            not said(writer, f"n{number}.hostile.example.", ipaddress.ip_address(first + number).packed)
            for number in range(count)
        )

    share = 4096
    assert opened(share + 10) == share
    assert not said(writer, "good.example.", V4)
    # What it has is renewed and no more, by the writer after a reload too.
    now = 1.0
    writer = Writer(parsed, sets, kept, shares)
    assert opened(share + 10) == share
    kept.save(now=True)
    assert f"all of its share of the entry's addresses ({share})" in record.read(path)["last"]["why"]
    # Its addresses end, and others find room.
    now += parsed.stay + 1
    assert opened(10, first=0x33000000) == 10


def test_an_only_name_has_the_whole_set(sets: Sets, path: Path) -> None:
    (api, corp) = DOCUMENT["sets"]
    alone = document.parse({**DOCUMENT, "sets": [{**api, "names": ["*.example.net"]}, corp]})
    writer = Writer(alone, sets, Record(path, lambda _line: None))
    keys = [ipaddress.ip_address(0x32000000 + number).packed for number in range(65535)]
    assert not any(said(writer, "a.example.net.", *keys[at : at + 100]) for at in range(0, len(keys), 100))
