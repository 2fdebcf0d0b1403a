# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit's process: the writer, with unbound as its child. Either ends with the other, and systemd starts both anew.

The child keeps no capability but that for port 53. SIGHUP reads the document again; the port stays open meanwhile.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import RESOLVER_ADDRESS

from . import configuration, document, messages, question, unbound_module
from .document import PERIODIC, Document
from .kernel import SetWriter
from .periodic import Asker
from .record import FILE, Record, digest
from .shares import Shares
from .writer import Writer

_PACKAGES = "/usr/lib/python3/dist-packages"
"""Where Debian has unbound's Python module; unbound of Debian 11 and 12 does not look there by itself."""

_CONFINED = (
    "setpriv",
    "--inh-caps=-all,+net_bind_service",
    "--ambient-caps=-all,+net_bind_service",
    "--no-new-privs",
    "--pdeathsig=KILL",
)
"""Before the command of unbound: without CAP_NET_ADMIN it can change no set, and it ends with the writer."""

_PAUSE = 1.0
_ALIVE_TIMEOUT = 2.0
_ALIVE_INTERVAL = 5.0
_SEEDING = 5.0
"""Seconds that the first questions for exact names may hold up the start."""
_LONGEST_SEED = 300.0


@dataclass(frozen=True)
class Files:
    """document: as document.py reads it. program: the archive with this code. folder: of the files that are made."""

    document: Path
    program: Path
    folder: Path

    @property
    def record(self) -> Path:
        """What the writer did (record.py)."""
        return self.folder / FILE

    @property
    def configuration(self) -> Path:
        """unbound's configuration."""
        return self.folder / "unbound.conf"

    @property
    def script(self) -> Path:
        """unbound's script."""
        return self.folder / "unbound.py"

    def read(self, record: Record) -> Document:
        """Return the document, and note which one it is. Raise TidegateError."""
        try:
            text = self.document.read_text("utf-8")
            desired = document.parse(json.loads(text))
            record.document = digest(text)
        except (OSError, ValueError) as error:
            raise TidegateError("damaged", f"{self.document} cannot be read: {error}.") from error
        else:
            return desired


def run(files: Files) -> None:
    """Run until a signal comes. Raise TidegateError when it cannot start, or when unbound has ended by itself."""
    record = Record(files.record, _say)
    desired = files.read(record)
    signals = _Signals()
    if desired.mode == PERIODIC:
        _ask_periodically(files, desired, record, signals)
    else:
        _resolve(files, desired, record, signals)


def _ask_periodically(files: Files, desired: Document, record: Record, signals: _Signals) -> None:
    shares = Shares()
    asker = _asker(desired, record, shares)
    asker.round()
    _notify("READY=1")
    while not signals.end:
        if signals.take_reload():
            asker = _asker(files.read(record), record, shares)
            record.save(now=True)
        time.sleep(min(_PAUSE, asker.round()))
        record.alive(time.time())
        record.save()
        _notify("WATCHDOG=1")


def _asker(desired: Document, record: Record, shares: Shares) -> Asker:
    return Asker(desired, Writer(desired, SetWriter(*desired.table, desired.stay), record, shares))


def _resolve(files: Files, desired: Document, record: Record, signals: _Signals) -> None:
    _configure(files, desired)
    shares = Shares()
    writer = Writer(desired, SetWriter(*desired.table, desired.stay), record, shares)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(_PAUSE)
    command = [*_CONFINED, "unbound", "-d", "-p", "-c", str(files.configuration)]
    environment = {**_environment(files), unbound_module.CHANNEL: str(theirs.fileno())}
    child = subprocess.Popen(command, env=environment, pass_fds=(theirs.fileno(),))
    theirs.close()
    keeper = _Keeper(desired)
    keeper.start()
    record.save(now=True)
    try:
        while not signals.end:
            if signals.take_reload():
                try:
                    desired = files.read(record)
                    _configure(files, desired)
                except TidegateError as error:
                    # With the old ones, the host still has DNS.
                    _say(f"The names are as before: {error}")
                    continue
                writer = Writer(desired, SetWriter(*desired.table, desired.stay), record, shares)
                keeper.ask_for(desired)
                child.send_signal(signal.SIGHUP)
                record.save(now=True)
            with suppress(socket.timeout):
                data = ours.recv(messages.LARGEST)
                if not data:
                    raise TidegateError("resolver_failed", f"unbound ended with status {child.wait()}.")
                reply = writer.handle(data)
                if reply is not None:
                    ours.send(reply)
            writer.retry()
            record.alive(keeper.alive_at)
            record.without_address(keeper.without)
            record.save()
    except OSError as error:
        raise TidegateError("resolver_failed", f"unbound does not listen any more: {error.strerror}.") from error
    finally:
        record.save(now=True)
        child.terminate()
        child.wait()


