# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each release of dnsmasq that the tests have: what it adds to sets in the kernel by rendered lines.

Run it in a network namespace: it changes nftables there. A second one stands behind it and answers every question.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .nft import HOST, NftCommand
from .paths import CHECKOUT
from .waiting import end, run, wait_for

VERSIONS = ("2.90", "2.91")
"""Those of Debian 12 and 13."""

_LOCAL, _UPSTREAM = "127.0.0.1", "127.0.0.2"
_TYPES = {4: 1, 6: 28}


@dataclass(frozen=True)
class Dnsmasq:
    """One release, with a directory for its files."""

    version: str
    directory: Path

    def complaints(self, text: str) -> str:
        """Return what dnsmasq has to say against a file, "" for nothing."""
        tested = run([*self._command(), "--test", f"--conf-file={self._written(text)}"], check=False)
        return "" if (tested.returncode, tested.stderr.strip()) == (0, "dnsmasq: syntax check OK.") else tested.stderr

    def filled(
        self, text: str, sets: Iterable[Mapping[str, Any]], names: Iterable[str], answers: Sequence[str]
    ) -> dict[str, list[str]]:
        """Return the elements of sets after questions for names, whose answers are these addresses.

        text: the file. sets: those of the compiled table.
        """
        nft = NftCommand(HOST)
        declared = "".join(f"set {each['name']} {{ {_type(each)} }}\n" for each in sets)
        nft.load(f"add table inet tidegate\ndelete table inet tidegate\ntable inet tidegate {{\n{declared}}}\n")
        upstream = [f"--address=/#/{address}" for address in answers]
        with ExitStack() as stack:
            stack.enter_context(self.running(_UPSTREAM, "--conf-file=/dev/null", *upstream))
            file = f"--conf-file={self._written(text)}"
            stack.enter_context(self.running(_LOCAL, file, f"--server={_UPSTREAM}"))
            for name in names:
                for kind in _TYPES.values():
                    _ask(_LOCAL, name, kind)
        listing = json.loads(nft("-j", "list", "table", "inet", "tidegate"))["nftables"]
        return {each["set"]["name"]: _elements(each["set"]) for each in listing if "set" in each}

    @contextmanager
    def running(self, address: str, *options: str) -> Iterator[None]:
        """Run dnsmasq at an address of this namespace, with options and nothing of the machine's."""
        alone = ("--no-daemon", "--no-resolv", "--no-hosts", "--bind-interfaces", "--user=root", "--cache-size=0")
        command = [*self._command(), *alone, f"--listen-address={address}", *options]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            try:
                wait_for(lambda: _bound(address), "dnsmasq", process=process)
                yield
            finally:
                end(process)

    def _written(self, text: str) -> Path:
        file = self.directory / "unit.conf"
        file.write_text(text, encoding="utf-8")
        return file

    def _command(self) -> list[str]:
        return [str(CHECKOUT / "build" / "dnsmasq" / self.version / "dnsmasq")]


def _type(declared: Mapping[str, Any]) -> str:
    kind = f"typeof {declared['typeof']}" if "typeof" in declared else f"type {declared['type']}"
    flags: Collection[str] = declared.get("flags", ())
    return f"{kind}; flags {', '.join(flags)};" if flags else f"{kind};"


def _elements(listed: Mapping[str, Any]) -> list[str]:
    return [str(each["elem"]["val"] if isinstance(each, dict) else each) for each in listed.get("elem", ())]


def _bound(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex((address, 53)) == 0


def _ask(server: str, name: str, kind: int) -> None:
    """Ask over TCP for the addresses of a name and read the answer whole: no datagram is lost."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)
    with socket.create_connection((server, 53)) as connection, connection.makefile("rb") as answer:
        connection.sendall(struct.pack("!H", len(question)) + question)
        (length,) = struct.unpack("!H", answer.read(2))
        assert len(answer.read(length)) == length
