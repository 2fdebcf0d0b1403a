# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the policy says about one name."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.module_utils.domain_names import Pattern

from .document import Document, FedSet, Networks

_KEPT = 20_000
"""Names that are remembered; anyone on the host can ask for any number of them."""


class Meaning(NamedTuple):
    """sets: what its addresses go into, and by which name of the policy. inside: where it may lead inside.

    covered: whether it resolves in mode only.
    """

    sets: tuple[tuple[FedSet, Pattern], ...] = ()
    inside: tuple[Networks, ...] = ()
    covered: bool = False


class _Word(NamedTuple):
    """What the policy says about the names of one pattern: that they go into sets, or may lead inside, or resolve."""

    pattern: Pattern
    fed: FedSet | None
    inside: Networks | None


class Directory:
    """The meaning of every name, by dictionaries: a policy may have thousands."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._at: dict[str, list[_Word]] = {}
        self._below: dict[str, list[_Word]] = {}
        self._known: dict[str, Meaning] = {}
        for fed in document.sets:
            for pattern in fed.names:
                self._add(pattern, fed, None)
        for pattern, networks in document.inside:
            self._add(pattern, None, networks)
        for pattern in document.allow:
            self._add(pattern, None, None)

    def _add(self, pattern: Pattern, fed: FedSet | None, inside: Networks | None) -> None:
        if pattern.kind != domain_names.BELOW:
            self._at.setdefault(pattern.name, []).append(_Word(pattern, fed, inside))
        if pattern.kind != domain_names.EXACT:
            self._below.setdefault(pattern.name, []).append(_Word(pattern, fed, inside))

    def meaning(self, asked: str) -> Meaning:
        """Return what a name means. asked: as in a question, with or without a dot at its end."""
        known = self._known.get(asked)
        if known is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            known = self._known[asked] = self._look_up(asked.lower().rstrip("."))
        return known

    def _look_up(self, name: str) -> Meaning:
        words = list(self._at.get(name, ()))
        parent = name
        while "." in parent:
            parent = parent.partition(".")[2]
            words += self._below.get(parent, ())
        # The narrowest of an entry's names comes first, and counts.
        by_set = {word.fed: word.pattern for word in reversed(words) if word.fed is not None}
        return Meaning(
            tuple(by_set.items()), tuple(word.inside for word in words if word.inside is not None), bool(words)
        )
