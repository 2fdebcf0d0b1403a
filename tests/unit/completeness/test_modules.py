# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module documents is what it takes: options, their fields, and every key that the engine reads below them."""

from __future__ import annotations

import copy
import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.run_module import PHASES
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import arguments, parse, parse_single
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

PLUGINS = "ansible_collections.tidegate.nftables.plugins"
MODULES = sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py"))
ACTIONS = sorted(path.stem for path in (CHECKOUT / "plugins" / "action").glob("*.py"))
FIELDS = ("type", "default", "choices", "elements")
Options = Mapping[str, Mapping[str, Any]]


def documented(module: str) -> Options:
    """Return the options that a module documents, those of its fragments included."""
    text = yaml.safe_load(importlib.import_module(f"{PLUGINS}.modules.{module}").DOCUMENTATION)
    options = dict(text.get("options") or {})
    for fragment in text.get("extends_documentation_fragment", ()):
        if fragment.startswith("tidegate.nftables."):
            file, name = [*fragment.split(".")[2:], "documentation"][:2]
            loaded = importlib.import_module(f"{PLUGINS}.doc_fragments.{file}").ModuleDocFragment
            options.update(yaml.safe_load(getattr(loaded, name.upper())).get("options") or {})
    return options


class _SpecCaptured(Exception):
    """Carries the argument spec out of a module that has just begun."""


def accepted(module: str, monkeypatch: pytest.MonkeyPatch) -> Options:
    """Return the argument spec of a module; of a file that only documents an action, the action's."""
    loaded = importlib.import_module(f"{PLUGINS}.modules.{module}")
    if not hasattr(loaded, "main"):
        spec: Options = importlib.import_module(f"{PLUGINS}.action.{module}").ActionModule.ARGUMENTS
        return spec

    def capture(*_arguments: Any, argument_spec: Options, **_more: Any) -> None:
        raise _SpecCaptured(argument_spec)

    for target in (basic, loaded, *_callers()):
        if hasattr(target, "AnsibleModule"):
            monkeypatch.setattr(target, "AnsibleModule", capture)
    with pytest.raises(_SpecCaptured) as captured:
        loaded.main()
    argument_spec: Options = captured.value.args[0]
    return argument_spec


def _callers() -> Iterator[Any]:
    """Yield the files below module_utils that make an AnsibleModule for several modules."""
    for path in (CHECKOUT / "plugins" / "module_utils").glob("*/run_module.py"):
        yield importlib.import_module(f"{PLUGINS}.module_utils.{path.parent.name}.run_module")


def flat(options: Options, inner: str, above: str = "") -> dict[str, dict[str, Any]]:
    """Return the fields of every option by its path, such as tables[].sets[].name."""
    fields: dict[str, dict[str, Any]] = {}
    for name, option in options.items():
        path = f"{above}{name}"
        fields[path] = {field: option.get(field) for field in FIELDS}
        fields[path]["required"] = bool(option.get("required"))
        fields.update(flat(option.get(inner) or {}, inner, f"{path}[]." if option["type"] == "list" else f"{path}."))
    return fields


