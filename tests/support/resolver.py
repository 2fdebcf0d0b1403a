# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's resolver as its unit runs it, with each release of unbound that the tests have.

It runs in the test's network namespace, where every address of 50.0.0.0/8 and 2600::/16 is one of this machine.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import package
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import question
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.configuration import ALIVE
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.question import Answer
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import RESOLVER_ADDRESS as ADDRESS

from . import authority
from .authority import Reply, addresses
from .nft import HOST, NftCommand
from .paths import CHECKOUT
from .waiting import end, run, wait_for

VERSIONS = ("1.13.1", "1.17.1", "1.26.2")
"""Those of Debian 11, 12 and 13."""

PORT = 8443
UID = 31053
"""Of the resolver's user, who need not exist."""

_CAPABILITIES = "-all,+net_admin,+net_bind_service"
_AS_UNIT = (
    *("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs"),
    *(f"--bounding-set={_CAPABILITIES}", f"--inh-caps={_CAPABILITIES}", f"--ambient-caps={_CAPABILITIES}"),
)

TABLE = """
table inet tidegate {
    set names_api4 { typeof ip daddr; flags timeout; size 65535; }
    set names_api6 { typeof ip6 daddr; flags timeout; size 65535; }
    set names_corp4 { typeof ip daddr; flags timeout; size 16; }
    set names_corp6 { typeof ip6 daddr; flags timeout; size 16; }
    set denied { type ipv4_addr; flags dynamic; size 16; }
    chain out {
        type filter hook output priority 0;
        tcp dport != 8443 accept
        tcp flags & (syn | ack) != syn accept
        ip daddr @names_api4 accept
        ip6 daddr @names_api6 accept
        ip daddr @names_corp4 accept
        add @denied { ip daddr }
        reject with tcp reset
    }
}
"""

DOCUMENT: Mapping[str, Any] = {
    "version": 1,
    "mode": "resolver",
    "table": ["inet", "tidegate"],
    "servers": [authority.ADDRESS],
    "floor": 3600,
    "grace": 120,
    "dns_names": "any",
    "allow": [],
    "inside": {"intern.example": ["10.0.0.0/8"]},
    "sets": [
        {
            "entry": "api",
            "names": ["api.example.com", "*.example.net", ".both.example.org"],
            "set4": "names_api4",
            "set6": "names_api6",
            "within": None,
            "keep": "used",
        },
        {
            "entry": "corp",
            "names": [".corp.example", "api.example.com"],
            "set4": "names_corp4",
            "set6": "names_corp6",
            "within": ["10.0.0.0/8", "50.0.7.0/24"],
            "keep": "used",
        },
    ],
    "refuse": [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16",
        "169.254.0.0/16",
        "fc00::/7",
    ],
}
API, CORP = DOCUMENT["sets"]

EXACT: Mapping[str, Reply] = {
    "api.example.com": addresses("50.0.7.1", "50.3.0.1"),
    "both.example.org": addresses("50.3.0.2"),
    "corp.example": addresses("10.9.8.5"),
}
"""What a name server says about the exact names of DOCUMENT, for which the resolver asks at its start.

A name server needs them before: a resolver keeps for seconds that a name does not exist.
"""


@dataclass
class Resolver:
    """A resolver that runs, or is about to. nft: of the test's namespace."""

    version: str
    paths: Paths
    document: dict[str, Any]
    nft: NftCommand = field(default_factory=lambda: NftCommand(HOST))
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        unbound = CHECKOUT / "build" / "unbound" / self.version
        environment = {"PATH": f"{unbound}:{os.environ['PATH']}"}
        command = [*_AS_UNIT, "/usr/bin/python3", "-IS", str(self.paths.program), "resolve"]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        wait_for(self._answers, "an answer of the resolver", process=self.process, instead=self._complaints)

    def stop(self) -> str:
        """End it as systemd does; return what it said."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate()[1]

    def kill(self) -> None:
        """Kill it and unbound."""
        assert self.process is not None
        end(self.process)

    def write(self, **changes: Any) -> None:
        """Write the document anew."""
        self.document = {**self.document, **changes}
        self.paths.names.write_text(json.dumps(self.document))

    def reload(self) -> None:
        """Have it read the document again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def ask(self, name: str, kind: int = question.A) -> Answer:
        """Return its answer about a name, however long the machine takes."""
        return question.ask(ADDRESS, name, kind, 60)

    def addresses(self, name: str, kind: int = question.A) -> list[str]:
        """Return the addresses in its answer."""
        return sorted(_text(key) for key, _ttl in self.ask(name, kind).records)

    def elements(self, name: str = "names_api4") -> dict[str, float]:
        """Return the addresses in a set with the seconds that they stay."""
        return elements(name, self.nft)

    def record(self) -> dict[str, Any]:
        """Return what it wrote about itself."""
        file = self.paths.resolver / "record.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def _answers(self) -> bool:
        if self.document["mode"] == "periodic":
            return bool(self.record())
        try:
            question.ask(ADDRESS, ALIVE, question.A, 1)
        except OSError:
            return False
        return True

    def _complaints(self) -> str:
        assert self.process is not None
        return self.process.stderr.read() if self.process.stderr and self.process.poll() is not None else ""


