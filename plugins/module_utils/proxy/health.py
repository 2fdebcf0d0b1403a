# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the proxy of this host works: it takes connections, its files are as written, and it can log."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils import files

FOLDER = "/etc/tidegate/proxy"
WRITTEN = f"{FOLDER}/written.json"
"""What the role wrote: port, and the SHA-256 of each file by its path."""
CERTIFICATE = f"{FOLDER}/unused.pem"
"""Made once, with the proxy."""
LOG = "/var/log/tidegate-proxy/access.log"
_LISTEN = "0A"
"""The state of a listening socket in /proc/net/tcp (include/net/tcp_states.h of Linux)."""

At = Callable[[str], Path]
"""Leads from a path to where it is, for hosts below another root."""


def record(at: At, port: int, paths: Iterable[str]) -> None:
    """Write down what was written."""
    sums = {path: _sum(at(path)) for path in paths}
    files.write(at(WRITTEN), json.dumps({"port": port, "files": sums}, indent=1, sort_keys=True).encode(), 0o644)


def facts(at: At) -> dict[str, Any] | None:
    """Return the state of the proxy as plain values, None where there is none. See problem()."""
    trouble = problem(at)
    return None if trouble is None else {"answers": not trouble, "problem": trouble}


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
    if not _listens(port):
        return f"nothing answers on port {port}; see journalctl -u tidegate-proxy"
    log = at(LOG)
    if not os.access(str(log), os.R_OK) or not log.is_file():
        return f"{LOG} is missing or cannot be read; systemctl kill --signal=USR1 tidegate-proxy opens it again"
    return ""


def _listens(port: int) -> bool:
    """Return whether a program listens on a port of TCP. Without a connection: the watcher may open no socket of IP."""
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/thread-self/net/{name}").read_text(encoding="ascii").splitlines()[1:]:
                local, state = line.split()[1], line.split()[3]
                if state == _LISTEN and int(local.rpartition(":")[2], 16) == port:
                    return True
    return False


def _sum(path: Path) -> str:
    """Return the SHA-256 of a file, "" where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
