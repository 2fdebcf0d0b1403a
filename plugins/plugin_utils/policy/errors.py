# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors and notices of a policy: one pass over the variables collects all of them, one exception reports them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError

Path = tuple[str | int, ...]
Origins = Mapping[str, str] | Callable[[Path], str | None]
"""File, line and column of a value: by the variable's name, or by its path."""
NoticeKind = Literal[
    "closed_by_never",
    "containers",
    "expired",
    "expires",
    "known_old",
    "metadata_inside",
    "names_left_out",
    "no_internal_networks",
    "optional",
    "prefix_list_first",
    "prefix_list_inside",
    "prefix_list_kept",
    "prefix_list_not_kept",
    "redefined_service",
    "redundant",
    "review_due",
    "shared",
    "wildcard",
]


class TextError(ControllerError, ValueError):
    """A text that cannot be read as what it should be.

    cause: what is wrong with it. fix: what to write instead, "" where nobody can know.
    """

    def __init__(self, cause: str, fix: str = "") -> None:
        super().__init__(with_fix(cause, fix))
        self.cause = cause
        self.fix = fix


def with_fix(cause: str, fix: str) -> str:
    """Return cause and fix as sentences, without the last full stop. A fix that is a question needs no label."""
    if not fix:
        return cause
    return f"{cause}. {fix[0].upper()}{fix[1:]}" if fix.endswith("?") else f"{cause}. Fix: {fix}"


@dataclass(frozen=True)
class Place:
    """A place in the variables.

    path: keys and indexes from the variable's name on, as in the data: `("egress_allow_pci", 0, "to", 1)`.
    text: the same for a person: `egress_allow_pci[payments-api].to[1]`.
    """

    path: Path
    text: str

    def key(self, key: str) -> Place:
        """Return the place of a key's value in this mapping."""
        return Place((*self.path, key), f"{self.text}.{key}")

    def index(self, index: int, label: str | None = None) -> Place:
        """Return the place of an element of this list, by its label where it has one."""
        return Place((*self.path, index), f"{self.text}[{index if label is None else label}]")


def variable(name: str) -> Place:
    """Return the place of a whole variable."""
    return Place((name,), name)


@dataclass(frozen=True)
class PolicyError:
    """One error in the variables.

    where: the place as text, with file and line before it where they are known.
    cause: what is wrong. fix: what to do about it, "" where nobody can know.
    """

    where: str
    cause: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {with_fix(self.cause, self.fix)}"


class PolicyErrors(ControllerError):
    """All errors of a policy. str() lists them and ends with the statement that nothing was changed."""

    reason = "bad_policy"

    def __init__(self, errors: tuple[PolicyError, ...]) -> None:
        super().__init__(errors)
        self.errors = errors

    def __str__(self) -> str:
        if len(self.errors) == 1:
            return f"{_sentence(self.errors[0])} Nothing was changed."
        lines = "\n".join(f"  {_sentence(error)}" for error in self.errors)
        return f"{len(self.errors)} errors in the policy:\n{lines}\nNothing was changed."


def _sentence(error: PolicyError) -> str:
    text = str(error)
    return text if text.endswith(("?", ".")) else f"{text}."


@dataclass(frozen=True)
class Notice:
    """A fact that a person should know and that stops nothing.

    kind: one word for machines. where: as of a PolicyError. text: a predicate of the place, or a sentence.
    """

    kind: NoticeKind
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@dataclass
class ErrorReport:
    """Collects errors and notices while a policy is read.

    errors, notices: in the order in which they were reported; each error once.
    error_count: how often an error was reported, repetitions included: a reader compares it before and after.
    """

    origins: Origins = field(default_factory=dict)
    errors: list[PolicyError] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    error_count: int = 0
    _known: set[PolicyError | Notice] = field(default_factory=set)

    def error(self, place: Place, cause: str, fix: str = "") -> None:
        """Add an error; reading goes on, to find all of them."""
        self.extend([PolicyError(self.where(place), cause, fix)])

    def notice(self, kind: NoticeKind, place: Place, text: str) -> None:
        """Add a notice."""
        notice = Notice(kind, self.where(place), text)
        self._known.add(notice)
        self.notices.append(notice)

    def extend(self, errors: Iterable[PolicyError] = (), notices: Iterable[Notice] = ()) -> None:
        """Add the errors and notices of somebody else, each only once."""
        for error in errors:
            self.error_count += 1
            if error not in self._known:
                self._known.add(error)
                self.errors.append(error)
        for notice in notices:
            if notice not in self._known:
                self._known.add(notice)
                self.notices.append(notice)

    def raise_errors(self) -> None:
        """Raise PolicyErrors when there was any error."""
        if self.errors:
            raise PolicyErrors(tuple(self.errors))

    def origin(self, place: Place) -> str:
        """Return file, line and column of a place, "" where they are not known."""
        origins = self.origins
        return (origins(place.path) if callable(origins) else origins.get(str(place.path[0]))) or ""

    def where(self, place: Place) -> str:
        """Return the place as text, with file and line before it where they are known."""
        origin = self.origin(place)
        return f"{origin} {place.text}" if origin else place.text
