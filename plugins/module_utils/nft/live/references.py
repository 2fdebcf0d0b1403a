# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the rules and elements that refer to a chain, set or object, by nft's text."""

from __future__ import annotations

import re
from typing import Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens

_SET = re.compile(r"@([^\s,;}]+)")
_COMMENT = re.compile(r'\bcomment "[^"]*"')


class References:
    """Objects that are deleted or created anew, and the rules and elements that refer to them."""

    def __init__(self, chains: Iterable[str], sets: Iterable[str], objects: Iterable[str]) -> None:
        self._chains = frozenset(chains)
        self._sets = frozenset(sets)
        self._objects = frozenset(objects)

    def __bool__(self) -> bool:
        return bool(self._chains or self._sets or self._objects)

    def in_text(self, canon: str) -> bool:
        """Whether a listed rule or element refers to one of them.

        In doubt yes: a rule that is moved aside without need comes back as it was, with its counters.
        """
        if not self:
            return False
        plain = _COMMENT.sub("", canon)
        blank = tokens.unquoted(plain)
        if any(name in self._chains for name in re.findall(r"\b(?:jump|goto) ([^\s,;}]+)", blank)):
            return True
        if any(name in self._sets for name in _SET.findall(blank)):
            return True
        return any(name in self._objects for name in re.findall(r'"([^"]*)"', plain))


def sets_in(canon: str) -> set[str]:
    """Return the names of the sets and maps that a listed rule refers to."""
    return set(_SET.findall(tokens.unquoted(_COMMENT.sub("", canon))))
