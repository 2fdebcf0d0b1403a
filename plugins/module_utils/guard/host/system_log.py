# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write to the system's log: journald with fields of our own, elsewhere syslog with the same in one line."""

from __future__ import annotations

import socket
import syslog
from contextlib import suppress
from pathlib import Path
from typing import Any, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable

from .paths import Paths

IDENTIFIER = "tidegate"
WARNING, NOTICE = syslog.LOG_WARNING, syslog.LOG_NOTICE
_PATIENCE = 0.2
"""Seconds that journald may take to make room for an entry: its socket holds about ten."""
_NOT_LOGGED = (
    "egress_log: kernel: no packet of this host is logged, because it is a container or has a network namespace of "
    "its own. Fix: egress_log: nflog, or net.netfilter.nf_log_all_netns=1 on the machine, whose log then has them."
)
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


def kernel_log_warnings(log: str) -> list[str]:
    """Return a warning where rules log to the kernel's log and the kernel does so for no container.

    log: none, kernel or nflog. The kernel shows this setting only to those whose packets it logs.
    """
    if log != "kernel" or Path("/proc/sys/net/netfilter/nf_log_all_netns").exists():
        return []
    return [_NOT_LOGGED]


def _text(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
