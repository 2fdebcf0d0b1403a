# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guesses what a person meant: known wrong words first, then likeness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles

DESTINATION_KEYS: Mapping[str, str] = {
    "group": "group:NAME",
    "groups": "group:NAME",
    "host": "hosts:PATTERN",
    "hosts": "hosts:PATTERN",
}
"""Keys of other tools for a destination that needs a prefix here, and the destination with it."""


def guess(word: str, known: Iterable[str], table: str = "") -> str | None:
    """Return the known word that was probably meant, or None. table: one of data/hints.yml."""
    choices = sorted(known)
    if table:
        hint = datafiles.load("hints")[table].get(word.lower())
        # What an entry about outbound traffic calls `to`, one about inbound traffic calls `from`.
        hint = "from" if hint == "to" and "to" not in choices else hint
        if hint in choices:
            return str(hint)
    close = get_close_matches(word.lower(), choices, n=1, cutoff=0.7)
    return close[0] if close else None


def did_you_mean(word: str, known: Iterable[str], table: str = "") -> str:
    """Return a fix for an unknown word: the guess, the choices where they are few, or ""."""
    choices = sorted(known)
    guessed = guess(word, choices, table)
    if guessed is not None:
        return f"did you mean {guessed}?"
    return f"write one of {', '.join(choices)}" if 0 < len(choices) <= 16 else ""
