# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the tables of the role's page from its argument specs and the tiers.

The page is roles/egress/README.md. Run it with --check to see whether the page is up to date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import tables
import yaml

ROOT = Path(__file__).resolve().parents[1]
ROLE = ROOT / "roles" / "egress"
PAGE = ROLE / "README.md"
TIERS = ROOT / "plugins" / "plugin_utils" / "policy" / "data" / "tiers"


def variables() -> str:
    """Return the variables of the role, with their defaults and descriptions."""
    options = _load(ROLE / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    rows = ([f"`{name}`", _default(option), _markdown(option["description"])] for name, option in options.items())
    return tables.table(["variable", "default", "meaning"], rows)


def tiers() -> str:
    """Return the tiers of the collection."""
    rows = ([f"`{path.stem}`", _load(path)["about"]] for path in sorted(TIERS.glob("*.yml")))
    return tables.table(["tier", "what it is"], rows)


def _default(option: dict[str, Any]) -> str:
    if "default" not in option:
        return ""
    value = option["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _markdown(description: str | list[str]) -> str:
    """Return a description in Markdown: Ansible's marks of code, values and options become code."""
    text = " ".join((description if isinstance(description, str) else " ".join(description)).split())
    text = re.sub(r"\bP\(([^)#]*)#\w+\)", r"`\1`", text)
    return re.sub(r"\b[CVO]\(([^)]*)\)", r"`\1`", text)


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(tables.main(PAGE, {"tiers": tiers, "variables": variables}, "argument specs and tiers"))