@contextmanager
def installed(version: str, **changes: Any) -> Iterator[Resolver]:
    """Install a resolver below a folder that its user may enter; it ends with the body."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        paths = Paths(folder)
        for made in (paths.names.parent, paths.program.parent, paths.resolver):
            made.mkdir(parents=True)
        os.chown(paths.resolver, UID, UID)
        paths.program.write_bytes(package.build())
        resolver = Resolver(version, paths, dict(DOCUMENT))
        resolver.write(**changes)
        try:
            yield resolver
        finally:
            if resolver.process is not None:
                end(resolver.process)


@contextmanager
def running(version: str, table: str = TABLE, **changes: Any) -> Iterator[Resolver]:
    """Run a resolver beside a table. changes: of DOCUMENT."""
    take_addresses()
    with installed(version, **changes) as resolver:
        resolver.nft.load(table)
        resolver.start()
        yield resolver


def take_addresses() -> None:
    """Have the namespace take all addresses of the tests for its own."""
    for words in ("route add local 50.0.0.0/8 dev lo", "-6 route add local 2600::/16 dev lo"):
        run(["ip", *words.split()])


@contextmanager
def listener() -> Iterator[None]:
    """Accept connections to PORT of every address."""

    def accept() -> None:
        with suppress(OSError):
            while True:
                server.accept()[0].close()

    with socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True, backlog=4096) as server:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def connects(address: str) -> bool:
    """Return whether a connection to PORT of an address is let through."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.settimeout(60)
        try:
            sock.connect((address, PORT))
        except ConnectionRefusedError:
            return False
        return True


def elements(name: str = "names_api4", nft: NftCommand | None = None) -> dict[str, float]:
    """Return the addresses in a set with the seconds that they stay."""
    listing = (nft or NftCommand(HOST))("-j", "list", "set", "inet", "tidegate", name)
    set_ = json.loads(listing)["nftables"][-1]["set"]
    return {each["elem"]["val"]: each["elem"]["expires"] for each in set_.get("elem", [])}


def add_huge_set(nft: NftCommand) -> None:
    """Make an interval set of 100,000 elements in a table of somebody else, named other."""
    intervals = ", ".join(f"60.{n >> 15 & 255}.{n >> 7 & 255}.{(n & 127) * 2}" for n in range(100_000))
    declared = f"set big {{\ntype ipv4_addr\nflags interval\nelements = {{ {intervals} }}\n}}\n"
    nft.load(f"table inet other {{\n{declared}}}\n")


def fill_ledger() -> None:
    """Have the table reject more destinations than its ledger has room for."""
    for number in range(32):
        assert not connects(f"50.255.0.{number}")


@contextmanager
def policy_changing(nft: NftCommand) -> Iterator[None]:
    """Change the table that the resolver writes into, and another one, again and again while the body runs."""
    changes = 0
    failed: list[AssertionError] = []
    end_now = threading.Event()
    networks = ", ".join(f"70.0.{n >> 8}.{n & 255}/32" for n in range(500))
    made = (
        f"table inet tidegate {{\nset change {{ type ipv4_addr; flags interval; elements = {{ {networks} }}; }}\n"
        "chain change { ip daddr @change accept; }\n}\ntable inet foreign { set s { type ipv4_addr; }; }\n"
    )
    gone = "".join(
        f"{words}\n"
        for words in (
            "flush chain inet tidegate change",
            "delete chain inet tidegate change",
            "delete set inet tidegate change",
            "delete table inet foreign",
        )
    )

    def change() -> None:
        nonlocal changes
        try:
            while not end_now.is_set():
                nft.load(made)
                nft.load(gone)
                changes += 1
        except AssertionError as error:
            failed.append(error)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        end_now.set()
        thread.join()
    assert changes, failed
    assert not failed


def refused(resolver: Resolver, names: Iterable[str]) -> list[str]:
    """Ask for names, connect at once to each address, and return those that were not let through."""
    return [name for name in names for address in resolver.addresses(name) if not connects(address)]


def addresses_within(name: str, seconds: float) -> list[str]:
    """Return the addresses in the resolver's answer. Raise OSError where none comes in time."""
    return sorted(_text(key) for key, _ttl in question.ask(ADDRESS, name, question.A, seconds).records)


def code_within(name: str, seconds: float) -> int:
    """Return the code of the resolver's answer. Raise OSError where none comes in time."""
    return question.ask(ADDRESS, name, question.A, seconds).rcode


def raw(name: str, kind: int = question.A) -> bytes:
    """Return the resolver's answer as it is. A dot after a backslash is a part of its label."""
    query = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + authority.wire(name) + struct.pack("!2H", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(60)
        sock.connect((ADDRESS, question.PORT))
        sock.send(query)
        return sock.recv(65536)


def _text(key: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(key) == 4 else socket.AF_INET6, key)
