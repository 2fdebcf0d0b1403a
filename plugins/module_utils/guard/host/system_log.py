# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write to the system's log: journald with fields of our own, elsewhere syslog with the same in one line."""

from __future__ import annotations

import socket
import syslog
from contextlib import suppress
from typing import Any, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable

from .paths import Paths

IDENTIFIER = "tidegate"
WARNING, NOTICE = syslog.LOG_WARNING, syslog.LOG_NOTICE
_PATIENCE = 0.2
"""Seconds that journald may take to make room for an entry: its socket holds about ten."""
_DAEMON = 3
"""The facility daemon (RFC 5424)."""


def send(paths: Paths, level: int, message: str, event: str, fields: Mapping[str, Any]) -> None:
    """Write one entry with TIDEGATE_EVENT and a field TIDEGATE_NAME for each field; never fail.

    Below a root of its own, as labs have it, only a journald in there is written to.
    """
    shown = {name: printable(_text(value)) for name, value in fields.items() if value not in ("", None)}
    entry = {
        "MESSAGE": printable(message),
        "PRIORITY": str(level),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        "SYSLOG_FACILITY": str(_DAEMON),
        "TIDEGATE_EVENT": event,
        **{f"TIDEGATE_{name.upper()}": value for name, value in shown.items()},
    }
    # Printable text has no line ends, so the simple form of the protocol will do (systemd.io/JOURNAL_NATIVE_PROTOCOL).
    text = "".join(f"{name}={value}\n" for name, value in entry.items())
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.settimeout(_PATIENCE)
        journal.sendto(text.encode("utf-8", "replace"), str(paths.journald))
        return
    if not paths.root:
        syslog.openlog(IDENTIFIER, syslog.LOG_PID, syslog.LOG_DAEMON)
        syslog.syslog(level, entry["MESSAGE"] + "".join(f" {name}={value!r}" for name, value in shown.items()))


def _text(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
