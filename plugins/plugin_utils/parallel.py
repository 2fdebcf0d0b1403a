# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work over the cores of the controller, in processes below a fork of Ansible, with the standard library's pool."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any, TypeVar

from .errors import ControllerError

Item = TypeVar("Item")
Answer = TypeVar("Answer")
WORTH = 8
"""Fewer items take less time than to start processes for them, about 20 ms each."""
_given: dict[str, Any] = {}


class WorkerLost(ControllerError):
    """A process ended before its work did."""

    reason = "worker_lost"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_parallel(work: Callable[[Item], Answer], items: Sequence[Item], processes: int) -> Iterator[Answer]:
    """Yield what a function returns for each item, in their order, from so many processes at once.

    The processes are forked, so they know all that this one knows; only answers and exceptions are pickled. An
    exception of the function is raised here: the first in the order of the items, as without processes. They end with
    this process, whatever ends it. Raise WorkerLost when something else ended one.
    """
    if processes < 2 or len(items) < WORTH:
        yield from map(work, items)
        return
    context, others = multiprocessing.get_context("fork"), multiprocessing.active_children()
    with ProcessPoolExecutor(min(processes, len(items)), context, _begin, (work, items)) as pool:
        try:
            yield from pool.map(_one, range(len(items)))
        except BrokenProcessPool as error:
            raise WorkerLost(
                "A process that worked for this task was ended from outside, so its answers are missing. Nothing was "
                "changed. Fix: look for the reason, such as too little memory (dmesg), and run again."
            ) from error
        except (KeyboardInterrupt, SystemExit):
            # The pool would wait for what they are at.
            for process in set(multiprocessing.active_children()).difference(others):
                process.terminate()
            raise


def _begin(work: Callable[[Any], Any], items: Sequence[Any]) -> None:
    """Begin a process of the pool."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # Ansible's handlers are for the process that set them.
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    _given.update(work=work, items=items)


def _end_with(sentinel: int) -> None:
    """End this process when the one that forked it ends, even by SIGKILL."""
    wait([sentinel])
    os._exit(1)


def _one(number: int) -> Any:
    return _given["work"](_given["items"][number])
