# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only known keys of the known shape come out of a module's result."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import (
    COMMON,
    ModuleFailed,
    module_result,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shape import (
    DEPTH,
    FLAG,
    INTEGER,
    JSON,
    NUMBER,
    TEXT,
    TEXTS,
    Choice,
    ListOf,
    MapOf,
    OrNull,
    Record,
    ShapeError,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shapes import APPLIED, SHAPES
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import failure

SHAPE = Record(
    optional={
        "users": TEXTS,
        "counters": MapOf(INTEGER),
        "guard": OrNull(Record(required={"token": TEXT, "seconds": NUMBER}, optional={"live": FLAG})),
        "rules": ListOf(Choice("kind", {"ufw": Record({"text": TEXT}), "nft": Record({"objects": JSON})})),
    }
)


def test_keys_that_no_module_returns_are_left_out_at_every_level() -> None:
    result = {
        "changed": True,
        "ansible_facts": {"egress_tier": "database"},
        "_ansible_no_log": False,
        "add_host": {"host_name": "evil"},
        "guard": {"token": "a", "seconds": 60, "ansible_facts": {}},
        "rules": [{"kind": "ufw", "text": "-A", "objects": 1}],
    }
    assert module_result(result, SHAPE) == {
        "changed": True,
        "guard": {"token": "a", "seconds": 60},
        "rules": [{"kind": "ufw", "text": "-A"}],
    }


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ({"users": "root"}, "users is a text, expected a list"),
        ({"users": ["root", 7]}, "users[1] is a number, expected a text"),
        ({"counters": {"denied": True}}, "counters['denied'] is true or false, expected a whole number"),
        ({"counters": {"denied": 1.5}}, "counters['denied'] is a number, expected a whole number"),
        ({"counters": {"\x1b[2J\nok": ""}}, "counters['\\x1b[2J\\nok'] is a text, expected a whole number"),
        ({"counters": {3: 1}}, "a key of counters is a number, expected a text"),
        ({"guard": []}, "guard is a list, expected a mapping"),
        ({"guard": {"token": "a"}}, "guard.seconds is missing"),
        ({"guard": {"token": "a", "seconds": float("nan")}}, "guard.seconds is not a finite number"),
        ({"rules": [{"kind": "evil"}]}, "rules[0].kind is none of ufw, nft"),
        ({"changed": "yes"}, "changed is a text, expected true or false"),
        ({"msg": {"a": 1}}, "msg is a mapping, expected a text"),
        ({"diff": {"before": 1}}, "diff.before is a number, expected a text"),
        ({"warnings": [{"a": 1}]}, "warnings[0] is a mapping, expected a text"),
    ],
)
def test_a_value_of_another_shape_is_an_error_that_names_its_place(result: dict[Any, Any], error: str) -> None:
    with pytest.raises(ShapeError) as caught:
        module_result(result, SHAPE)
    assert str(caught.value) == error


def test_what_an_action_needs_must_be_there_unless_the_module_failed() -> None:
    with pytest.raises(ShapeError, match="guard is missing"):
        module_result({"changed": False}, SHAPE, needed=("guard",))
    assert module_result({"failed": True, "msg": "no"}, SHAPE, needed=("guard",)) == {"failed": True, "msg": "no"}


def test_json_is_copied_to_a_limited_depth() -> None:
    deep: Any = []
    for _level in range(DEPTH + 2):
        deep = [deep]
    with pytest.raises(ShapeError, match="levels deep"):
        module_result({"rules": [{"kind": "nft", "objects": deep}]}, SHAPE)
    with pytest.raises(ShapeError, match="objects is a set"):
        module_result({"rules": [{"kind": "nft", "objects": {1}}]}, SHAPE)


class Event:
    """What ansible-core 2.19 returns in place of a text."""

    def __init__(self, *texts: str) -> None:
        self.msg, self.formatted_traceback = texts[0], "Traceback"
        self.chain = type("Chain", (), {"event": Event(*texts[1:])}) if texts[1:] else None


def event(*texts: str) -> Any:
    return type("Summary", (), {"event": Event(*texts)})


def test_events_become_texts() -> None:
    result = {"failed": True, "warnings": ["a", event("b")], "exception": event("Module failed.", "no such file")}
    assert module_result(result, SHAPE) == {
        "failed": True,
        "msg": "Module failed: no such file.",
        "warnings": ["a", "b."],
        "exception": "Traceback",
    }


def test_a_failed_module_is_one_failure_with_its_own_reason() -> None:
    failed = failure(ModuleFailed({"failed": True, "msg": "no", "reason": "busy", "where": "tables[0]"}))
    assert failed == {"failed": True, "changed": False, "msg": "no", "reason": "busy", "where": "tables[0]"}
    assert failure(ModuleFailed({"failed": True}))["reason"] == "module_failed"


def generated(source: random.Random, depth: int = 0) -> Any:
    """Any value that a host could return, with the keys that our modules use more often than chance would."""
    keys = ("changed", "failed", "msg", "token", "kind", "ansible_facts", "changes", "guard", "results", "tables", "x")
    kinds = ["text", "int", "float", "bool", "none"] + ([] if depth > 4 else ["list", "dict"] * 2)
    choice = source.choice(kinds)
    if choice == "list":
        return [generated(source, depth + 1) for _number in range(source.randrange(3))]
    if choice == "dict":
        known = [key for shape in SHAPES.values() for key in shape.keys]
        names = [source.choice((*keys, *known)) for _number in range(source.randrange(5))]
        return {name: generated(source, depth + 1) for name in names}
    values = {"text": "\x1b[31m\n{{ x }}", "int": -(2**70), "float": float("inf"), "bool": True, "none": None}
    return values[choice]


@pytest.mark.parametrize("name", [*SHAPES, "applied"])
def test_whatever_a_host_returns_is_known_keys_or_one_error(name: str) -> None:
    shape = SHAPES.get(name, APPLIED)
    source = random.Random(name)
    accepted = 0
    for _run in range(3000):
        result = generated(source)
        try:
            copy = module_result(result, shape)
        except ShapeError:
            continue
        accepted += 1
        assert set(copy) <= {*COMMON, *shape.keys}
        assert "ansible_facts" not in json.dumps(copy)
    assert accepted > 10
