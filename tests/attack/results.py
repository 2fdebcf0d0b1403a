# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One hostile host that answers modules as it likes: what its answers do to other hosts, to screens and to drafts.

Run as a program, it prints the figures: ``python -m ansible_collections.tidegate.nftables.tests.attack.results 10000``.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shape import (
    Choice,
    Json,
    ListOf,
    MapOf,
    OneOf,
    OrNull,
    Record,
    Scalar,
    Shape,
    Within,
    Word,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shapes import GUARD_ANSWER, SHAPES, UNCHANGED
from ansible_collections.tidegate.nftables.tests.support.controller import Controller

HOSTILE, OTHER = "evil1", "app1"
ACTIONS: Mapping[str, Mapping[str, Any]] = {
    "egress_adopt": {"dest": "drafts"},
    "egress_allow_once": {"to": ["10.0.0.9"], "services": ["https"], "hours": 1, "reason": "a test"},
    "egress_apply": {},
    "egress_emergency": {"state": "end"},
    "egress_evidence": {},
    "egress_flows_info": {},
    "egress_preflight": {},
    "egress_prove": {},
    "egress_proxy": {},
    "egress_proxy_log": {},
    "egress_report": {},
    "egress_review": {},
    "egress_rollback": {},
    "egress_status": {},
    "egress_suggest": {},
    "egress_verify": {},
    "nft_ruleset": {"tables": []},
}
"""Every action that runs a module on a host, with its arguments."""

TEXTS = (
    "\x1b]0;owned\x07\x1b[2J",
    "x\negress_mode: absent\negress_allow_all: [{to: any}]",
    "x\r\negress_mode: absent",
    "x\u2028egress_mode: absent\x85egress_tier: build",
    "\u202eevil\u2066",
    "{{ lookup('pipe', 'id') }}",
    "../../../../etc/passwd",
    "<script>alert(1)</script>| |`",
    "\ud800",
    "x" * 100_000,
    "",
    "tidegate",
    "8.8.8.8",
)
JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**70,
    float("inf"),
    float("nan"),
    [],
    {},
    [[]],
    {"": {}},
    b"x",
    {1: 2},
    *TEXTS,
)
EXTRA: Mapping[str, Any] = {
    "ansible_facts": {"egress_addresses": ["8.8.8.8"], "egress_tier": "database", "egress_allow_x": [{"to": ["any"]}]},
    "_ansible_facts": {"egress_mode": "absent"},
    "_ansible_no_log": True,
    "_ansible_notify": ["reboot"],
    "add_host": {"host_name": "evil2", "groups": ["database"], "host_vars": {"egress_addresses": ["8.8.8.8"]}},
    "add_group": "database",
    "exception": "\x1b[2JTraceback",
    "warnings": ["\x1b[2J", 7],
    "deprecations": [{"msg": "\x1b[2J"}],
    "diff": {"before": "\x1b[2J", "after": "\x9b2J"},
    "msg": "\x1b]0;owned\x07",
    "failed": True,
    "unreachable": True,
    "skipped": True,
    "rc": "0",
}


@dataclass
class Figures:
    """What must be 0 in the end, except ``results``."""

    results: int = 0
    tables_of_others_changed: int = 0
    tasks_of_others_failed: int = 0
    control_characters_printed: int = 0
    live_lines_in_drafts: int = 0
    tracebacks: int = 0


def inventory() -> dict[str, Any]:
    """Return an inventory in which the other host's policy names the hostile one."""
    entry = {"name": "db", "to": ["hosts:database"], "services": ["https"], "reason": "data", "owner": "dba"}
    common = {"egress_mode": "observe", "egress_internal_networks": ["10.0.0.0/8"], "egress_dns_servers": ["10.0.0.53"]}
    app = {"hosts": {OTHER: {"ansible_host": "10.0.0.1"}}, "vars": {"egress_tier": "app", "egress_allow_app": [entry]}}
    database = {"hosts": {HOSTILE: {"ansible_host": "10.0.0.2"}}, "vars": {"egress_tier": "database"}}
    return {"all": {"vars": common, "children": {"app": app, "database": database}}}


def attack(number: int, seed: int, directory: Path) -> Figures:
    """Return the figures of so many generated results. directory: empty; drafts are written to it."""
    chosen = random.Random(seed)
    controller = Controller(directory, inventory())
    before = controller.run(OTHER, "egress_policy")
    figures = Figures()
    for action, arguments in _turns(number):
        figures.results += 1
        if "dest" in arguments:
            arguments = {**arguments, "dest": str(directory / "drafts")}
        _one(controller, action, arguments, chosen, figures)
    figures.tables_of_others_changed += controller.run(OTHER, "egress_policy") != before
    return figures


