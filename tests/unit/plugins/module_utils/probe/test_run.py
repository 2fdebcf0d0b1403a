# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who probes: users are looked up before anything is sent, and no process is left behind."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.probe import run
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.model import Probe, ProbeError
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.run import probe_all
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.users import Identity, identity


def open_files() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def test_a_user_who_does_not_exist_stops_everything_before_the_first_packet() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        with pytest.raises(ProbeError, match='no user "tg-nobody"') as caught:
            probe_all([Probe("127.0.0.1", "udp", port), Probe("127.0.0.1", "udp", port, "tg-nobody")], 0.1, 4)
        assert caught.value.index == 1
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.recvfrom(10)


def test_users_by_name_and_by_number_are_the_same_user() -> None:
    me = os.geteuid()
    assert identity(str(me)).uid == me
    assert identity("root") == identity("0") == Identity(0, 0, "root")


def test_a_number_without_a_name_is_a_user_too() -> None:
    assert identity("3999999") == Identity(3999999, 3999999, None)


@pytest.mark.parametrize("number", ["4294967295", "4294967296", "99999999999999999999"])
def test_a_number_that_the_kernel_cannot_hold_is_none(number: str) -> None:
    with pytest.raises(LookupError, match=number):
        identity(number)


def test_only_root_probes_as_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 3999998)
    with pytest.raises(ProbeError, match="become") as caught:
        probe_all([Probe("127.0.0.1", "tcp", 9, "3999998"), Probe("127.0.0.1", "tcp", 9, "root")], 0.1, 4)
    assert caught.value.index == 1


def test_a_child_that_dies_is_an_error_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_arguments: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(run, "run_probes", die)
    before = open_files()
    with pytest.raises(ProbeError, match="died without an answer"):
        probe_all([Probe("127.0.0.1", "tcp", 9)], 0.1, 4)
    assert open_files() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_user_who_cannot_be_become_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_who: Identity) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(run, "become", refuse)
    with pytest.raises(ProbeError, match=r"Cannot send probes as .+: Operation not permitted"):
        probe_all([Probe("127.0.0.1", "tcp", 9, str(os.geteuid()))], 0.1, 4)
