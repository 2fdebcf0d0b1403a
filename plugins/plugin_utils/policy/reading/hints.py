# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guesses for what a person meant: known wrong words first, then likeness."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles


def guess(word: str, known: Iterable[str], table: str = "") -> str | None:
    """The known word that was probably meant, or None. table: one of data/hints.yml."""
    known = sorted(known)
    if table:
        ours = datafiles.load("hints")[table].get(word.lower())
        if ours in known:
            return str(ours)
    close = get_close_matches(word.lower(), known, n=1, cutoff=0.7)
    return close[0] if close else None


def did_you_mean(word: str, known: Iterable[str], table: str = "") -> str:
    """A fix for an unknown word: the guess, or the choice when there are few, or nothing."""
    known = sorted(known)
    found = guess(word, known, table)
    if found is not None:
        return f"did you mean {found}?"
    return f"choose one of {', '.join(known)}" if 0 < len(known) <= 12 else ""
