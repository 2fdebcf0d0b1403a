# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many workers of one run, as Ansible forks them: one asks the server, all know, and nobody sees half a file."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.feeds import PrefixLists
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import PolicyErrors
from ansible_collections.tidegate.nftables.tests.support.publisher import Publisher, sends
from ansible_collections.tidegate.nftables.tests.support.waiting import PATIENCE

FORK = multiprocessing.get_context("fork")
WORKERS = 8


def resolve(url: str, path: Path, run: str) -> Any:
    """What one worker gets, as something that a queue carries."""
    declared = {"crm": {"url": url, "max_change": "30%"}}
    try:
        result = PrefixLists(declared, "cache", [path], project_dir=path, run_dir=path / run).resolve("crm")
    except PolicyErrors as errors:
        return str(errors)
    return result.addresses.cidrs(), result.kept, [notice.text for notice in result.notices]


def race(url: str, path: Path, run: str) -> list[Any]:
    """The answers of all workers, who begin at the same moment."""
    barrier, answers = FORK.Barrier(WORKERS), FORK.Queue()

    def work() -> None:
        barrier.wait()
        answers.put(resolve(url, path, run))

    workers = [FORK.Process(target=work) for _time in range(WORKERS)]
    for worker in workers:
        worker.start()
    results = [answers.get(timeout=PATIENCE) for _time in workers]
    for worker in workers:
        worker.join()
    return results


def slowly(*networks: str) -> Any:
    def behave(request: Any) -> None:
        time.sleep(0.3)  # time for the others to come along; when they come later, the answer is the same
        sends("\n".join(networks).encode() + b"\n")(request)

    return behave


def test_workers_that_race_ask_once_and_get_the_same(server: Publisher, tmp_path: Path) -> None:
    server.behaviour = slowly("192.0.2.0/24")
    answers = race(server.url, tmp_path, "1")
    assert len(server.requests) == 1
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == ["192.0.2.0/24"]


def test_workers_that_race_to_a_dead_server_ask_once_and_are_told_the_same(server: Publisher, tmp_path: Path) -> None:
    server.behaviour = slowly("192.0.2.0/24")
    race(server.url, tmp_path, "1")
    server.behaviour = sends(b"", 503)
    answers = race(server.url, tmp_path, "2")
    assert len(server.requests) == 2
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][1]
    assert "HTTP 503" in answers[0][2][0]


def test_workers_without_any_copy_all_fail_with_the_same_sentence(server: Publisher, tmp_path: Path) -> None:
    server.behaviour = sends(b"", 503)
    answers = race(server.url, tmp_path, "1")
    assert len(server.requests) == 1
    assert len(set(answers)) == 1
    assert "there is no earlier copy" in answers[0]


def test_a_worker_that_is_killed_while_it_fetches_blocks_nobody(server: Publisher, tmp_path: Path) -> None:
    request_came, go_on = threading.Event(), threading.Event()

    def behave(request: Any) -> None:
        request_came.set()
        go_on.wait(PATIENCE)
        sends(b"192.0.2.0/24\n")(request)

    server.behaviour = behave
    first = FORK.Process(target=resolve, args=(server.url, tmp_path, "1"))
    first.start()
    assert request_came.wait(PATIENCE)
    os.kill(first.pid or 0, signal.SIGKILL)
    first.join()
    go_on.set()
    assert resolve(server.url, tmp_path, "1")[0] == ["192.0.2.0/24"]
    assert len(server.requests) == 2


def test_a_full_disk_leaves_the_earlier_copy_whole(
    server: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.publish("192.0.2.0/24")
    resolve(server.url, tmp_path, "1")
    (copy,) = (tmp_path / "cache").iterdir()
    before = copy.read_bytes()
    server.publish("192.0.2.0/24", "198.51.100.0/28")

    def full(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().is_relative_to(copy.parent):
            raise OSError(28, "No space left on device")

    lists = PrefixLists({"crm": {"url": server.url}}, "cache", [], project_dir=tmp_path, run_dir=tmp_path / "2")
    monkeypatch.setattr(os, "fsync", full)
    result = lists.resolve("crm")
    assert result.addresses.cidrs() == ["192.0.2.0/24", "198.51.100.0/28"]
    assert result.notices[0].text.endswith(f"its copy could not be written to {copy.parent}: No space left on device")
    assert copy.read_bytes() == before
    assert list((tmp_path / "cache").iterdir()) == [copy]
