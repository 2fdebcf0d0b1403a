# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which egress_* variables there are, and what is said about the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles

from . import hints

PREFIX = "egress_"


def topics(variables: Mapping[str, Any], prefix: str) -> list[str]:
    """The variables `<prefix><topic>`, sorted, such as `topics(variables, "egress_allow_")`."""
    return sorted(str(name) for name in variables if name.startswith(prefix) and len(name) > len(prefix))


def check_known(report: ErrorReport, variables: Mapping[str, Any]) -> None:
    """An error for each egress_* variable that nobody reads."""
    table = datafiles.load("variables")
    prefixes = tuple(name[:-1] for name in table if name.endswith("*"))
    known = {name: row.get("instead", name) for name, row in table.items() if not name.endswith("*")}
    for name in sorted(str(name) for name in variables if str(name).startswith(PREFIX)):
        instead = table.get(name, {}).get("instead")
        if instead:
            report.error(variable(name), "unknown variable", f"write {instead}, with a topic such as your group's name")
        elif name not in known and not any(name.startswith(prefix) and name != prefix for prefix in prefixes):
            report.error(variable(name), "unknown variable", _cure(name, known, prefixes))


def _cure(name: str, known: Mapping[str, str], prefixes: tuple[str, ...]) -> str:
    for prefix in prefixes:
        # `egress_alow_app`: the beginning is a misspelt topic prefix when what stands before the topic is like it.
        depth = prefix.count("_")
        head, topic = "_".join(name.split("_")[:depth]) + "_", "_".join(name.split("_")[depth:])
        if topic and hints.guess(head, [prefix]):
            return f"did you mean {prefix}{topic}?"
    # The common beginning would make any two names look alike.
    stems = [one.removeprefix(PREFIX) for one in known]
    stem = name.removeprefix(PREFIX)
    close = hints.guess(stem, stems) or next((one for one in stems if stem and one.startswith(stem)), None)
    return f"did you mean {known[PREFIX + close]}?" if close else "see docs/policy.md for the variables there are"
