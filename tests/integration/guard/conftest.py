# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of its own for every test: a network namespace, and a folder that the guard takes for the root."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import apply
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.request import ChangeRequest
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable, UtcNft
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import commit_confirm, decide
from ansible_collections.tidegate.nftables.tests.support.namespaces import enter_new, namespace
from ansible_collections.tidegate.nftables.tests.support.nft import VERSIONS, binaries, by_tabs
from ansible_collections.tidegate.nftables.tests.support.waiting import is_running, send_signal, wait_for

from .golden_tables import golden

__all__ = ["namespace", "wait_for"]

BINARIES = {version: binaries()[version] for version in VERSIONS}


# Counters that count, an element that ends, elements of others, a comment that looks like syntax.
OLD = by_tabs("""table inet tidegate {
    counter denied {
        packets 7 bytes 420
    }

    set allow_api4 {
        type ipv4_addr
        flags interval
        elements = { 203.0.113.0/24 }
    }

    set temporary_allow4 {
        type ipv4_addr
        flags timeout
        elements = { 198.51.100.7 timeout 1h expires 30m comment "expires 5s, { x" }
    }

    set fed4 {
        type ipv4_addr
    }

    set denied4 {
        type ipv4_addr . inet_proto . inet_service
        size 65535
        flags dynamic,timeout
        timeout 1d
    }

    chain egress_floor {
        icmp type echo-request accept
    }

    chain egress_output {
        type filter hook output priority 0; policy accept;
        oifname "lo" accept
        jump egress_floor
        ip daddr @allow_api4 tcp dport 443 counter packets 12 bytes 720 accept comment "payments-api"
        counter name "denied"
    }
}
""")
NEW = OLD.replace("203.0.113.0/24", "192.0.2.0/24").replace(
    "tcp dport 443 counter packets 12 bytes 720", "tcp dport 8443 counter packets 0 bytes 0"
)
REQUEST = ChangeRequest("alice@control", "", ("fed4",), "")


@dataclass
class TextTable:
    """A desired table that is a text; it knows how nft lists what it made."""

    table: LiveTable
    text: str | None
    runs: list[bool] = field(default_factory=list)
    loaded: object = None

    def preview(self) -> Mapping[str, Any]:
        return self._run(check=True)

    def load(self) -> Mapping[str, Any]:
        return self._run(check=False)

    def _run(self, *, check: bool) -> Mapping[str, Any]:
        self.runs.append(check)
        before = self.table.listing()
        changed = shape(before, ("fed4",)) not in (shape(self.text, ("fed4",)), self.loaded)
        if changed and not check:
            self.table.load(restore.script(self.text or ""))
            self.loaded = shape(self.table.listing(), ("fed4",))
        changes = [{"action": "add", "kind": "rule"}] if changed else []
        return {"changed": changed, "diff": {"before": before or "", "after": self.text or ""}, "changes": changes}


@dataclass(frozen=True)
class GuardedHost(Host):
    """One host. nft: the binary, which the guard finds as well."""

    nft: Path

    @classmethod
    def at(cls, root: str, nft: Path) -> GuardedHost:
        """Return the host whose files are below a folder and whose table this nft lists and loads."""
        return cls(Paths(root), LiveTable(UtcNft(str(nft))), nft)

    def load(self, script: str) -> None:
        """Have nft load a script, as somebody else would."""
        self.table.load(script)

    def listing(self) -> str:
        """The table with everything in it, "" when there is none."""
        return self.table.listing() or ""

    def apply(self, text: str | None, *, seconds: float = 60.0, check: bool = False, **terms: Any) -> dict[str, Any]:
        """One module run that wants a table."""
        defaults = {"request": REQUEST, "settings": Settings(), "seconds": seconds}
        chosen = apply.Terms(**{**defaults, **terms})
        return apply.change_table(self, TextTable(self.table, text), chosen, check=check)

    def has(self, text: str) -> None:
        """Give the host a confirmed policy."""
        applied = self.apply(text)
        decide.confirm(self, applied["guard"]["token"])

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the installed command."""
        return subprocess.run([str(self.paths.program), *words], text=True, capture_output=True, check=False)

    def timer(self) -> int:
        """Process id of the rollback timer."""
        return int(self.paths.rollback_timer.read_text().split()[0])

    def kill_timer(self) -> None:
        """Kill the rollback timer, if there is one that has not ended by itself."""
        with suppress(FileNotFoundError):
            pid = self.timer()
            send_signal(signal.SIGKILL, pid)
            wait_for(lambda: not is_running(pid), "the end of the rollback timer")

    @contextmanager
    def timer_held(self) -> Iterator[None]:
        """Stop the rollback timer of a change that the body makes, until the body has looked at it.

        It is stopped before the change gives up the lock, so it does nothing before, however long making it takes.
        """
        written = commit_confirm.write_candidate

        def write_and_stop(*arguments: Any) -> None:
            written(*arguments)
            send_signal(signal.SIGSTOP, self.timer())

        with patch.object(commit_confirm, "write_candidate", write_and_stop):
            yield
        send_signal(signal.SIGCONT, self.timer())

    def reboot(self) -> None:
        """Lose what a reboot loses: the kernel's tables, /run, every process."""
        self.kill_timer()
        shutil.rmtree(self.paths.run)
        enter_new()


def timeless(text: str) -> str:
    """A listing without the time that elements have left."""
    return re.sub(r" expires \d+(ms|[dhms])[0-9dhms]*(?= comment|,| }|$)", "", text, flags=re.MULTILINE)


def blocks(text: str) -> list[str]:
    """The blocks of a listing, each byte for byte, without the time that elements have left.

    In the order of their names: nft lists sets in the order of their making, and a set that is kept is older than one
    that is put back.
    """
    return sorted(timeless(text).split("\n\n" if "\n\n" in text else "\n"))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedHost]:
    """An empty host; its guard ends with the test."""
    yield from _host(tmp_path, BINARIES["1.0.6"], monkeypatch)


@pytest.fixture(params=sorted(BINARIES))
def each_host(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedHost]:
    """An empty host with each release of nft in turn."""
    yield from _host(tmp_path, BINARIES[request.param], monkeypatch)


def _host(root: Path, nft: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedHost]:
    # The guard finds nft as any program does.
    monkeypatch.setenv("PATH", f"{nft.parent}:{os.environ['PATH']}")
    guarded = GuardedHost.at(str(root), nft)
    try:
        yield guarded
    finally:
        guarded.kill_timer()


@pytest.fixture
def compiled(host: GuardedHost) -> GuardedHost:
    """A host with a real policy, and an interface into nowhere."""
    host.has(OLD)
    host.load(f"delete table inet tidegate\n{golden('app-enforce')}")
    for command in (
        "link add tgout type veth peer name tgnowhere",
        "link set tgout arp off up",
        "link set tgnowhere up",
        "address add 198.18.0.1/24 dev tgout",
        "route add default dev tgout",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    return host
