# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt updates from a mirror that is a name, which the host's resolver opens, and from one that is an address.

Through a proxy it does so in proxy/test_programs.py and proxy/test_failover.py.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.support.machines import Machine, entering, machine
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.waiting import end, wait_for

from .test_names import AUTHORITY, NAMES, RESOLV_CONF, SPEC

MIRROR = "10.9.9.9"
RULES = [*SPEC["chains"][0]["rules"], f"ip daddr {MIRROR} tcp dport 80 accept", "tcp dport 80 reject"]
POLICY = {**SPEC, "chains": [{**SPEC["chains"][0], "rules": RULES}]}


@contextmanager
def running(host: Machine, *words: str) -> Iterator[None]:
    """Run a program on the host while the body runs."""
    null = subprocess.DEVNULL
    with subprocess.Popen([*entering(host.process), *words], stdout=null, stderr=null) as process:
        try:
            yield
        finally:
            end(process)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Machine]:
    """A machine with unbound, a name server that it asks, and a mirror at every address of that server's answers."""
    with machine("trixie", tmp_path) as started:
        shutil.copytree(CHECKOUT / "build" / "debian" / "trixie-debs", started.root / "repository")
        shutil.copy(CHECKOUT / "tests" / "support" / "authority.py", started.root / "authority.py")
        shutil.rmtree(started.root / "etc/apt/sources.list.d", ignore_errors=True)
        started.write("/etc/apt/sources.list", "deb [trusted=yes] file:/repository ./\n")
        started.run("sh", "-c", "apt-get update -qq && apt-get install -qq -y unbound python3-unbound")
        for network in ("50.0.0.0/8", MIRROR):
            started.run("ip", "route", "add", "local", network, "dev", "lo")
        started.write("/etc/resolv.conf", RESOLV_CONF)
        mirror = ("python3", "-m", "http.server", "80", "--directory", "/repository")
        with running(started, "python3", "-c", AUTHORITY), running(started, *mirror):
            wait_for(lambda: ":0050 " in started.run("cat", "/proc/net/tcp"), "the mirror")
            wait_for(lambda: ":0035 " in started.run("cat", "/proc/net/udp"), "the name server")
            yield started


def update(host: Machine, mirror: str) -> str:
    """Return what apt prints that updates from a mirror over HTTP, as its user _apt."""
    host.write("/etc/apt/sources.list", f"deb [trusted=yes] http://{mirror}/ ./\n")
    return host.run("apt-get", "update", "-o", "Acquire::Retries=0", check=False)


def test_apt_updates_from_what_an_entry_opens_and_from_nothing_else(host: Machine) -> None:
    change = {"phase": "apply", "tables": [POLICY], "who": "alice", "timeout": 300, "names": NAMES}
    host.module(change, {"phase": "confirm", "token": "{{ run0.guard.token }}"})
    for opened in ("n6.example.net", MIRROR):
        printed = update(host, opened)
        assert re.search(rf"^Get:\d+ http://{opened} \./ Packages", printed, re.MULTILINE), printed
    # Of the same mirror, by an address that no name led to.
    printed = update(host, "50.0.1.200")
    assert "Err:1 http://50.0.1.200" in printed, printed
    assert "Connection refused" in printed, printed
