# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters of a phase that comes without Ansible's module framework: as with it."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.run_module import ARGUMENTS, PHASES, with_defaults

_VALUES: dict[str, Any] = {"str": "text", "int": 7, "float": 1.5, "bool": True, "list": ["a"], "dict": {"a": 1}}


def drawn(spec: dict[str, Any], source: random.Random) -> dict[str, Any]:
    """Draw arguments of a specification: each may be missing, or null, where the framework lets it."""
    arguments = {}
    for name, about in spec.items():
        if not about.get("required") and source.random() < 0.5:
            continue
        value: Any = _VALUES[about["type"]]
        if "choices" in about:
            value = source.choice(list(about["choices"]))
        elif "options" in about:
            below = drawn(about["options"], source)
            value = [below, drawn(about["options"], source)] if about["type"] == "list" else below
        elif about.get("elements") == "dict":
            value = [{"a": 1}]
        elif about.get("elements") == "int":
            value = [1, 2]
        nullable = not about.keys() & {"required", "default", "choices"}
        arguments[name] = None if nullable and source.random() < 0.2 else value
    return arguments


@pytest.mark.parametrize("seed", range(100))
def test_parameters_are_those_that_the_framework_gives(seed: int) -> None:
    source = random.Random(seed)
    arguments = {**drawn(ARGUMENTS, source), "phase": source.choice(list(PHASES))}
    checked = ArgumentSpecValidator(copy.deepcopy(ARGUMENTS)).validate(copy.deepcopy(arguments))
    assert not checked.error_messages
    assert with_defaults(arguments) == checked.validated_parameters
