# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rules and elements refer to a chain, set or object, judged from nft's own words."""

from __future__ import annotations

import re
from typing import Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens

_SET = re.compile(r"@([^\s,;}]+)")
_COMMENT = re.compile(r'\bcomment "[^"]*"')


class References:
    """The things that will go or be made anew, and who must step aside for it."""

    def __init__(self, chains: Iterable[str], sets: Iterable[str], objects: Iterable[str]) -> None:
        self._chains = frozenset(chains)
        self._sets = frozenset(sets)
        self._objects = frozenset(objects)

    def __bool__(self) -> bool:
        return bool(self._chains or self._sets or self._objects)

    def in_text(self, canon: str) -> bool:
        """Whether a listed rule or element refers to one of them.

        Rather yes than no: a rule that stepped aside for nothing comes back as it was, with its counters.
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
