# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a host is configured to use, with its names looked up on the host itself, as its programs would."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import asdict
from typing import Any

from . import needs_basics, needs_packages, needs_software
from .host import Host
from .need import Need

WAIT = 10.0
"""Seconds for all names together; a resolver that does not answer takes 5 s for each (resolv.conf(5))."""


def gather(host: Host) -> list[dict[str, Any]]:
    """Return each need once, with addresses: sorted texts; unresolved: why there are none, else ""."""
    found: dict[tuple[str, str, int, str], Need] = {}
    for room in (needs_packages, needs_basics, needs_software):
        for need in room.needs(host):
            found.setdefault((need.what, need.host, need.port, need.protocol), need)
    known = look_up({need.host for need in found.values()})
    return [
        {**asdict(need), "addresses": known[need.host][0], "unresolved": known[need.host][1]} for need in found.values()
    ]


def look_up(names: set[str]) -> dict[str, tuple[list[str], str]]:
    """Return (addresses, why none) of each name, all asked at the same time."""
    answers: dict[str, tuple[list[str], str]] = {name: ([], "no answer in time") for name in names}
    threads = [threading.Thread(target=_ask, args=(name, answers), daemon=True) for name in sorted(names)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + WAIT
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return dict(answers)


def _ask(name: str, answers: dict[str, tuple[list[str], str]]) -> None:
    try:
        found = socket.getaddrinfo(name, None, proto=socket.IPPROTO_TCP)
    except OSError as error:
        answers[name] = ([], f"does not resolve: {error.strerror or error}")
    except UnicodeError:
        answers[name] = ([], "is no name")
    else:
        answers[name] = (sorted({str(one[4][0]).partition("%")[0] for one in found}), "")
