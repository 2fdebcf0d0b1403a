# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a policy, collected: one pass finds everything, one exception says it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError

Path = tuple[str | int, ...]
Origins = Mapping[str, str] | Callable[[Path], str | None]


@dataclass(frozen=True)
class Place:
    """Where in the variables something stands.

    path: keys and indexes from the variable's name on, as in the data: `("egress_allow_pci", 0, "to", 1)`.
    text: the same for a person: `egress_allow_pci[payments-api].to[1]`.
    """

    path: Path
    text: str

    def key(self, key: str) -> Place:
        """The value of a key of this mapping."""
        return Place((*self.path, key), f"{self.text}.{key}")

    def index(self, index: int, label: str | None = None) -> Place:
        """An element of this list, called by its label where it has one."""
        return Place((*self.path, index), f"{self.text}[{index if label is None else label}]")


def variable(name: str) -> Place:
    """The place of a whole variable."""
    return Place((name,), name)


@dataclass(frozen=True)
class PolicyError:
    """One thing wrong. where: the place as text, with file and line before it where they are known."""

    where: str
    cause: str
    fix: str = ""

    def __str__(self) -> str:
        sentence = f"{self.where}: {self.cause}"
        return f"{sentence}; {self.fix}" if self.fix else sentence


class PolicyErrors(ControllerError):
    """Everything wrong with a policy. str() is one readable text that ends with what did not happen."""

    reason = "bad_policy"

    def __init__(self, errors: tuple[PolicyError, ...]) -> None:
        super().__init__(errors)
        self.errors = errors

    def details(self) -> Mapping[str, Any]:
        """Return every error by its fields."""
        return {"errors": [asdict(error) for error in self.errors]}

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
    """Something that is no error but that a person should know. kind: one word for machines."""

    kind: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@dataclass
class ErrorReport:
    """Collects errors and notices while a policy is read.

    error_count: how often an error was reported, repetitions included: a reader compares it before and after.
    """

    origins: Origins = field(default_factory=dict)
    errors: list[PolicyError] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    error_count: int = 0

    def error(self, place: Place, cause: str, fix: str = "") -> None:
        """Note something wrong at a place; reading goes on."""
        self.extend([PolicyError(self.where(place), cause, fix)])

    def notice(self, kind: str, place: Place, text: str) -> None:
        """Note something that stops nothing."""
        self.notices.append(Notice(kind, self.where(place), text))

    def extend(self, errors: Iterable[PolicyError] = (), notices: Iterable[Notice] = ()) -> None:
        """Add what another report found, each only once."""
        for error in errors:
            self.error_count += 1
            if error not in self.errors:
                self.errors.append(error)
        self.notices.extend(notice for notice in dict.fromkeys(notices) if notice not in self.notices)

    def raise_errors(self) -> None:
        """Raise PolicyErrors when there was any error."""
        if self.errors:
            raise PolicyErrors(tuple(self.errors))

    def origin(self, place: Place) -> str:
        """File, line and column of a place, "" where they are not known."""
        origins = self.origins
        return (origins(place.path) if callable(origins) else origins.get(str(place.path[0]))) or ""

    def where(self, place: Place) -> str:
        """The place for a person, with file and line before it where they are known."""
        origin = self.origin(place)
        return f"{origin} {place.text}" if origin else place.text
