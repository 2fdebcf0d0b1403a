# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes of plain data that another machine returned: what a value may be, and a clean copy of it.

A managed host is not trusted. A shape copies what it knows and leaves out every other key, so that nothing which a host
adds to a result (facts, Ansible's own keys) goes any further.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError

DEPTH = 64
"""Levels of a Json value; nft nests an expression about ten deep."""

_SHOWN = 60
"""Characters of a key in a message."""


class ShapeError(ControllerError):
    """A value is of another shape. path: where in the whole, such as ``changes[3].count``."""

    reason = "bad_result"

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(f"{path} {cause}")


class Shape(Protocol):
    """What a value may be."""

    def copy(self, value: Any, path: str) -> Any:
        """Return a clean copy of a value. Raise ShapeError when it is of another shape."""


@dataclass(frozen=True)
class Scalar:
    """A single value. types: those that it may have; a bool is never a number."""

    types: tuple[type, ...]
    name: str

    def copy(self, value: Any, path: str) -> Any:
        """Return the value."""
        if not isinstance(value, self.types) or isinstance(value, bool) is not (bool in self.types):
            raise ShapeError(path, f"is {kind(value)}, expected {self.name}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ShapeError(path, "is not a finite number")
        return value


TEXT = Scalar((str,), "a text")
FLAG = Scalar((bool,), "true or false")
INTEGER = Scalar((int,), "a whole number")
NUMBER = Scalar((int, float), "a number")


@dataclass(frozen=True)
class Word:
    """A text that is one of a few."""

    words: tuple[str, ...]

    def copy(self, value: Any, path: str) -> Any:
        """Return the text."""
        if not isinstance(value, str) or value not in self.words:
            raise ShapeError(path, f"is none of {', '.join(self.words)}")
        return value


@dataclass(frozen=True)
class Within:
    """A number between two limits, both included."""

    shape: Shape
    low: float
    high: float

    def copy(self, value: Any, path: str) -> Any:
        """Return the number."""
        number = self.shape.copy(value, path)
        if not self.low <= number <= self.high:
            raise ShapeError(path, f"is not between {self.low:g} and {self.high:g}")
        return number


@dataclass(frozen=True)
class OrNull:
    """A value that may be null."""

    shape: Shape

    def copy(self, value: Any, path: str) -> Any:
        """Return None or the copy of the value."""
        return None if value is None else self.shape.copy(value, path)


@dataclass(frozen=True)
class ListOf:
    """A list whose elements all have one shape."""

    shape: Shape

    def copy(self, value: Any, path: str) -> list[Any]:
        """Return a new list of copies."""
        if not isinstance(value, (list, tuple)):
            raise ShapeError(path, f"is {kind(value)}, expected a list")
        return [self.shape.copy(element, f"{path}[{index}]") for index, element in enumerate(value)]


@dataclass(frozen=True)
class MapOf:
    """A mapping of texts that the host chooses to values of one shape."""

    shape: Shape

    def copy(self, value: Any, path: str) -> dict[str, Any]:
        """Return a new dict of copies."""
        return {
            TEXT.copy(key, f"a key of {path}"): self.shape.copy(inner, f"{path}[{_shown(key)}]")
            for key, inner in _mapping(value, path).items()
        }


@dataclass(frozen=True)
class Record:
    """A mapping of known keys. Other keys are left out."""

    required: Mapping[str, Shape] = field(default_factory=dict)
    optional: Mapping[str, Shape] = field(default_factory=dict)

    @property
    def keys(self) -> frozenset[str]:
        """Every key that is known."""
        return frozenset((*self.required, *self.optional))

    def copy(self, value: Any, path: str) -> dict[str, Any]:
        """Return a new dict of the known keys."""
        known = _mapping(value, path)
        for key in self.required:
            if key not in known:
                raise ShapeError(_below(path, key), "is missing")
        shapes = {**self.required, **self.optional}
        return {key: shape.copy(known[key], _below(path, key)) for key, shape in shapes.items() if key in known}


@dataclass(frozen=True)
class Choice:
    """A mapping of which one key says what other keys it has. records: by the value of that key."""

    key: str
    records: Mapping[str, Record]

    def copy(self, value: Any, path: str) -> dict[str, Any]:
        """Return a new dict of the known keys."""
        chosen = _mapping(value, path).get(self.key)
        if not isinstance(chosen, str) or chosen not in self.records:
            raise ShapeError(_below(path, self.key), f"is none of {', '.join(self.records)}")
        return {self.key: chosen, **self.records[chosen].copy(value, path)}


@dataclass(frozen=True)
class OneOf:
    """A value that has one of several shapes; the last one's error is reported."""

    shapes: tuple[Shape, ...]

    def copy(self, value: Any, path: str) -> Any:
        """Return the copy by the first shape that fits."""
        for shape in self.shapes[:-1]:
            try:
                return shape.copy(value, path)
            except ShapeError:
                continue
        return self.shapes[-1].copy(value, path)


@dataclass(frozen=True)
class Json:
    """Any JSON value up to DEPTH levels deep, for listings that a room of the controller reads itself."""

    def copy(self, value: Any, path: str, depth: int = 0) -> Any:
        """Return a deep copy."""
        if depth > DEPTH:
            raise ShapeError(path, f"is nested more than {DEPTH} levels deep")
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, (int, float)):
            return NUMBER.copy(value, path)
        if isinstance(value, (list, tuple)):
            return [self.copy(inner, path, depth + 1) for inner in value]
        return {TEXT.copy(key, path): self.copy(inner, path, depth + 1) for key, inner in _mapping(value, path).items()}


MOMENT = Within(NUMBER, 0, 7_258_118_400)
"""Seconds since 1970, until 2200: dates are made of them."""
TEXTS = ListOf(TEXT)
JSON = Json()


def kind(value: Any) -> str:
    """Return what a value is, for a message: ``a list``, ``a text``."""
    if value is None:
        return "null"
    known: Mapping[str, tuple[type, ...]] = {
        "true or false": (bool,),
        "a text": (str,),
        "a mapping": (Mapping,),
        "a list": (list, tuple),
        "a number": (int, float),
    }
    return next((name for name, types in known.items() if isinstance(value, types)), f"a {type(value).__name__}")


def _mapping(value: Any, path: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ShapeError(path or "the result", f"is {kind(value)}, expected a mapping")
    return value


def _shown(key: Any) -> str:
    """Return a key that the host chose as printable text of one line."""
    return ascii(key)[:_SHOWN]


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
