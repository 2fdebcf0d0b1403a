# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the module's parameters to its result."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from . import facts, needs, output_rules
from .host_files import HostFiles

GATHERERS: Mapping[str, Callable[[HostFiles], Any]] = {
    "facts": facts.gather,
    "needs": needs.gather,
    "rules": output_rules.gather,
}

ARGUMENTS: dict[str, Any] = {
    "gather": {"type": "list", "elements": "str", "choices": list(GATHERERS), "default": ["facts", "needs"]},
    "root": {"type": "str"},
}


def run(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the arguments ask for, each under its own name. Nothing on the host makes it fail."""
    host = HostFiles(arguments["root"] or "")
    return {"changed": False, **{name: GATHERERS[name](host) for name in arguments["gather"]}}
