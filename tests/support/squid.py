# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each release of Squid that the tests have: what it decides about requests by rendered rules.

Run it in a network namespace without routes: what it allows then fails with 503 at once, and nothing leaves.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from .dnsmasq import Dnsmasq
from .paths import CHECKOUT
from .waiting import end, run, wait_for

VERSIONS: Mapping[str, str] = {"4.13": "bullseye", "5.7": "bookworm", "6.13": "trixie"}
"""Those of Debian 11, 12 and 13."""

_PORT = 3128
# A request that no rule is about ends at `rest`, with a status of its own.
_MAIN = """
include {directory}/unit.conf
acl rest src all
http_access deny rest
deny_info 404:ERR_ACCESS_DENIED rest
http_port 127.0.0.1:{port}
pid_filename none
cache_log /dev/null
access_log none
coredump_dir {directory}
mime_table {share}/mime.conf
unlinkd_program {share}/../../lib/squid/unlinkd
error_directory {share}/errors/templates
icon_directory {share}/icons
hosts_file none
dns_nameservers 127.0.0.1
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname squid.example
"""
_LOUD = re.compile("WARNING|ERROR|FATAL|unrecognized")
_VERDICTS = {500: True, 503: True, 403: False, 404: None}
"""By the status of an answer: what Squid allows, it cannot forward (500) or not connect (503)."""


def program(version: str) -> Path:
    """Return the program of a release."""
    return CHECKOUT / "build" / "squid" / version / "squid"


def share(version: str) -> Path:
    """Return the folder with what the program reads."""
    return CHECKOUT / "build" / "debian" / f"{VERSIONS[version]}-squid-openssl.package" / "usr" / "share" / "squid"


@dataclass(frozen=True)
class Squid:
    """One release, with a directory for its files."""

    version: str
    directory: Path

    def parse(self, text: str) -> subprocess.CompletedProcess[str]:
        """Return Squid's opinion of rules: it ends with 0 and writes no ERROR where it accepts them."""
        return run([*self._command(text), "-k", "parse"], check=False)

    def complaints(self, text: str) -> list[str]:
        """Return the lines in which Squid complains about rules."""
        parsed = self.parse(text)
        loud = [line for line in parsed.stderr.splitlines() if _LOUD.search(line)]
        return loud or ([] if parsed.returncode == 0 else [parsed.stderr])

    @contextmanager
    def running(self, text: str, names: Mapping[str, str] | None = None) -> Iterator[Answers]:
        """Run Squid with rules; yield its answers. names: with their addresses."""
        command = [*self._command(text), "-N"]
        with (
            self._name_server(names),
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process,
        ):
            try:
                wait_for(_listens, "Squid", process=process, instead=lambda: self.parse(text).stderr)
                yield Answers()
            finally:
                end(process)

    def _name_server(self, names: Mapping[str, str] | None) -> AbstractContextManager[None]:
        if names is None:
            return nullcontext()
        records = [f"--host-record={name},{address}" for name, address in names.items()]
        return Dnsmasq("2.90", self.directory).running("127.0.0.1", "--conf-file=/dev/null", "--local=/#/", *records)

    def _command(self, text: str) -> list[str]:
        (self.directory / "unit.conf").write_text(text, encoding="utf-8")
        main = self.directory / "squid.conf"
        main.write_text(_MAIN.format(directory=self.directory, share=share(self.version), port=_PORT), encoding="utf-8")
        return [str(program(self.version)), "-f", str(main)]


@dataclass
class Answers:
    """What a running Squid decides."""

    _known: dict[tuple[str, str, int], bool | None] = field(default_factory=dict)

    def __call__(self, client: str, to: str, port: int) -> bool | None:
        """Return whether the client may have a tunnel to an address or a name; None where no rule is about it."""
        if (client, to, port) not in self._known:
            self._known[client, to, port] = _VERDICTS[_status(client, to, port)]
        return self._known[client, to, port]


def _listens() -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", _PORT)):
        return True
    return False


def _status(client: str, to: str, port: int) -> int:
    """Return the status of a CONNECT from a local address."""
    authority = f"[{to}]:{port}" if ":" in to else f"{to}:{port}"
    with socket.create_connection(("127.0.0.1", _PORT), source_address=(client, 0)) as connection:
        connection.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            return int(answer.readline().split()[1])
