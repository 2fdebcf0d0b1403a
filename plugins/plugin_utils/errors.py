# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base error of everything that runs on the controller, and its one translation into a task's result.

Every room raises errors of its own that derive from ControllerError; the actions' base class catches that one class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class ControllerError(Exception):
    """An error that stops one task on one host. str() is what the user reads: fact, cause, fix.

    reason: one word for machines, the same for all errors of a class.
    """

    reason: ClassVar[str] = "failed"

    def details(self) -> Mapping[str, Any]:
        """Return more keys of the failed result, as plain data for machines."""
        return {}


class MissingLibrary(ControllerError):
    """A Python package that the controller needs and does not have."""

    reason = "missing_library"

    def __init__(self, package: str, subject: str) -> None:
        super().__init__(
            f"The Python package {package} reads {subject}, but the controller does not have it. "
            f"Fix: pip install {package}"
        )


def failure(error: ControllerError) -> dict[str, Any]:
    """Return the result of a task that the error stopped."""
    return {"failed": True, "changed": False, "msg": str(error), "reason": error.reason, **error.details()}
