# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that a person reads, edits and commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from .draft import Draft


def text(found: Draft, host: str, topic: str, where: Sequence[str], *, live: bool) -> str:
    """Return the draft of one host as YAML with what has to be known about it as comments."""
    lines = [
        "---",
        f"# What the output rules of {host} let through, drafted from {', '.join(where) or 'nothing'}.",
        "# These rules are loaded." if live else "# These rules are in files and were not loaded.",
        "# Nothing here is wider than they are. Read it, give entries names and owners, then observe before enforcing.",
        *(f"# {one[0].upper()}{one[1:]}." for one in found.said),
    ]
    if found.unknown:
        lines += [
            "#",
            "# Not taken over, because it says more than entries can:",
            *(f"#   {one}" for one in found.unknown),
        ]
    lines.append(f"egress_allow_{topic}:" if found.entries else f"egress_allow_{topic}: []")
    for entry in found.entries:
        lines += _item(entry)
    for entry, why in found.held:
        lines += [f"  # Not as it is: {why}.", *(f"  #{line[1:]}" for line in _item(entry))]
    return "\n".join(lines) + "\n"


def _item(entry: Mapping[str, Any]) -> list[str]:
    dumped = yaml.safe_dump(dict(entry), sort_keys=False, default_flow_style=None, width=1000, allow_unicode=True)
    first, *rest = dumped.splitlines()
    return [f"  - {first}", *(f"    {line}" for line in rest)]
