# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trouble of the resolver is said once: when it begins, and by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program.names_watch import NamesWatch
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import resolver_document
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.record import Record
from ansible_collections.tidegate.nftables.tests.support.resolver import DOCUMENT


class World:
    """A host with a resolver's record, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths(str(folder))
        self.paths.resolver_document.parent.mkdir(parents=True)
        self.paths.resolver_record.parent.mkdir(parents=True)
        resolver_document.write(self.paths, json.dumps(DOCUMENT))
        self.record = Record(self.paths.resolver_record, lambda _line: None)
        self.now = 1000.0
        self.watch = NamesWatch(lambda: self.now)

    def look(self, seconds: float = 60.0, *, alive: float = 0.0) -> list[tuple[str, str]]:
        self.now += seconds
        if alive:
            self.record.alive(alive)
        self.record.save(now=True)
        return [(event.event, event.text) for event in self.watch.look(self.paths)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_resolver_that_answers_no_more_is_said_once_and_when_it_answers_again(world: World) -> None:
    assert world.look(alive=1_800_000_000) == []
    assert world.look(alive=1_800_000_060) == []
    assert world.look() == []
    assert [event for event, _text in world.look()] == ["resolver_silent"]
    assert world.look() == []
    assert world.look(alive=1_800_000_300) == [("resolver_answers", "the resolver of this host answers again")]
    # A host that was just started, and one whose resolver never did.
    world.watch = NamesWatch(lambda: world.now)
    world.paths.resolver_record.unlink()
    assert world.look() == []
    assert [event for event, _text in [*world.look(), *world.look()]] == ["resolver_silent"]


def test_a_name_whose_addresses_are_not_open_is_said_once(world: World) -> None:
    world.record.refused("Inside.example.", "10.0.0.1 is no address that it may lead to")
    text = "an answer was refused for the first time: inside.example: 10.0.0.1 is no address that it may lead to"
    assert world.look() == [("resolver_refused", text)]
    world.record.refused("inside.example.", "10.0.0.2 is no address that it may lead to")
    assert world.look(1) == []
    world.record.problem("api.example.", "the set is full")
    assert [event for event, _text in world.look(1)] == ["resolver_failed"]


def test_a_flood_of_names_is_a_few_entries(world: World) -> None:
    """Anyone on the host can ask for any number of names whose zones lead inside."""
    for number in range(500):
        world.record.refused(f"a{number}.example", "10.0.0.1 is no address that it may lead to")
    *single, more = world.look()
    assert len(single) == 10
    assert more == ("resolver_refused", "an answer was refused for the first time, of 190 more names")


def test_a_host_without_a_resolver_has_no_trouble_with_it(world: World) -> None:
    resolver_document.write(world.paths, "")
    world.record.refused("inside.example", "10.0.0.1")
    assert [*world.look(), *world.look(), *world.look()] == []
