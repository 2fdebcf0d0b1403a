# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The known keys of a module's result, and nothing else that a host put into it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError

from .shape import FLAG, INTEGER, TEXT, TEXTS, ListOf, OneOf, OrNull, Record, Shape, ShapeError

_SIDES = Record(optional=dict.fromkeys(("before", "after", "before_header", "after_header"), TEXT))

COMMON: Mapping[str, Shape] = {
    "changed": FLAG,
    "failed": FLAG,
    "skipped": FLAG,
    "msg": TEXT,
    "reason": TEXT,
    "where": TEXT,
    "diff": OneOf((ListOf(_SIDES), _SIDES)),
    "warnings": TEXTS,
    "exception": TEXT,
    "rc": OrNull(INTEGER),
    "module_stdout": TEXT,
    "module_stderr": TEXT,
}
"""Keys that every module may return: Ansible's own, and those of every failure of this collection."""


class ModuleFailed(ControllerError):
    """A module failed; the task fails with what it returned."""

    reason = "module_failed"

    def __init__(self, result: Mapping[str, Any]) -> None:
        super().__init__(result.get("msg", "The module failed without a message."))
        self.result = result

    def details(self) -> Mapping[str, Any]:
        """Return the module's own keys, its reason among them."""
        return self.result


def module_result(result: Mapping[str, Any], shape: Record, needed: Collection[str] = ()) -> dict[str, Any]:
    """Return the keys of a module's result that are common to all modules or in ``shape``, each a clean copy.

    needed: keys that a result which did not fail must have. Raise ShapeError for a value of another shape.
    """
    if not isinstance(result, Mapping):
        raise ShapeError("the result", "is no mapping")
    shapes = {**COMMON, **shape.required, **shape.optional}
    known = Record(optional=shapes).copy(_texts_of_events(result), "")
    missing = [] if known.get("failed") else [key for key in needed if key not in known]
    if missing:
        raise ShapeError(missing[0], "is missing")
    return known


def succeeded(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result that did not fail; raise ModuleFailed."""
    if result.get("failed"):
        raise ModuleFailed(result)
    return result


def _texts_of_events(result: Mapping[str, Any]) -> dict[Any, Any]:
    """Return the result with warnings and the error as texts: ansible-core 2.19 and later return objects for them."""
    plain = dict(result)
    if isinstance(plain.get("warnings"), (list, tuple)):
        plain["warnings"] = [_message(warning) for warning in plain["warnings"]]
    error = getattr(plain.get("exception"), "event", None)
    if error is not None:
        # A module that crashed returns no msg beside it.
        plain.setdefault("msg", _message(plain.pop("exception")))
        plain.update({"exception": error.formatted_traceback} if error.formatted_traceback else {})
    return plain


def _message(value: Any) -> Any:
    """Return the text of an event with its causes; what is not an event stays as it is."""
    event = getattr(value, "event", None)
    if event is None:
        return value
    texts = []
    while event is not None:
        texts.append(str(event.msg).rstrip("."))
        event = event.chain.event if event.chain is not None else None
    return f"{': '.join(texts)}."
