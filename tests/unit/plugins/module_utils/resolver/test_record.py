# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record against whoever took over unbound: it is the resolver's user, so it can write anything into the file."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import resolver_document
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import status
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import record
from ansible_collections.tidegate.nftables.tests.support.resolver import DOCUMENT

HOSTILE: list[Any] = [
    {"alive": "soon", "written": {}, "refused": [1], "last": [], "names": 3, "others": None},
    {"alive": float("inf"), "written": 10**30, "refused": True, "problems": -1},
    {"last": {"name": "\x1b[2J\nconfirmed", "why": {"a": 1}}, "names": {"9.9.9.9": "\x1b]0;", "9.9.9.8": "a\nb"}},
    ["written"],
    "written",
]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(str(tmp_path))
    paths.resolver_document.parent.mkdir(parents=True)
    resolver_document.write(paths, json.dumps(DOCUMENT))
    paths.resolver_record.parent.mkdir(parents=True)
    return paths


@pytest.mark.parametrize("text", [*map(json.dumps, HOSTILE), "[" * 100_000, '{"alive": ' + "9" * 5000 + "}", "\x00"])
def test_whatever_the_file_holds_status_and_watcher_go_on(paths: Paths, text: str) -> None:
    paths.resolver_record.write_text(text)
    recorded = record.read(paths.resolver_record)
    numbers = [recorded.get(kind, 0) for kind in ("alive", "written", "refused", "problems", "unknown")]
    assert all(isinstance(number, int) and not isinstance(number, bool) for number in numbers)
    assert record.names(paths.resolver_record) == {}
    facts = resolver_document.facts(paths)
    assert facts is not None
    assert status.resolver_text(facts).isprintable()


def test_what_a_writer_recorded_is_read_back(paths: Paths) -> None:
    kept = record.Record(paths.resolver_record, lambda _line: None)
    kept.document = record.digest("document")
    kept.written("Api.example.net.", [socket.inet_aton("50.0.0.1")])
    kept.problem("api.example.net.", "the set is full")
    kept.alive(1_800_000_000.5)
    kept.save(now=True)
    read = record.read(paths.resolver_record)
    assert (read["document"], read["alive"]) == (record.digest("document"), 1_800_000_000)
    assert (read["written"], read["problems"], read["last"]["why"]) == (1, 1, "the set is full")
    assert record.names(paths.resolver_record) == {"50.0.0.1": "api.example.net"}


def test_a_name_takes_no_place_of_another_that_led_to_the_same_address(paths: Paths) -> None:
    """Any user can ask for a name of a zone of her own, and the address is whatever she likes."""
    kept = record.Record(paths.resolver_record, lambda _line: None)
    address = [socket.inet_aton("50.0.0.1")]
    for name in ("api.example.org.", "aaa.hostile.example.", "api.example.org.", *"abcdef"):
        kept.other(name, address)
    kept.other("one.example.", [socket.inet_aton("50.0.0.2")])
    kept.save(now=True)
    assert record.names(paths.resolver_record) == {"50.0.0.2": "one.example"}
    shown = record.names_for_people(paths.resolver_record)
    assert shown == {"50.0.0.1": "api.example.org or aaa.hostile.example or a", "50.0.0.2": "one.example"}
    # Where the policy has the name, no other one counts.
    kept.written("api.example.org.", address)
    kept.save(now=True)
    assert record.names(paths.resolver_record)["50.0.0.1"] == "api.example.org"
