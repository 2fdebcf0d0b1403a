# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers with their nouns, for every sentence that the controller prints."""

from __future__ import annotations


def count(number: int, singular: str, plural: str = "") -> str:
    """Return `1 host` or `3 hosts`. plural: for nouns whose plural is not the singular with an s."""
    return f"{number} {noun(number, singular, plural)}"


def noun(number: int, singular: str, plural: str = "") -> str:
    """Return the noun alone, in the number that fits."""
    return singular if number == 1 else plural or f"{singular}s"
