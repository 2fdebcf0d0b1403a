# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the servers: which answers are written, for how long, and when a name is asked again."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import document, question
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.kernel import Writes
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.periodic import Asker
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.question import AAAA, A, Answer
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.record import Record
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.writer import Writer
from ansible_collections.tidegate.nftables.tests.support.resolver import API, DOCUMENT

NAME = "api.example.com"
V4, V6 = (ipaddress.ip_address(text).packed for text in ("50.0.0.1", "2600::1"))
PARSED = document.parse(
    {**DOCUMENT, "mode": "periodic", "servers": ["192.0.2.1", "192.0.2.2"], "sets": [{**API, "names": [NAME]}]}
)


@dataclass
class World:
    """Servers, sets and a clock."""

    answers: dict[tuple[str, int], Answer | None] = field(default_factory=dict)
    now: float = 1000.0
    ends: dict[bytes, float] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def ask(self, server: str, _name: str, kind: int, _seconds: float) -> Answer:
        self.asked.append((server, kind))
        answer = self.answers.get((server, kind))
        if answer is None:
            raise OSError("silent")
        return answer

    def write(self, writes: Writes) -> bool:
        for keys in writes.values():
            self.ends.update(dict.fromkeys(keys, self.now + PARSED.stay))
        return True


@pytest.fixture
def world() -> World:
    first, second = PARSED.servers
    return World({(first, A): Answer(0, [(V4, 60)]), (second, A): Answer(0, []), (first, AAAA): Answer(0, [(V6, 60)])})


@pytest.fixture
def asker(world: World, tmp_path_factory: pytest.TempPathFactory) -> Asker:
    record = Record(tmp_path_factory.mktemp("record") / "record.json", lambda _line: None)
    writer = Writer(PARSED, world, record)
    return Asker(PARSED, writer, lambda: world.now, world.ask)


def test_both_versions_are_asked_when_their_ttl_ends(world: World, asker: Asker) -> None:
    assert asker.round() == 60
    assert world.ends == {V4: 1000 + 3720, V6: 1000 + 3720}
    world.asked.clear()
    world.now += 59
    asker.round()
    assert not world.asked
    world.now += 1
    asker.round()
    assert world.asked == [(PARSED.servers[0], A), (PARSED.servers[0], AAAA)]


def test_the_next_server_is_asked_where_one_is_silent(world: World, asker: Asker) -> None:
    world.answers = {(PARSED.servers[1], A): Answer(0, [(V4, 60)])}
    asker.round()
    assert set(world.ends) == {V4}


def test_failures_keep_the_last_good_answer_of_each_version(world: World, asker: Asker) -> None:
    asker.round()
    world.answers = {(PARSED.servers[0], AAAA): Answer(question.NXDOMAIN, [])}
    world.now += 3000
    asker.round()
    assert world.ends == {V4: 4000 + 3720, V6: 1000 + 3720}


def test_a_short_ttl_is_not_asked_all_the_time_and_a_long_one_before_its_end(world: World, asker: Asker) -> None:
    server = PARSED.servers[0]
    world.answers[server, A], world.answers[server, AAAA] = Answer(0, [(V4, 1)]), Answer(0, [(V6, 86_400)])
    assert asker.round() == 30
    assert asker._due[NAME, AAAA] - world.now == PARSED.floor / 2
