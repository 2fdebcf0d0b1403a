# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the proxy of a host, in a folder in place of its root."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import health

CONFIGURATION = f"{health.FOLDER}/squid.conf"


@pytest.fixture
def at(tmp_path: Path) -> Callable[[str], Path]:
    """Return what leads below another root."""
    return lambda path: tmp_path / path.lstrip("/")


@pytest.fixture
def listener(at: Callable[[str], Path]) -> Iterator[socket.socket]:
    """Run what listens in place of Squid, with the files of a proxy that works."""
    for path in (CONFIGURATION, health.LOG):
        at(path).parent.mkdir(parents=True)
        at(path).write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        health.record(at, listening.getsockname()[1], [CONFIGURATION])
        yield listening


def test_who_is_no_proxy_has_no_state(at: Callable[[str], Path]) -> None:
    assert health.facts(at) is None


@pytest.mark.usefixtures("listener")
def test_a_proxy_that_works(at: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    # systemd lets the watcher open no socket of IP (RestrictAddressFamilies).
    monkeypatch.setattr(socket, "socket", None)
    assert health.facts(at) == {"answers": True, "problem": ""}


def test_each_problem_names_its_place_and_its_fix(at: Callable[[str], Path], listener: socket.socket) -> None:
    at(health.LOG).rename(at(health.LOG).with_name("other"))
    assert "access.log is missing or cannot be read; systemctl kill" in str(health.problem(at))
    listener.close()
    assert "nothing answers on port" in str(health.problem(at))
    at(CONFIGURATION).write_text("edited")
    assert health.problem(at) == f"{CONFIGURATION} was edited by hand; run the role egress_proxy"
    at(CONFIGURATION).unlink()
    assert health.problem(at) == f"{CONFIGURATION} is missing or cannot be read; run the role egress_proxy"
    at(health.WRITTEN).write_text("{}")
    assert "written.json cannot be read" in str(health.problem(at))
