# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps that commits of others interrupt, with and without the kernel saying so."""

from __future__ import annotations

import errno
import struct

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import connection as netlink_socket
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import errors, read_elements, ruleset, wire
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.elements import Element
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.netlink.fake_kernel import (
    FakeKernel,
    error_message,
    tree,
)

HELD = [(1, 5), (6, 6), (8, 200), (250, 255)]


def dumped(answers: list[bytes]) -> int:
    """The number of the request that these answers dump for, 0 when they are none of a dump."""
    first = wire.parse_messages(answers[0] if answers else error_message(0, 0))[0]
    return first.seq if first.flags & 2 else 0


class Interrupted:
    """Tampers with the first dumps so that they end as interrupted ones do."""

    def __init__(self, times: int, how: str) -> None:
        self.left = times
        self.how = how

    def __call__(self, answers: list[bytes]) -> list[bytes]:
        seq = dumped(answers)
        if self.left == 0 or not seq:
            return answers
        self.left -= 1
        if self.how == "flag":
            return [answers[0][:6] + struct.pack("=H", 2 | wire.NLM_F_DUMP_INTR) + answers[0][8:], *answers[1:]]
        if self.how == "done":
            return [*answers[:-1], wire.message(wire.NLMSG_DONE, 2, seq, struct.pack("=i", -errno.EINTR))]
        return [*answers[:-1], error_message(seq, errno.EINTR)]


@pytest.mark.parametrize("how", ["flag", "done", "error"])
def test_a_dump_that_a_commit_interrupts_is_read_again(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = tree(HELD, tamper=Interrupted(3, how))
    monkeypatch.setattr(netlink_socket, "open_socket", kernel.open)
    monkeypatch.setattr(netlink_socket, "_DUMP_PAUSE_SECONDS", 0.0)
    assert read_elements.dump_elements(kernel.info) == [Element(bytes([first]), bytes([last])) for first, last in HELD]
    kernel.tamper = Interrupted(10_000, how)
    with pytest.raises(errors.Busy, match="40 attempts"):
        read_elements.dump_elements(kernel.info)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_elements, "_PAUSE_SECONDS", 0.0)


def pairs(kernel: FakeKernel) -> list[tuple[int, int]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netlink_socket, "open_socket", kernel.open)
        return [(element.start[0], element.end[0]) for element in read_elements.dump_elements(kernel.info)]


@pytest.mark.usefixtures("at_once")
def test_a_dump_during_which_somebody_commits_is_read_again() -> None:
    """The kernel marks no dump of elements as interrupted: only the generation tells."""
    whole = [(bytes([first]), bytes([last])) for first, last in HELD]
    kernel = tree([(1, 5)], commits=[whole[:2], whole[1:], whole])
    assert pairs(kernel) == HELD
    assert kernel.commits == []


@pytest.mark.usefixtures("at_once")
def test_four_equal_readings_count_where_another_program_commits_all_the_time() -> None:
    """Two do not: when a program replaces the whole content over and over, two torn readings may be equal."""
    whole = [(bytes([first]), bytes([last])) for first, last in HELD]
    kernel = tree([(1, 5)], commits=[whole[1:], whole[1:], *[whole] * 1000])
    assert pairs(kernel) == HELD
    assert len(kernel.commits) == 995


@pytest.mark.usefixtures("at_once")
def test_a_dump_that_lost_elements_without_a_commit_is_read_again() -> None:
    """The clearing up after a commit upsets the kernel's count of what it has sent already."""
    assert pairs(tree(HELD, torn=3)) == HELD


@pytest.mark.usefixtures("at_once")
def test_a_kernel_that_counts_in_another_way_is_believed_when_it_keeps_to_its_elements() -> None:
    assert pairs(tree(HELD, count_as=99)) == HELD


@pytest.mark.usefixtures("at_once")
def test_a_kernel_that_does_not_count_is_read_until_two_readings_agree() -> None:
    assert pairs(tree(HELD, counted=False, torn=1)) == HELD


def test_a_generation_counts_when_its_commit_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = tree([], generation=5, under_way=[None, None])
    monkeypatch.setattr(netlink_socket, "open_socket", kernel.open)
    assert ruleset.settled_generation() == 7
    kernel.generation, kernel.under_way = 5, [None] * 2000
    with pytest.raises(errors.Busy, match="1000 attempts"):
        ruleset.settled_generation()


@pytest.mark.usefixtures("at_once")
def test_a_set_that_changes_during_every_reading_is_busy() -> None:
    with pytest.raises(errors.Busy, match="40 attempts"):
        pairs(tree([], commits=[[(bytes([key % 200]), bytes([key % 200]))] for key in range(1000)]))


def test_a_dump_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(answers: list[bytes]) -> list[bytes]:
        seq = dumped(answers)
        if not seq:
            return answers
        return [*answers[:-1], wire.message(wire.NLMSG_DONE, 2, seq, struct.pack("=i", -errno.ENOENT))]

    monkeypatch.setattr(netlink_socket, "open_socket", tree(HELD, tamper=fail).open)
    with pytest.raises(errors.NoSuchObject):
        read_elements.dump_elements(tree(HELD).info)