def _turns(number: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    turns = list(ACTIONS.items())
    return (turns[index % len(turns)] for index in range(number))


def _one(
    controller: Controller, action: str, arguments: Mapping[str, Any], chosen: random.Random, figures: Figures
) -> None:
    """Run one action on the hostile host, and what the other host runs after it."""
    controller.printed.clear()
    try:
        result = controller.run(
            HOSTILE, action, arguments, lambda module, _arguments: answer(module, chosen), connection="local"
        )
    except Exception as error:  # noqa: BLE001  # any traceback is what this counts
        figures.tracebacks += 1
        result = {"failed": True, "msg": repr(error)}
    # As ansible-core does with what an action returns.
    facts = result.get("ansible_facts")
    figures.tables_of_others_changed += bool(facts) or "add_host" in result or "add_group" in result
    controller.variables.set_nonpersistent_facts(HOSTILE, {"__egress_apply": result})
    controller.variables.set_nonpersistent_facts(OTHER, {"__egress_apply": {}})
    try:
        summary = controller.run(OTHER, "egress_summary")
        figures.tasks_of_others_failed += bool(summary.get("failed"))
    except Exception:  # noqa: BLE001
        figures.tasks_of_others_failed += 1
    figures.control_characters_printed += sum(map(_controls, [*controller.printed, *_texts(result)]))
    draft = Path(str(arguments.get("dest", "")), f"{HOSTILE}.yml")
    if arguments.get("dest") and draft.exists():
        figures.live_lines_in_drafts += live_lines(draft.read_text(encoding="utf-8"))
        draft.unlink()


def live_lines(draft: str) -> int:
    """Return how many variables of a draft are not the list of entries that a draft has."""
    try:
        loaded = yaml.safe_load(draft)
    except yaml.YAMLError:
        return 1
    return len(loaded.keys() - {"egress_allow_adopted"}) if isinstance(loaded, dict) else 1


def answer(module: str, chosen: random.Random) -> Any:
    """Return what the hostile host answers for a module: mostly of the right shape, so that it is read further."""
    if chosen.random() < 0.05:
        return chosen.choice(JUNK)
    # By that module, files of the guard are sent alone: the question, and what runs a phase by the host's program.
    shape = chosen.choice((UNCHANGED, GUARD_ANSWER)) if module == "egress_apply" else SHAPES.get(module)
    made = value(shape, chosen) if shape is not None else {}
    if not isinstance(made, dict):
        return made
    for name in chosen.sample(sorted(EXTRA), chosen.randint(0, 3)):
        made[name] = EXTRA[name]
    return made


def value(shape: Shape, chosen: random.Random, depth: int = 0) -> Any:
    """Return a value of a shape with hostile texts; one in 500 is of another shape."""
    if chosen.random() < 0.002:
        return chosen.choice(JUNK)
    if isinstance(shape, OrNull):
        return None if chosen.random() < 0.3 else value(shape.shape, chosen, depth)
    if isinstance(shape, OneOf):
        return value(chosen.choice(shape.shapes), chosen, depth)
    if isinstance(shape, Json):
        return _json(chosen, depth)
    return _single(shape, chosen) if isinstance(shape, (Scalar, Within, Word)) else _many(shape, chosen, depth + 1)


def _many(shape: Shape, chosen: random.Random, depth: int) -> Any:
    if isinstance(shape, ListOf):
        return [value(shape.shape, chosen, depth) for _time in range(chosen.randint(0, 2))]
    if isinstance(shape, MapOf):
        return {chosen.choice(TEXTS): value(shape.shape, chosen, depth) for _time in range(chosen.randint(0, 2))}
    if isinstance(shape, Choice):
        kind = chosen.choice(sorted(shape.records))
        return {shape.key: kind, **_many(shape.records[kind], chosen, depth)}
    if not isinstance(shape, Record):
        raise TypeError(shape)
    keys = {**shape.required, **{key: inner for key, inner in shape.optional.items() if chosen.random() < 0.8}}
    return {key: value(inner, chosen, depth) for key, inner in keys.items()}


def _single(shape: Scalar | Within | Word, chosen: random.Random) -> Any:
    if isinstance(shape, Word):
        return chosen.choice(shape.words)
    if isinstance(shape, Within):
        return chosen.choice((0, 1, 1.5e9, 1.75e9, shape.high, shape.high + 1))
    return chosen.choice(TEXTS) if str in shape.types else _number(shape, chosen)


def _number(shape: Scalar, chosen: random.Random) -> Any:
    return chosen.random() < 0.5 if bool in shape.types else chosen.choice((0, 1, -1, 53, 2**40))


def _json(chosen: random.Random, depth: int) -> Any:
    words = ("rule", "chain", "match", "accept", "ip", "tcp", "dport", "output", "comment", "expr", "left", "right")
    if depth > 8 or chosen.random() < 0.5:
        return chosen.choice((*TEXTS, *words, 1, 443, None, True))
    if chosen.random() < 0.5:
        return [_json(chosen, depth + 1) for _time in range(chosen.randint(0, 3))]
    return {chosen.choice(words): _json(chosen, depth + 1) for _time in range(chosen.randint(0, 3))}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(key)
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


def _controls(text: str) -> int:
    return sum(not letter.isprintable() and letter not in "\n\t" for letter in text)


def main() -> int:
    """Print the figures; exit 1 when one that must be 0 is not."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        figures = attack(number, 1, Path(directory))
    for field in fields(figures):
        sys.stdout.write(f"{field.name.replace('_', ' ')}: {getattr(figures, field.name)}\n")
    return int(any(value for name, value in asdict(figures).items() if name != "results"))


if __name__ == "__main__":
    sys.exit(main())
