# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""egress-why: users who are not root ask about their own connections, and learn nothing else of the policy."""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import record
from ansible_collections.tidegate.nftables.tests.support.resolver import DOCUMENT

from .conftest import BINARIES, GuardedHost, _host
from .golden_tables import golden

PAYD, OTHER = 20001, 33
VALUES = Settings(contact="netops@example.org", never=("egress_never[0]: secret keys",))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedHost]:
    """A host below a folder that everybody may enter, where each question starts a server, as systemd does it."""
    with tempfile.TemporaryDirectory(prefix="tg-why-") as root:
        Path(root).chmod(0o755)
        for host in _host(Path(root), BINARIES["1.0.6"], monkeypatch):
            host.apply(golden("app-enforce"), settings=VALUES, confirm=False)
            host.paths.user_command.parent.mkdir(parents=True, exist_ok=True)
            host.paths.user_command.symlink_to(host.paths.program)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(host.paths.why_socket))
            host.paths.why_socket.chmod(0o666)
            host.paths.why_socket.parent.chmod(0o755)
            listener.listen()
            server = threading.Thread(target=serve, args=(host, listener))
            server.start()
            yield host
            listener.shutdown(socket.SHUT_RDWR)
            server.join()
            listener.close()


def serve(host: GuardedHost, listener: socket.socket) -> None:
    while True:
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        with connection:
            subprocess.run([str(host.paths.program), "answer"], stdin=connection.fileno(), check=False)


def ask(host: GuardedHost, uid: int, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(host.paths.user_command), *words]
    return subprocess.run(command, user=uid, group=uid, extra_groups=(), text=True, capture_output=True, check=False)


def test_users_learn_about_their_own_connections(asked: GuardedHost) -> None:
    allowed = ask(asked, PAYD, "203.0.113.9", "https")
    assert (allowed.returncode, allowed.stdout) == (0, "203.0.113.9 tcp/443 as 20001: allowed.\n"), allowed.stderr
    rejected = ask(asked, OTHER, "203.0.113.9", "443")
    assert rejected.returncode == 1, rejected.stderr
    assert (
        rejected.stdout == "203.0.113.9 tcp/443 as www-data: rejected: no entry allows it.\n  ask: netops@example.org\n"
    )
    assert ask(asked, OTHER, "no such name", "443").returncode == 2


def test_the_answer_has_nothing_else_of_the_policy(asked: GuardedHost) -> None:
    for question, keys in (
        (b"203.0.113.9 tcp/443", {"decision", "never", "contact"}),
        (b"203.0.113.9 tcp/443 20001", {"error"}),
        (b"--help", {"error"}),
        (b"api.example.com name", {"refusal"}),
        (b"\xff\x00 443", {"error"}),
    ):
        reply = replied(asked, question)
        assert json.loads(reply).keys() == keys
        assert b"payments" not in reply


def replied(host: GuardedHost, question: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(host.paths.why_socket))
        connection.sendall(question)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_a_user_learns_why_a_name_has_no_address(asked: GuardedHost) -> None:
    kept = record.Record(asked.paths.resolver_record, lambda _line: None)
    asked.paths.resolver_record.parent.mkdir(parents=True)
    kept.refused("inside.example.", "10.0.0.1 is no address that it may lead to")
    kept.refused("other.example.", "of somebody else's")
    kept.save(now=True)
    done = ask(asked, OTHER, "inside.example", "443")
    assert done.returncode == 2
    assert "The resolver refused its answer: 10.0.0.1 is no address that it may lead to." in done.stderr
    assert "somebody" not in done.stderr
    assert "refused" not in ask(asked, OTHER, "unknown.example", "443").stderr
    only = {**DOCUMENT, "dns_names": "only"}
    asked.paths.resolver_document.write_text(json.dumps(only))
    assert "no entry has this name" in ask(asked, OTHER, "unknown.example", "443").stderr


def test_without_the_socket_it_says_so(asked: GuardedHost) -> None:
    asked.paths.why_socket.rename(asked.paths.why_socket.with_name("away"))
    done = ask(asked, OTHER, "203.0.113.9", "443")
    assert done.returncode == 2
    assert done.stderr.startswith("egress-why: Nobody answers at ")
