# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server on 127.0.0.1 that publishes lists, and that can misbehave as real ones did."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Publisher:
    """url: of the server. behaviour: answers the next requests. requests: the paths of all requests.

    closing: set at the end of the test, which also ends the answers of hangs() and drips().
    """

    url: str
    behaviour: Behaviour
    requests: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def publish(self, *networks: str) -> None:
        self.behaviour = sends("\n".join(networks).encode() + b"\n")


def sends(body: bytes, status: int = 200, length: int | None = None, **headers: str) -> Behaviour:
    """Return a behaviour that answers with a body. length: of the header Content-Length, -1 for no such header."""

    def behave(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        header = len(body) if length is None else length
        if header >= 0:
            request.send_header("Content-Length", str(header))
        request.end_headers()
        request.wfile.write(body)

    return behave


def sends_chunks(*chunks: bytes, end: bool) -> Behaviour:
    """Return a behaviour that answers in chunks. end: whether the last, empty one follows."""

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


def hangs(request: BaseHTTPRequestHandler) -> None:
    """Answer nothing as long as the test goes on."""
    _closing(request).wait()


def drips(request: BaseHTTPRequestHandler) -> None:
    """Answer byte by byte as long as the test goes on: never silent for long, and never done."""
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    with suppress(OSError):  # the client has hung up
        while not _closing(request).wait(0.05):
            request.wfile.write(b"1")


def _closing(request: BaseHTTPRequestHandler) -> threading.Event:
    event = vars(type(request.server))["closing"]
    assert isinstance(event, threading.Event)
    return event


@contextmanager
def publisher(certificate: Path | None = None) -> Iterator[Publisher]:
    """Run a server in a thread of its own. certificate: with its key in one file; with it the server speaks TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.requests.append(self.path)
            made.behaviour(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        closing = threading.Event()

        def handle_error(self, request: object, client_address: object) -> None:
            """Print nothing: in several tests the client hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    made = Publisher(f"{scheme}://localhost:{server.server_port}", sends(b""), closing=server.closing)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
