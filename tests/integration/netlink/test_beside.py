# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides about packets beside nf_tables is named, in a network namespace that has it."""

from __future__ import annotations

import socket
import subprocess

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs.beside import beside
from ansible_collections.tidegate.nftables.tests.support.namespaces import namespace

__all__ = ["namespace"]

pytestmark = pytest.mark.usefixtures("namespace")
ETH_P_ALL = 3


def run(*commands: str) -> None:
    for command in commands:
        subprocess.run(command.split(), check=True)


def test_a_namespace_without_anything_names_nothing() -> None:
    assert beside() == []


def test_everything_that_is_there_is_named() -> None:
    run(
        "ip link set lo up",
        "ip link add tgwire type veth peer name tgpeer",
        "tc qdisc add dev tgwire clsact",
        "ip rule add fwmark 1 table 100",
        "ip -6 rule add fwmark 1 prohibit",
    )
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)):
        assert [name for name, _effect in beside()] == [
            "packet sockets (1)",
            "the queueing discipline clsact at tgwire",
            "routing rules of IPv4 (1)",
            "routing rules of IPv6 (1)",
        ]
