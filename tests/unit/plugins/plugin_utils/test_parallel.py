# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in several processes is the same work: same order, same errors, and nothing of it is left running."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection, wait

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.parallel import WORTH, WorkerLost, in_parallel

ITEMS = range(2 * WORTH)


def failing(number: int) -> int:
    if number in (3, 5):
        message = f"host{number}: no such entry"
        raise KeyError(message)
    return number


@pytest.mark.parametrize("processes", [1, 3])
def test_answers_come_in_the_order_of_the_items(processes: int) -> None:
    offset = 10  # A function that could not be pickled, as those of actions.
    assert list(in_parallel(lambda number: number + offset, ITEMS, processes)) == [number + 10 for number in ITEMS]


@pytest.mark.parametrize("processes", [1, 3])
def test_the_first_error_is_raised_here(processes: int) -> None:
    answers = in_parallel(failing, ITEMS, processes)
    with pytest.raises(KeyError, match="host3: no such entry"):
        list(answers)
    assert multiprocessing.active_children() == []


def test_a_few_items_are_done_by_this_process() -> None:
    assert set(in_parallel(lambda _item: os.getpid(), range(WORTH - 1), 4)) == {os.getpid()}
    assert os.getpid() not in set(in_parallel(lambda _item: os.getpid(), range(WORTH), 4))


def test_a_process_that_is_killed_is_an_error_with_a_fix() -> None:
    with pytest.raises(WorkerLost, match="was ended from outside"):
        list(in_parallel(lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == 4 else number, ITEMS, 2))
    assert multiprocessing.active_children() == []


def _works_for_ever(started: Connection) -> Callable[[int], None]:
    def work(_item: int) -> None:
        started.send(os.getpid())
        signal.pause()

    return work


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_processes_end_with_the_one_that_started_them(signal_number: int) -> None:
    here, there = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("fork")
    # A fork of Ansible is no daemon either.
    parent = context.Process(target=lambda: list(in_parallel(_works_for_ever(there), ITEMS, 3)))
    parent.start()
    there.close()
    workers = [os.pidfd_open(here.recv()) for _worker in range(3)]
    assert parent.pid
    os.kill(parent.pid, signal_number)
    parent.join()
    for worker in workers:
        wait([worker])
        os.close(worker)