@pytest.mark.parametrize("module", MODULES)
def test_documentation_and_argument_spec_agree(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert flat(documented(module), "suboptions") == flat(accepted(module, monkeypatch), "options")


@pytest.mark.parametrize("module", MODULES)
def test_every_option_and_every_returned_key_is_described(module: str) -> None:
    def descriptions(options: Mapping[str, Any], inner: str) -> Iterator[tuple[str, Any]]:
        for name, option in options.items():
            yield name, option.get("description")
            yield from descriptions(option.get(inner) or {}, inner)

    returned = yaml.safe_load(importlib.import_module(f"{PLUGINS}.modules.{module}").RETURN) or {}
    rows = [*descriptions(documented(module), "suboptions"), *descriptions(returned, "contains")]
    assert [name for name, text in rows if not text] == []


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_use_documented_options(module: str) -> None:
    tasks = yaml.safe_load(importlib.import_module(f"{PLUGINS}.modules.{module}").EXAMPLES)
    uses = [task[f"tidegate.nftables.{module}"] for task in tasks if f"tidegate.nftables.{module}" in task]
    assert uses, "no example"
    assert {key for use in uses for key in use or {}} <= set(documented(module))


def test_the_guard_documents_each_of_its_phases() -> None:
    phase = documented("egress_guard")["phase"]
    assert phase["choices"] == list(PHASES)
    assert [name for name in PHASES if f"V({name})" not in " ".join(phase["description"])] == []


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_has_a_module_file_that_documents_it(action: str) -> None:
    assert action in MODULES


EVERYTHING: dict[str, Any] = {
    "name": "t",
    "counters": [{"name": "c"}],
    "quotas": [{"name": "q", "quota": "over 10 mbytes"}],
    "limits": [{"name": "l", "limit": "rate 10/second"}],
    "others": [{"kind": "ct helper", "name": "ftp", "text": 'type "ftp" protocol tcp'}],
    "sets": [{"name": "s", "type": "ipv4_addr", "elements": [{"value": "192.0.2.1"}]}],
    "maps": [{"name": "m", "type": "inet_service : verdict", "elements": [{"value": "443", "data": "accept"}]}],
    "chains": [{"name": "output", "rules": [{"rule": "accept", "users": ["root"]}]}],
    "max_removed": {"percent": 25},
}
"""A table in which every mapping that the parser reads occurs."""

OBJECT = {"family": "inet", "table": "t", "state": "present", "name": "o"}
PARSERS: Mapping[str, tuple[Callable[[Any], object], dict[str, Any]]] = {
    "nft_ruleset": (lambda task: parse.tables(task["tables"]), {"tables": [EVERYTHING]}),
    "nft_set": (parse_single.set_, {**OBJECT, "type": "ipv4_addr", "elements": [{"value": "192.0.2.1"}]}),
    "nft_map": (
        parse_single.map_,
        {**OBJECT, "type": "inet_service : verdict", "elements": [{"value": "443", "data": "accept"}]},
    ),
    "nft_chain": (parse_single.chain, {**OBJECT, "rules": [{"rule": "accept"}]}),
    "nft_element": (parse_single.element, {**OBJECT, "set": "s", "elements": [{"value": "192.0.2.1"}]}),
}
"""The parser of each module that takes mappings, and arguments in which each of them occurs."""


def parsed(module: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Return the keys that the engine reads of each mapping, by the mapping's path; "" is the task itself."""
    keys: dict[str, set[str]] = {}
    read = arguments.mapping

    def record(value: object, where: str, known: Any) -> dict[str, Any]:
        keys.setdefault(re.sub(r"\[\d+\]", "[]", where).lstrip("."), set()).update(known)
        return read(value, where, known)

    monkeypatch.setattr(arguments, "mapping", record)
    parser, task = PARSERS[module]
    parser(copy.deepcopy(task))
    return keys


@pytest.mark.parametrize("module", PARSERS)
def test_every_key_that_the_engine_reads_is_documented_and_no_other(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = parsed(module, monkeypatch)
    # The task of a module for one object need not offer all that can be written of such an object in a whole table.
    assert set(documented(module)) - set(OBJECT) <= keys.pop("", set(documented(module)))
    for path, known in keys.items():
        option = _option(documented(module), path)
        # A mapping without suboptions is described in words, each of its keys as C(key).
        below = option.get("suboptions") or set(re.findall(r"\bC\((\w+)\)", str(option["description"]))) & known
        assert set(below) == known, path


@pytest.mark.parametrize("module", PARSERS)
def test_the_engine_reads_every_mapping_that_is_documented(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = flat(documented(module), "suboptions")
    mappings = {f"{path}[]" for path, option in options.items() if option["elements"] in ("dict", "raw")}
    mappings |= {path for path, option in options.items() if option["type"] in ("dict", "raw")}
    assert mappings == set(parsed(module, monkeypatch)) - {""}


def _option(options: Options, path: str) -> Mapping[str, Any]:
    """Return the documentation of the option at a path."""
    option: Mapping[str, Any] = {"suboptions": options}
    for name in path.replace("[]", "").split("."):
        option = option["suboptions"][name]
    return option
