# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's own ways to lose an answer: a receive buffer that overflows, a dump that a commit interrupts."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import connection, wire
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import tables as netlink_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.tests.integration.nft.conftest import BINARIES, Lab

COMMIT = """
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets
info = sets.get_set("ip", "busy", "s")
one = sets.read_all(info, ["10.0.0.1"])
while True:
    sets.change_elements([sets.SetChange(info, one, flush=True)])
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(str(list(BINARIES.values())[-1]), tmp_path / "run")


def from_file(file: Path, *numbers: int) -> dict[str, Any]:
    file.write_text("".join(f"10.{number // 256}.{number % 256}.0/25\n" for number in numbers))
    return {
        "name": "t",
        "sets": [{"name": "s", "type": "ipv4_addr", "flags": ["interval"], "elements_file": str(file)}],
    }


def held() -> int:
    return len(netlink.dump_elements(netlink.get_set("inet", "t", "s")))


def small_buffer() -> socket.socket:
    """A socket with the smallest receive buffer that the kernel allows (2,304 bytes)."""
    small = OPEN()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
    return small


OPEN = connection.open_socket


@pytest.mark.parametrize("remembered", [True, False], ids=["by the record", "by listing"])
def test_a_buffer_that_overflows_is_named_and_leaves_the_old_or_the_new_set(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered: bool
) -> None:
    """To look up what it deletes and adds, a run asks more than the buffer holds the answers of."""
    file = tmp_path / "list.txt"
    lab.run(from_file(file, *range(600)))
    if not remembered:
        lab.forget()
    desired = from_file(file, *range(300, 1000))
    with monkeypatch.context() as patch:
        patch.setattr(connection, "open_socket", small_buffer)
        with pytest.raises(netlink.BufferOverrun):
            netlink.get_elements(netlink.get_set("inet", "t", "s"), [bytes([10, 0, at, 0]) for at in range(200)])
        assert held() == 600, "a dump waits for its reader"
        with pytest.raises(EngineError, match="buffer overflowed and answers are lost") as caught:
            lab.run(desired)
        assert caught.value.reason == "not_applied"
        assert held() in (600, 700)
    assert [name for _family, name in nf_tables.tables()] == ["t"]
    lab.run(desired)
    assert held() == 700
    lab.settled(desired)


DUMPS = 100_000
"""Dumps after which the test gives up: on a machine that does nothing else, five of some hundred are interrupted."""


def test_a_dump_that_commits_interrupt_is_whole_in_the_end(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel marks the dump of tables; what the mark is on is read again."""
    names = sorted(f"table_number_{number:04}_with_a_long_name" for number in range(500))
    lab.load("".join(f"add table ip {name}\n" for name in names))
    interrupted = []
    really = connection.Connection._dump_once  # which is watched, not replaced

    def watched(self: connection.Connection, *arguments: Any) -> list[wire.Message] | None:
        elements = really(self, *arguments)
        interrupted.append(elements is None)
        return elements

    monkeypatch.setattr(connection.Connection, "_dump_once", watched)
    lab.load("table ip busy {\n set s { type ipv4_addr; }\n}")
    with subprocess.Popen([sys.executable, "-c", COMMIT]) as writer:
        try:
            while sum(interrupted) < 5 and len(interrupted) < DUMPS:
                assert sorted(name for _family, name in netlink_tables.table_names()) == ["busy", *names]
            assert writer.poll() is None
        finally:
            writer.kill()
    assert sum(interrupted) >= 5, "no dump was interrupted, so nothing was tried"
