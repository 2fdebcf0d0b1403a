# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table in nft's words, live or desired.

``canon`` and ``declaration`` are nft's text without state (counters, used quotas, remaining times), so two objects are
the same exactly when these are equal. ``text`` is the text that creates the object.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import Hook


@dataclass(frozen=True)
class NftElement:
    """An element. canon: key and options as nft lists them; key: names it in a deletion; text: canon with state."""

    canon: str
    key: str
    text: str
    where: str = ""


@dataclass(frozen=True)
class NftSet:
    """A set or map (kind). text: the lines that declare it.

    managed: whether the task names its elements. implicit: created and deleted with a rule that has a meter (nft 1.1).
    remarks: lines that a diff shows after the elements.
    """

    kind: Literal["set", "map"]
    name: str
    declaration: tuple[str, ...]
    text: tuple[str, ...]
    elements: tuple[NftElement, ...] = ()
    managed: bool = False
    implicit: bool = False
    where: str = ""
    remarks: tuple[str, ...] = ()

    def has(self, word: str) -> bool:
        """Whether a flag or a statement of one word (auto-merge, counter) is declared."""
        flags = [line[len("flags ") :].split(",") for line in self.declaration if line.startswith("flags ")]
        return word in self.declaration or any(word in words for words in flags)

    @property
    def statements(self) -> str:
        """The statements of each element, "" for none."""
        return next((line for line in self.declaration if line.startswith(tokens.STATEMENTS)), "")

    @property
    def timeout(self) -> str:
        """The line of the time after which its elements go, "" for none."""
        return next((line for line in self.declaration if line.startswith("timeout ")), "")


@dataclass(frozen=True)
class NftObject:
    """A counter, quota, limit or other stateful object. text: the lines that create it, state included."""

    kind: str
    name: str
    declaration: tuple[str, ...]
    text: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True)
class NftRule:
    """A rule; handle: the kernel's number of a live rule."""

    canon: str
    text: str
    handle: int | None = None
    where: str = ""


@dataclass(frozen=True)
class NftChain:
    """A chain; hook None: a regular one."""

    name: str
    hook: Hook | None = None
    comment: str | None = None
    rules: tuple[NftRule, ...] = ()
    where: str = ""


@dataclass(frozen=True)
class NftTable:
    """A table; flags: as nft lists them."""

    family: str
    name: str
    comment: str | None = None
    flags: str = ""
    objects: tuple[NftObject, ...] = ()
    sets: tuple[NftSet, ...] = ()
    chains: tuple[NftChain, ...] = ()
    where: str = ""

    def chain(self, name: str) -> NftChain | None:
        """Return the chain of that name, None when there is none."""
        return self._chains.get(name)

    def set(self, name: str) -> NftSet | None:
        """Return the set or map of that name, None when there is none."""
        return self._sets.get(name)

    def object(self, kind: str, name: str) -> NftObject | None:
        """Return the object of that kind and name, None when there is none."""
        return next((candidate for candidate in self.objects if (candidate.kind, candidate.name) == (kind, name)), None)

    # Dictionaries, because tables can have thousands of chains and sets.
    @cached_property
    def _chains(self) -> dict[str, NftChain]:
        return {chain.name: chain for chain in self.chains}

    @cached_property
    def _sets(self) -> dict[str, NftSet]:
        return {nft_set.name: nft_set for nft_set in self.sets}
