# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A destination that a host is configured to use. The readers are in needs_*.py, by kind of software."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterator, Sequence
from urllib.parse import urlsplit

PORTS = {
    "http": 80,
    "https": 443,
    "ftp": 21,
    "ssh": 22,
    "git": 9418,
    "ldap": 389,
    "ldaps": 636,
    "rsync": 873,
    "amqp": 5672,
    "amqps": 5671,
    "redis": 6379,
    "socks": 1080,
    "socks5": 1080,
}
"""Ports of the schemes of URLs (IANA's register of services)."""

_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|[0-9A-Fa-f:]+:[0-9A-Fa-f:.]*)\.?")
_PORTED = re.compile(r"(?:\[(?P<six>[^\[\]\s]+)\]|(?P<host>[^\[\]:/\s]+))(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True)
class Need:
    """One destination that something on this host is configured to use.

    what: the software; where: file and line; host: name or address; user: owner of the packets, None for any user.
    """

    what: str
    where: str
    host: str
    port: int
    protocol: str = "tcp"
    user: str | None = None


def line_of(path: str, text: str, offset: int) -> str:
    """Return file:line of an offset in a text."""
    return f"{path}:{text.count(chr(10), 0, offset) + 1}"


def endpoint(text: str, default: int | None) -> tuple[str, int] | None:
    """Return (host, port) of a URL, HOST:PORT, [ADDRESS]:PORT or HOST; None when it is none of these or on this host.

    default: the port where none is written and the scheme has none.
    """
    text = text.strip().strip("\"'")
    if "://" in text:
        return _of_url(text, default)
    if is_host(text) and text.count(":") > 1:
        return None if is_local(text) or default is None else (text, default)
    match = _PORTED.fullmatch(text)
    if match is None:
        return None
    host, port = match["six"] or match["host"], int(match["port"] or default or 0)
    return (host, port) if is_host(host) and not is_local(host) and 0 < port < 65536 else None


def _of_url(text: str, default: int | None) -> tuple[str, int] | None:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    port = port or PORTS.get(parts.scheme.rpartition("+")[2], default or 0)
    return (host, port) if host and is_host(host) and not is_local(host) and port else None


def is_host(text: str) -> bool:
    """Return whether a text can be a name or an address, and is not a template."""
    return bool(_HOST.fullmatch(text)) and len(text) < 254


def is_local(host: str) -> bool:
    """Return whether it is this host itself, which no policy is about."""
    return host in ("localhost", "::1", "::", "0.0.0.0") or host.startswith("127.")  # noqa: S104


def words(text: str) -> Sequence[str]:
    """Return the words of a line without its comment."""
    return text.partition("#")[0].split()


def lines(path: str, text: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield (file:line, words) of each line that is not empty and not a comment."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.lstrip().startswith((";", "!", "%")):
            line_words = words(line)
            if line_words:
                yield f"{path}:{number}", line_words
