# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A publisher of lists on 127.0.0.1 that can misbehave in every way that was met."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Publisher:
    """url: of the server. behaviour: what it does with the next requests. asked: the paths of all requests."""

    url: str
    behaviour: Behaviour
    asked: list[str] = field(default_factory=list)

    def publish(self, *networks: str) -> None:
        self.behaviour = sends("\n".join(networks).encode() + b"\n")


def sends(body: bytes, status: int = 200, length: int | None = None, **headers: str) -> Behaviour:
    """An answer. length: what it claims to have; -1 claims nothing."""

    def behave(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        claimed = len(body) if length is None else length
        if claimed >= 0:
            request.send_header("Content-Length", str(claimed))
        request.end_headers()
        request.wfile.write(body)

    return behave


def sends_chunks(*chunks: bytes, end: bool) -> Behaviour:
    def behave(request: BaseHTTPRequestHandler) -> None:
        request.protocol_version = "HTTP/1.1"
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.send_header("Connection", "close")
        request.end_headers()
        for chunk in chunks:
            request.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        if end:
            request.wfile.write(b"0\r\n\r\n")

    return behave


@contextmanager
def publisher(certificate: Path | None = None) -> Iterator[Publisher]:
    """A server in a thread of its own; with a certificate (and its key in one file) it speaks TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            found.behaviour(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up is what several tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    found = Publisher(f"{scheme}://localhost:{server.server_port}", sends(b""))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
