# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look a name up and connect to its addresses at once, as most programs do."""

from __future__ import annotations

import socket

PORT = 443
SECONDS = 10.0


def outcome(name: str) -> str:
    """Return what came of a connection to a name: answered, refused, or why neither. Every address must agree."""
    try:
        answers = socket.getaddrinfo(name, PORT, type=socket.SOCK_STREAM)
    except OSError as error:
        return str(error.strerror)
    return " and ".join(sorted({_connect(family, address) for family, _type, _protocol, _name, address in answers}))


def _connect(family: int, address: tuple[object, ...]) -> str:
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(SECONDS)
        try:
            sock.connect(address)
        except ConnectionRefusedError:
            return "refused"
        except OSError as error:
            return str(error.strerror or error)
        return "answered"
