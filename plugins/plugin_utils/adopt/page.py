# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that a person reads, edits and commits."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.entry_yaml import list_item

from .draft import Draft


def text(draft: Draft, host: str, topic: str, where: Sequence[str], *, live: bool) -> str:
    """Return the draft of one host as YAML, with what a reader has to know about it as comments."""
    lines = [
        "---",
        f"# What the output rules of {host} let through, drafted from {printable(', '.join(where)) or 'nothing'}.",
        "# These rules are loaded." if live else "# These rules are in files and were not loaded.",
        "# No entry is wider than they are. Read them, name entries and owners, then observe before you enforce.",
        *(f"# {printable(sentence[0].upper() + sentence[1:])}." for sentence in draft.sentences),
    ]
    if draft.unknown:
        lines += [
            "#",
            "# Not drafted, because it says more than entries can:",
            *(f"#   {printable(rule)}" for rule in draft.unknown),
        ]
    lines.append(f"egress_allow_{topic}:" if draft.entries else f"egress_allow_{topic}: []")
    for entry in draft.entries:
        lines += list_item(entry)
    for entry, reason in draft.held:
        lines += [f"  # Held back: {printable(reason)}.", *(f"  #{line[1:]}" for line in list_item(entry))]
    return "\n".join(lines) + "\n"
