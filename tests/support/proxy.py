# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid as a proxy for names, with the configuration that the role writes, and a server that it leads to.

Run it in a network namespace: the server has addresses that are someone's on the internet.
"""

from __future__ import annotations

import http.server
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import squid4
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.names import proxy

from . import authority
from .squid import program, share
from .waiting import end, run, wait_for

PROXY, PORT = "10.0.0.9", 3128
SERVER, INSIDE = "50.0.0.1", "10.20.0.5"
BEYOND = (
    *("10.20.0.5", "127.0.0.1", "0.0.0.0", "169.254.169.254", "100.100.100.200", "168.63.129.16", "224.0.0.1"),
    *(
        "::",
        "::1",
        "::10.0.0.1",
        "::ffff:10.0.0.1",
        "fd00:ec2::254",
        "fe80::1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "ff02::1",
    ),
)
"""Where a name may not lead: inside, metadata, and IPv6 addresses that have one of those in them."""
_NAMES = ("api.pay.example", "other.example", "a.wild.example", "wild.example", "pay.corp.example")
# What Debian's package has in /usr, and a name server of the test.
_NOT_INSTALLED = """
mime_table {share}/mime.conf
unlinkd_program {share}/../../lib/squid/unlinkd
icon_directory {share}/icons
hosts_file none
dns_nameservers {dns}
negative_dns_ttl 1 second
"""


_WORKERS = 2
# Its workers talk through sockets in /run/squid.
_IN_A_RUN_OF_ITS_OWN = (
    *("unshare", "--mount", "sh", "-c"),
    'mount -t tmpfs none /run && mkdir /run/squid && chown proxy /run/squid && exec "$@"',
    "sh",
)


@dataclass
class Proxy:
    """One release of Squid with its files."""

    version: str
    directory: Path
    process: subprocess.Popen[bytes] | None = None
    address: str = ""
    """The only one that it listens on, where others run beside it."""
    connections: int = proxy.CONNECTIONS
    """Of one client, for each worker."""
    names: dict[str, authority.Reply | None] = field(default_factory=dict)
    """What its name server answers, which a test may change."""

    @property
    def place(self) -> proxy.Place:
        """Where it has what."""
        folder = str(self.directory)
        return proxy.Place("proxy1", PORT, folder=folder, logs=folder, run=folder)

    @property
    def served(self) -> Path:
        """The files of the server."""
        return self.directory / "www"

    @property
    def certificate(self) -> Path:
        """That of the server, which clients trust."""
        return self.directory / "server.pem"

    def write(self, clients: Sequence[proxy.Client]) -> None:
        """Write the files for clients."""
        (self.directory / "errors").mkdir(exist_ok=True)
        for name, text in proxy.pages("netops@example.org").items():
            (self.directory / "errors" / name).write_text(text, encoding="utf-8")
        text = squid4.translated(proxy.configuration(self.place, clients), int(self.version.partition(".")[0]))
        text = text.replace(f"http_port {PORT}", f"http_port {self.address}:{PORT}") if self.address else text
        text = text.replace(f"_connections {proxy.CONNECTIONS}", f"_connections {self.connections}")
        text += _NOT_INSTALLED.format(share=share(self.version), dns=authority.ADDRESS)
        (self.directory / "squid.conf").write_text(text, encoding="utf-8")

    def parse(self) -> subprocess.CompletedProcess[str]:
        """Return Squid's opinion of its configuration."""
        return run([*self._command(), "-k", "parse"], check=False)

    def reload(self) -> None:
        """Have the running Squid read its configuration; return when each worker has.

        A worker that is told again before it has opened its port ends, and is started anew.
        """
        assert self.process is not None
        number = self._opened() + _WORKERS
        self.process.send_signal(signal.SIGHUP)
        wait_for(partial(self._is_open, number), "the reload", process=self.process)

    def log(self) -> list[dict[str, Any]]:
        """Return the access log, without a line that is half written."""
        whole, _end, _rest = (self.directory / "access.log").read_text(encoding="utf-8").rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        """Run it while the body runs."""
        for name in ("access.log", "cache.log"):
            (self.directory / name).touch()
            (self.directory / name).chmod(0o666)
        command = [*_IN_A_RUN_OF_ITS_OWN, *self._command(), "--foreground"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            self.process = process
            try:
                ready = partial(self._is_open, _WORKERS)
                wait_for(ready, "Squid", process=process, instead=lambda: self.parse().stderr)
                yield self
            finally:
                self.process = None
                end(process)

    def _opened(self) -> int:
        """Return how often a worker has opened its port."""
        return (self.directory / "cache.log").read_text(encoding="utf-8").count("Accepting SSL bumped")

    def _is_open(self, number: int) -> bool:
        return self._opened() >= number

    def _command(self) -> list[str]:
        name = f"tg{os.getpid()}x{self.address.rpartition('.')[2]}"  # of its shared memory
        return [str(program(self.version)), "-n", name, "-f", str(self.directory / "squid.conf")]


def client(host: str, resolved: ResolvedPolicy, own: str) -> proxy.Client:
    """Return a client with one address."""
    return proxy.Client(host, resolved, addresses.parse(own))


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder that Squid's user may use: pytest's are root's alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@contextmanager
def world(version: str, clients: Sequence[proxy.Client], **fields: Any) -> Iterator[Proxy]:
    """Run a proxy, the name server that it asks, and a server behind the names. fields: of the proxy."""
    with folder() as directory, _world(Proxy(version, directory, **fields), clients) as tested:
        yield tested


@contextmanager
def another(first: Proxy, clients: Sequence[proxy.Client], address: str) -> Iterator[Proxy]:
    """Run a proxy beside that of a world."""
    with folder() as directory:
        second = Proxy(first.version, directory, address=address)
        for name in ("server.pem", "unused.pem"):
            shutil.copy(first.directory / name, directory / name)
        second.write(clients)
        with second.running():
            yield second


@contextmanager
def _world(tested: Proxy, clients: Sequence[proxy.Client]) -> Iterator[Proxy]:
    directory = tested.directory
    tested.served.mkdir()
    (tested.served / "index.html").write_text("hello\n", encoding="utf-8")
    for address in (PROXY, SERVER, INSIDE, *(one.own.first() or "" for one in clients)):
        run(["ip", "address", "replace", f"{address}/32", "dev", "lo"])
    _certificate(directory / "server.pem", directory / "server.key", _NAMES)
    _certificate(directory / "unused.pem", directory / "unused.pem", ("unused",))
    replies = tested.names
    replies.update({name: authority.addresses(SERVER) for name in _NAMES[:4]})
    replies["pay.corp.example"] = authority.addresses(INSIDE)
    for number, inside in enumerate(BEYOND):
        replies[f"beyond{number}.wild.example"] = authority.addresses(inside)
        replies[f"mixed{number}.wild.example"] = authority.addresses(SERVER, inside)
    answering = authority.Authority(replies=replies)
    tested.write(clients)
    with answering.running(), _server(SERVER, tested), _server(INSIDE, tested), tested.running():
        yield tested


def _certificate(path: Path, key: Path, names: Sequence[str]) -> None:
    """Write a certificate that signs itself, and its key."""
    made = _made(names[0], ",".join(f"DNS:{name}" for name in names))
    texts = {path: "".join(made)} if key == path else dict(zip((path, key), made, strict=True))
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
        file.chmod(0o644)


def _made(common_name: str, alternatives: str) -> tuple[str, str]:
    """Return a certificate and its key as PEM."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "30", "-subj", f"/CN={common_name}", "-addext", f"subjectAltName={alternatives}"]
    made = run([*command, "-keyout", "/dev/stdout"]).stdout
    key, mark, certificate = made.partition("-----BEGIN CERTIFICATE-----")
    return mark + certificate, key


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: Any) -> None:
        """Keep quiet."""


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, *_arguments: Any) -> None:
        """Keep quiet: clients break off."""


@contextmanager
def _server(address: str, tested: Proxy) -> Iterator[None]:
    """Serve HTTP and HTTPS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tested.certificate, tested.directory / "server.key")
    handler = partial(_Handler, directory=str(tested.served))
    servers = [_Server((address, port), handler) for port in (80, 443, 8443)]
    for server in servers[1:]:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()
