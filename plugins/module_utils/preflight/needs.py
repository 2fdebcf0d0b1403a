# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a host is configured to use, with its names looked up on the host itself, as its programs do."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import asdict
from typing import Any, Iterable, NamedTuple

from . import needs_dns_ntp, needs_packages, needs_software
from .host_files import HostFiles
from .need import Need

LOOKUP_SECONDS = 10.0
"""Seconds for all names together; a resolver that does not answer takes 5 s for each (resolv.conf(5))."""


class Lookup(NamedTuple):
    """The sorted addresses of a name; unresolved: why there are none, else ""."""

    addresses: list[str]
    unresolved: str = ""


def gather(host: HostFiles) -> list[dict[str, Any]]:
    """Return each need once, with the keys of Need and of Lookup."""
    needs: dict[tuple[str, str, int, str], Need] = {}
    for reader in (needs_packages, needs_dns_ntp, needs_software):
        for need in reader.needs(host):
            needs.setdefault((need.what, need.host, need.port, need.protocol), need)
    lookups = look_up({need.host for need in needs.values()})
    return [{**asdict(need), **lookups[need.host]._asdict()} for need in needs.values()]


def look_up(names: Iterable[str]) -> dict[str, Lookup]:
    """Look up all names at the same time, in at most LOOKUP_SECONDS."""
    lookups = {name: Lookup([], "no answer in time") for name in names}
    threads = [threading.Thread(target=_look_up, args=(name, lookups), daemon=True) for name in sorted(lookups)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + LOOKUP_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(lookups)


def _look_up(name: str, lookups: dict[str, Lookup]) -> None:
    try:
        answers = socket.getaddrinfo(name, None, proto=socket.IPPROTO_TCP)
    except OSError as error:
        lookups[name] = Lookup([], f"does not resolve: {error.strerror or error}")
    except UnicodeError:
        lookups[name] = Lookup([], "is not a name")
    else:
        lookups[name] = Lookup(sorted({str(answer[4][0]).partition("%")[0] for answer in answers}))
