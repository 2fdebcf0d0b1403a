# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base error of all code that runs on hosts, and its one translation into a module's failure."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator, Mapping

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


NO_MEMORY = (
    "This run needs more memory than it may use (limit of the user, the container or the cgroup). Each table is "
    "complete: as before the run or as desired. Fix: raise the limit and run again; for tens of thousands of "
    "elements use a file (elements_file, elements_src), which needs less memory than a list."
)
"""Message of a run that hit a memory limit."""


class TidegateError(Exception):
    """An error that stops a run and that a module reports as its failure.

    reason: one word for machines. message: a paragraph for people, without the place. where: path into the arguments,
    or "". details: more keys of the failure, for machines.
    """

    def __init__(self, reason: str, message: str, where: str = "", details: Mapping[str, Any] | None = None) -> None:
        # The arguments of a module for a single object have no path before them.
        self.where = where.lstrip(".")
        super().__init__(f"{self.where}: {message}" if self.where else message)
        self.reason = reason
        self.message = message
        self.details = dict(details or {})


REPORTED = (TidegateError, MemoryError)
"""What a module reports as its failure."""


@contextmanager
def report_errors(module: AnsibleModule) -> Iterator[None]:
    """Report a TidegateError or a lack of memory as the failure of ``module``, with the keys msg, reason and where."""
    try:
        yield
    except REPORTED as error:
        module.fail_json(**failure(error))


def failure(error: TidegateError | MemoryError) -> dict[str, Any]:
    """Return the keys of a failure: msg, reason, where and the details."""
    if isinstance(error, MemoryError):
        error = TidegateError("no_memory", NO_MEMORY)
    return {"msg": str(error), "reason": error.reason, "where": error.where, **error.details}
