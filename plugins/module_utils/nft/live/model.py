# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table as nft lists it: what the kernel has, and what it shall have.

The same types hold both. ``canon`` and ``declaration`` are nft's own words without state (counters, used quotas, time
left), so two things are the same exactly when these are equal. ``text`` is what to send to make the thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import Hook


@dataclass(frozen=True)
class NftElement:
    """canon: key and options as nft lists them; key: what a delete names; text: canon with its state."""

    canon: str
    key: str
    text: str
    where: str = ""


@dataclass(frozen=True)
class NftSet:
    """A set or map (kind). elements None: nobody asked. text: lines to declare it with.

    managed: whether elements were asked for at all. implicit: comes and goes with a rule that has a meter (nft 1.1).
    remarks: lines that a diff shows after the elements.
    """

    kind: str
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
        return word in self.declaration or any(word in found for found in flags)

    @property
    def statements(self) -> str:
        """What each element counts or limits, "" for nothing."""
        return next((line for line in self.declaration if line.startswith(tokens.STATEMENTS)), "")


@dataclass(frozen=True)
class NftObject:
    """A counter, quota, limit or another stateful object. text: lines to make it with, state included."""

    kind: str
    name: str
    declaration: tuple[str, ...]
    text: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True)
class NftRule:
    """A rule; handle: the kernel's number of a live one."""

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
        """Return the chain of that name, if there is one."""
        return self._chains.get(name)

    def set(self, name: str) -> NftSet | None:
        """Return the set or map of that name, if there is one."""
        return self._sets.get(name)

    def object(self, kind: str, name: str) -> NftObject | None:
        """Return the object of that kind and name, if there is one."""
        return next((found for found in self.objects if (found.kind, found.name) == (kind, name)), None)

    # Tables have thousands of them.
    @cached_property
    def _chains(self) -> dict[str, NftChain]:
        return {chain.name: chain for chain in self.chains}

    @cached_property
    def _sets(self) -> dict[str, NftSet]:
        return {found.name: found for found in self.sets}
