# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which egress_* variables exist, and the errors about all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles

from . import hints

PREFIX = "egress_"


def topics(variables: Mapping[str, Any], prefix: str) -> list[str]:
    """Return the variables that begin with a prefix and go on, sorted: `topics(variables, "egress_allow_")`."""
    return sorted(str(name) for name in variables if name.startswith(prefix) and len(name) > len(prefix))


def check_known(report: ErrorReport, variables: Mapping[str, Any]) -> None:
    """Report each egress_* variable that nobody reads."""
    table = datafiles.load("variables")
    prefixes = tuple(name[:-1] for name in table if name.endswith("*"))
    known = {name: row.get("instead", name) for name, row in table.items() if not name.endswith("*")}
    for name in sorted(str(name) for name in variables if str(name).startswith(PREFIX)):
        instead = table.get(name, {}).get("instead")
        if instead:
            report.error(
                variable(name), "unknown variable", f"write {instead}, where TOPIC is a name such as your group's"
            )
        elif name not in known and not any(name.startswith(prefix) and name != prefix for prefix in prefixes):
            report.error(variable(name), "unknown variable", _fix(name, known, prefixes))


def _fix(name: str, known: Mapping[str, str], prefixes: tuple[str, ...]) -> str:
    for prefix in prefixes:
        # `egress_alow_app`: the beginning is a misspelt topic prefix when what stands before the topic is like it.
        depth = prefix.count("_")
        head, topic = "_".join(name.split("_")[:depth]) + "_", "_".join(name.split("_")[depth:])
        if topic and hints.guess(head, [prefix]):
            return f"did you mean {prefix}{topic}?"
    # The common beginning would make any two names look alike.
    stems = [known_name.removeprefix(PREFIX) for known_name in known]
    stem = name.removeprefix(PREFIX)
    close = hints.guess(stem, stems) or next((other for other in stems if stem and other.startswith(stem)), None)
    return f"did you mean {known[PREFIX + close]}?" if close else "look the variable up in docs/policy.md"
