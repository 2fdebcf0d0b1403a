# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watcher keeps the ledger of a real table, and announces what was rejected for the first time."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program.watcher import Watcher
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import ledger_facts
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.record import Record
from ansible_collections.tidegate.nftables.tests.support.resolver import DOCUMENT

from .conftest import GuardedHost
from .test_observed import send, table

ENFORCING = table("goto egress_enforced").replace("would_deny4", "denied4")


class Journald:
    """The socket of journald, as a host has it. Like journald, a thread reads it: it holds about ten entries."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._path = str(path)
        self._received: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while (text := self._socket.recv(65536).decode()) != "end":
            self._received.put(text)

    def entries(self) -> list[dict[str, str]]:
        """Return what came since the last call: an entry that was sent after all of them is the last to come."""
        self._send("mark")
        texts = iter(self._received.get, "mark")
        return [dict(line.split("=", 1) for line in text.splitlines()) for text in texts]

    def close(self) -> None:
        self._send("end")
        self._reader.join()
        self._socket.close()

    def _send(self, text: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(text.encode(), self._path)


@pytest.fixture
def journald(host: GuardedHost) -> Iterator[Journald]:
    journal = Journald(host.paths.journald)
    yield journal
    journal.close()


def test_a_host_that_enforces_keeps_its_ledger_over_reloads_and_reboots(host: GuardedHost) -> None:
    host.apply(ENFORCING, settings=Settings(), confirm=False)
    send()
    send()
    Watcher(host).copy_ledger()
    host.table.load("flush set inet tidegate denied4")
    send()
    Watcher(host).copy_ledger()
    host.reboot()
    assert host.run("boot").returncode == 0
    (line,) = ledger_facts.facts(host.paths)["lines"]
    assert (line["address"], line["protocol"], line["port"], line["user"]) == ("127.0.0.9", 17, 514, "root")
    assert (line["observed"], line["packets"], line["bytes"]) == (False, 3, 87)
    assert line["first"] <= line["last"]


def test_a_destination_is_announced_once(host: GuardedHost, journald: Journald) -> None:
    host.apply(ENFORCING, settings=Settings(tier="app"), confirm=False)
    assert [entry["TIDEGATE_EVENT"] for entry in journald.entries()] == ["saved"]
    send()
    host.paths.resolver_record.parent.mkdir(parents=True)
    host.paths.resolver_record.write_text('{"others": {"127.0.0.9": "log.example.com"}}')
    Watcher(host).copy_ledger()
    (entry,) = journald.entries()
    assert entry == {
        "MESSAGE": "127.0.0.9 udp/514 by root was rejected for the first time",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "tidegate",
        "SYSLOG_FACILITY": "3",
        "TIDEGATE_EVENT": "denied",
        "TIDEGATE_TIER": "app",
        "TIDEGATE_USER": "root",
        "TIDEGATE_UID": "0",
        "TIDEGATE_DESTINATION": "127.0.0.9",
        "TIDEGATE_NAME": "log.example.com",
        "TIDEGATE_PROTOCOL": "udp",
        "TIDEGATE_PORT": "514",
        "TIDEGATE_DECISION": "rejected",
        "TIDEGATE_PACKETS": "1",
    }
    # Neither by another packet nor by a watcher that starts anew, nor when nf_tables has forgotten it.
    send()
    Watcher(host).copy_ledger()
    host.table.load("flush set inet tidegate denied4")
    send()
    Watcher(host).copy_ledger()
    assert journald.entries() == []


def test_trouble_of_the_resolver_is_announced_by_name(host: GuardedHost, journald: Journald) -> None:
    host.apply(ENFORCING, settings=Settings(tier="app"), confirm=False)
    journald.entries()
    host.paths.resolver_document.write_text(json.dumps(DOCUMENT))
    host.paths.resolver_record.parent.mkdir(parents=True)
    recorded = Record(host.paths.resolver_record, lambda _line: None)
    recorded.refused("inside.example.", "10.0.0.1 is no address that it may lead to")
    recorded.save(now=True)
    Watcher(host).copy_ledger()
    (entry,) = journald.entries()
    fields = {name: entry.get(f"TIDEGATE_{name}") for name in ("EVENT", "TIER", "NAME", "WHY")}
    assert fields == {
        "EVENT": "resolver_refused",
        "TIER": "app",
        "NAME": "inside.example",
        "WHY": "10.0.0.1 is no address that it may lead to",
    }


def test_a_flood_is_announced_in_part_and_counted(host: GuardedHost, journald: Journald) -> None:
    host.apply(ENFORCING, settings=Settings(), confirm=False)
    journald.entries()
    for port in range(1, 61):
        send(port)
    Watcher(host).copy_ledger()
    *single, rest = journald.entries()
    assert len(single) == 50
    assert (rest["TIDEGATE_EVENT"], rest["TIDEGATE_COUNT"]) == ("denied_more", "10")
