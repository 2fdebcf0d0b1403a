# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebook by ansible-rulebook itself, over a journald of its own, to which our code writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import system_log
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import names_watch
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import journal
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

PROGRAM = CHECKOUT / "build" / "rulebook" / "bin" / "ansible-rulebook"
RULEBOOK = "tidegate.nftables.egress_events"
FLOW = {
    "tier": "app",
    "user": "www-data",
    "uid": 33,
    "destination": "203.0.113.66",
    "protocol": "tcp",
    "port": 25,
    "packets": 3,
}


@contextmanager
def journald(root: Path) -> Iterator[Paths]:
    """Yield a root with a journald that has its socket there and its files in the folder log.

    A journald beside the machine's own ends after half a minute without entries, so it runs while something is written.
    """
    socket = root / "run" / "systemd" / "journal"
    for folder in (socket, root / "log", root / "var" / "lib" / "tidegate"):
        folder.mkdir(parents=True, exist_ok=True)
    environment = {"RUNTIME_DIRECTORY": str(socket), "LOGS_DIRECTORY": str(root / "log")}
    (socket / "socket").unlink(missing_ok=True)
    with subprocess.Popen(["/lib/systemd/systemd-journald", "tidegate-test"], env=environment) as daemon:
        try:
            wait_for((socket / "socket").exists, "the socket of journald", process=daemon)
            yield Paths(str(root))
        finally:
            daemon.terminate()


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder whose path is short: those of journald's sockets must fit into 108 bytes (unix(7))."""
    with tempfile.TemporaryDirectory(prefix="tg-") as folder:
        yield Path(folder)


def test_events_of_hosts_start_what_the_rulebook_says(root: Path) -> None:
    host = os.uname().nodename
    variables = {
        "egress_tier": "app",
        "egress_mode": "enforce",
        "egress_internal_networks": ["10.0.0.0/8"],
        "egress_dns_servers": ["10.0.0.53"],
        "ansible_connection": "local",
    }
    (root / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": {host: variables}}}))
    cursor = root / "cursor"
    settings = {"egress_journal_directory": str(root / "log"), "egress_journal_cursor": str(cursor)}
    (root / "vars.yml").write_text(yaml.safe_dump(settings))
    with journald(root) as paths:
        journal.add(paths, "confirmed", token="t0")
        cursor.write_text(last_cursor(root / "log"))
        # What comes before the rulebook runs is not lost: it has a place to start from.
        rejected = {**FLOW, "decision": "rejected"}
        system_log.send(paths, system_log.WARNING, "The flow was rejected.", "denied", rejected)
        observed = {**FLOW, "decision": "would_reject", "destination": "203.0.113.67"}
        system_log.send(paths, system_log.WARNING, "The flow would be rejected.", "denied", observed)
    output = root / "output"
    command = [str(PROGRAM), "--rulebook", RULEBOOK, "--inventory", "inventory.yml", "--vars", "vars.yml"]
    environment = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "HOME": str(root)}
    with (
        output.open("wb") as file,
        subprocess.Popen(command, cwd=root, env=environment, stdout=file, stderr=file) as run,
    ):

        def said(*texts: str) -> bool:
            return all(text in output.read_text() for text in texts)

        try:
            wait_for(lambda: said("The flow was rejected."), "the rejection", process=run, instead=output.read_text)
            with journald(root) as paths:
                journal.add(paths, "restored", token="t1", who="alice", what="add {{ 7 * 7 }}")
                journal.add(paths, "edited", token="t1")
                system_log.send(paths, system_log.WARNING, "The resolver is silent.", names_watch.SILENT, {})
            meanings = (journal.EVENTS["restored"], journal.EVENTS["edited"], "The resolver is silent.", "PLAY RECAP")
            wait_for(lambda: said(*meanings), "rollback, edit, trouble", process=run, instead=output.read_text)
            last = last_cursor(root / "log")
            wait_for(lambda: cursor.read_text().strip() == last, "the place of the last entry", process=run)
        finally:
            run.send_signal(signal.SIGINT)
    shown = output.read_text()
    assert f"no: {host} as everybody to 203.0.113.66 with tcp/25" in shown
    assert "would be rejected." not in shown
    assert cursor.read_text().strip() == last


def last_cursor(folder: Path) -> str:
    """Return the place of the last entry in a folder of journal files, once there is one."""
    command = ["journalctl", f"--directory={folder}", "--identifier=tidegate", "--lines=1", "--output=json"]

    def last() -> str:
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout

    return str(json.loads(wait_for(last, "an entry"))["__CURSOR"])
