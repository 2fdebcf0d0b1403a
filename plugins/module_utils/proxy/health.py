# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the proxy of this host works: it takes connections, its files are as written, and it can log."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from pathlib import Path
from typing import Any, Callable, Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils import files

FOLDER = "/etc/tidegate/proxy"
WRITTEN = f"{FOLDER}/written.json"
"""What the role wrote: port, and the SHA-256 of each file by its path."""
LOG = "/var/log/tidegate-proxy/access.log"
_PATIENCE = 5.0
"""Seconds that Squid may take for a connection."""

At = Callable[[str], Path]
"""Leads from a path to where it is, for hosts below another root."""


def record(at: At, port: int, paths: Iterable[str]) -> None:
    """Write down what was written."""
    sums = {path: _sum(at(path)) for path in paths}
    files.write(at(WRITTEN), json.dumps({"port": port, "files": sums}, indent=1, sort_keys=True).encode(), 0o644)


def facts(at: At) -> dict[str, Any] | None:
    """Return the state of the proxy as plain values, None where there is none. See problem()."""
    found = problem(at)
    return None if found is None else {"answers": not found, "problem": found}


def problem(at: At) -> str | None:
    """Return what is wrong with the proxy, with its fix, "" for nothing, None where there is no proxy."""
    try:
        written = json.loads(at(WRITTEN).read_text(encoding="utf-8"))
        port, sums = int(written["port"]), dict(written["files"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{WRITTEN} cannot be read ({error}); run the role egress_proxy"
    for path, checksum in sums.items():
        actual = _sum(at(path))
        if actual != checksum:
            what = "was edited by hand" if actual else "is missing or cannot be read"
            return f"{path} {what}; run the role egress_proxy"
    try:
        socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE).close()
    except OSError as error:
        return f"nothing answers on port {port} ({error.strerror or error}); see journalctl -u tidegate-proxy"
    log = at(LOG)
    if not os.access(str(log), os.R_OK) or not log.is_file():
        return f"{LOG} is missing or cannot be read; systemctl kill --signal=USR1 tidegate-proxy opens it again"
    return ""


def _sum(path: Path) -> str:
    """Return the SHA-256 of a file, "" where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
