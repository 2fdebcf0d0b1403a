# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the module's parameters to its result."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from . import facts, needs, rules
from .host import Host

LOOKS: Mapping[str, Callable[[Host], Any]] = {"facts": facts.gather, "needs": needs.gather, "rules": rules.gather}

ARGUMENTS: dict[str, Any] = {
    "gather": {"type": "list", "elements": "str", "choices": list(LOOKS), "default": ["facts", "needs"]},
    "root": {"type": "str"},
}


def run(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was asked for, each under its own name; nothing here fails for what a host has."""
    host = Host(given["root"] or "")
    return {"changed": False, **{name: LOOKS[name](host) for name in given["gather"]}}
