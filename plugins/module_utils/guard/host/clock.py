# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The boot that the host is in, the time since it began, and whether a process is still the same one."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.connection import netns_cookie
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError

from .paths import Paths

_START = 22
"""Field of proc_pid_stat(5), counted from 1: when the process started, in ticks since the kernel did."""


def boot_id() -> str:
    """Return an id that changes with a reboot, a restart of the container, or another network namespace.

    A restarted container keeps the kernel's boot id, so the start time of process 1 and the network namespace are part
    of it.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    try:
        cookie = netns_cookie()
    except NetlinkError:
        cookie = None
    namespace = cookie if cookie is not None else Path("/proc/self/ns/net").stat().st_ino
    return f"{boot} {start_time(1)} {namespace}"


def kernel() -> str:
    """Return the release of the kernel that runs."""
    return os.uname().release


def uptime() -> float:
    """Return the seconds since the kernel started, suspended time included; setting the clock does not change it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def utc(epoch: float | None = None) -> str:
    """Return a time, now by default, as 2026-11-20T10:15:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def start_time(pid: int) -> int | None:
    """Return when a process started, in ticks since boot, None without such a process.

    A process that reuses a number has another start time.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The second field, the name in brackets, may contain spaces and brackets.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[_START - 3])


def systemd_runs(paths: Paths) -> bool:
    """Return whether systemd is process 1 and acts in our network namespace (sd_booted(3))."""
    if paths.root or not Path("/run/systemd/system").is_dir():
        return False
    try:
        return Path("/proc/self/ns/net").stat().st_ino == Path("/proc/1/ns/net").stat().st_ino
    except OSError:
        return True