def _configure(files: Files, desired: Document) -> None:
    """Write unbound's files after unbound has tried them: a configuration that it does not accept ends it."""
    files.script.write_text(configuration.script(files.program), "utf-8")
    new = files.configuration.with_name("unbound.conf.new")
    new.write_text(configuration.text(desired, files.script), "utf-8")
    try:
        tried = subprocess.run(
            ["unbound-checkconf", str(new)],
            env=_environment(files),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except OSError as error:
        raise TidegateError("resolver_failed", f"unbound cannot be started: {error.strerror}.") from error
    if tried.returncode:
        raise TidegateError("resolver_failed", f"unbound does not accept its configuration: {tried.stdout.strip()}")
    new.replace(files.configuration)


def _environment(files: Files) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": _PACKAGES,
        unbound_module.DOCUMENT: str(files.document),
    }


class _Signals:
    """What signals ask for. A signal also ends the system call that waits."""

    def __init__(self) -> None:
        self.end = False
        self._reload = False
        signal.signal(signal.SIGTERM, self._on_end)
        signal.signal(signal.SIGHUP, self._on_reload)

    def _on_end(self, *_arguments: Any) -> None:
        self.end = True

    def _on_reload(self, *_arguments: Any) -> None:
        self._reload = True

    def take_reload(self) -> bool:
        """Return whether the document is to be read again, once for each signal."""
        asked, self._reload = self._reload, False
        return asked


class _Keeper(threading.Thread):
    """Asks our own resolver: whether it lives, for systemd, and for every exact name, so that its addresses stay.

    So they come back where the table was lost, and applications that keep an address for hours find it open.
    """

    def __init__(self, desired: Document) -> None:
        super().__init__(daemon=True)
        self.desired = desired
        self.seed_at = 0.0
        self.alive_at = 0.0
        self.without: frozenset[str] | None = None
        """Exact names that have no address; None until all were asked for."""
        self._woken = threading.Event()

    def ask_for(self, desired: Document) -> None:
        """Ask for the names of another document, now."""
        self.desired, self.seed_at, self.without = desired, 0.0, None
        self._woken.set()

    def run(self) -> None:
        """Run until the process ends."""
        ready = False
        while True:
            if _is_alive():
                self.alive_at = time.time()
                if time.monotonic() >= self.seed_at:
                    self.seed_at = time.monotonic() + min(_LONGEST_SEED, max(_SEEDING, self.desired.floor / 2))
                    self._seed(None if ready else time.monotonic() + _SEEDING)
                _notify("WATCHDOG=1" if ready else "READY=1")
                ready = True
            self._woken.wait(_ALIVE_INTERVAL if ready else 0.05)
            self._woken.clear()

    def _seed(self, until: float | None) -> None:
        without, desired = set(), self.desired
        for name in desired.exact:
            empty = 0
            for kind in (question.A, question.AAAA):
                if until is not None and time.monotonic() > until:
                    return
                with suppress(OSError):
                    empty += question.ask(RESOLVER_ADDRESS, name, kind, _ALIVE_TIMEOUT).is_empty
            if empty == 2:
                without.add(name)
        if self.desired is desired:
            self.without = frozenset(without)


def _is_alive() -> bool:
    try:
        question.ask(RESOLVER_ADDRESS, configuration.ALIVE, question.A, _ALIVE_TIMEOUT)
    except OSError:
        return False
    return True


def _notify(state: str) -> None:
    """Tell systemd (sd_notify(3)); without systemd, nobody."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, suppress(OSError):
            sock.sendto(state.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
