# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection tracking as a resource that a local user may fill: who does is named, the recommended limit holds."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils import connection_tracking
from ansible_collections.tidegate.nftables.plugins.module_utils.connection_tracking import usage
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import status
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

from .conftest import BINARIES, load, nft
from .test_packets import built

pytestmark = pytest.mark.usefixtures("network")
FLOODER, OTHER = 33, 1005
SHIFTED = "127.{}.{}.1"


def connect(uid: int, destinations: int, family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    """Send a datagram to each of some destinations over loopback, as a user; return the socket, which is open."""
    os.setresuid(-1, uid, -1)
    try:
        sender = socket.socket(family, socket.SOCK_DGRAM)
    finally:
        os.setresuid(-1, 0, -1)
    for number in range(1, destinations + 1):
        address = (SHIFTED.format(number >> 8, number & 255), 9) if family == socket.AF_INET else ("::1", number)
        try:
            sender.sendto(b"x", address)
        except PermissionError:
            continue
    return sender


@pytest.fixture
def nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy is loaded, and whatever the limit of this machine is, the table counts as nearly full."""
    load(compile_table(built()), tmp_path)
    monkeypatch.setattr(connection_tracking, "FULL", 0)


@pytest.mark.usefixtures("nearly_full")
def test_who_fills_the_table_is_named() -> None:
    with connect(FLOODER, 400), connect(FLOODER, 300, socket.AF_INET6), connect(OTHER, 50):
        connect(OTHER, 20).close()
        tracked = usage()
        assert tracked["count"] == 770
        assert tracked["users"] == [
            {"user": "www-data", "connections": 700},
            {"user": f"uid {OTHER}", "connections": 50},
            {"user": "no open socket", "connections": 20},
        ]
        state = status.facts(Host(Paths("/nonexistent"), LiveTable()))
    line = rf"tracking   770 of {tracked['max']} connections, most of them by www-data 700, uid {OTHER} 50, no open"
    assert re.search(line, status.text(state))


def test_no_user_is_looked_for_while_there_is_room(tmp_path: Path) -> None:
    load(compile_table(built()), tmp_path)
    with connect(FLOODER, 10):
        assert (usage()["count"], usage()["users"]) == (10, [])


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
def test_the_limit_that_the_documentation_recommends_holds(binary: Path, tmp_path: Path) -> None:
    page = (CHECKOUT / "docs/rollout.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"```\n(table inet connections_of_users .*?)```", page, re.DOTALL)
    load(compile_table(built()), tmp_path)
    nft("-f", "-", given=table.replace("over 20000", "over 200"), binary=binary)
    with connect(FLOODER, 5000), connect(OTHER, 50), connect(0, 250):
        assert usage()["count"] == 200 + 50 + 250
