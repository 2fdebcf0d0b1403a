# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build and remove the lab's namespaces with ip(8)."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .namespace import NAMES, inside
from .resolvers import OWN_FILES, STATE, forget
from .topology import LabError, LabNet, ip_batches

NAME = re.compile(r"tg-lab(?P<keeper>\d+)-")
FORWARDING = {"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1}
# With duplicate address detection, an IPv6 address cannot be used for the first two seconds.
NO_ADDRESS_DETECTION = {"ipv6/conf/all/accept_dad": 0, "ipv6/conf/default/accept_dad": 0}
SECONDS = 30


def prefix_of(keeper: int) -> str:
    """Return how the names of a keeper's namespaces begin: with its process number, so that orphans are recognised."""
    return f"tg-lab{keeper}"


def _ip(*arguments: str, lines: tuple[str, ...] = ()) -> str:
    try:
        done = subprocess.run(
            ["ip", *arguments],
            input="\n".join(lines) + "\n",
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError("ip is missing. Fix: install the package iproute2") from error
    if done.returncode:
        fix = ". Fix: run the container with --privileged" if "Operation not permitted" in done.stderr else ""
        raise LabError(f"ip {' '.join(arguments)}: {done.stderr.strip() or f'exit status {done.returncode}'}{fix}")
    return done.stdout


def build(net: LabNet) -> None:
    """Make namespaces, links, addresses and routes. Raises LabError and leaves the rest to remove()."""
    _ip("-batch", "-", lines=tuple(f"netns add {name}" for name in net.namespaces))
    for name in net.namespaces:
        _set(name, NO_ADDRESS_DETECTION)
    for batch in ip_batches(net):
        _ip("-netns", batch.namespace, "-batch", "-", lines=batch.lines)
    _set(net.router, FORWARDING)


def _set(namespace: str, settings: Mapping[str, int]) -> None:
    with inside(namespace):
        for name, value in settings.items():
            Path("/proc/sys/net", name).write_text(f"{value}\n", encoding="ascii")


def remove(prefix: str) -> None:
    """Remove every namespace whose name begins with the prefix, and end the processes in them."""
    for name in _names():
        if name.startswith(f"{prefix}-"):
            try:
                _end_processes(name)
                _ip("netns", "delete", name)
                forget(name)
            except LabError:
                if (NAMES / name).exists():  # otherwise its keeper removed it meanwhile
                    raise
    shutil.rmtree(STATE / prefix, ignore_errors=True)
    for folder in (STATE, OWN_FILES):
        with suppress(OSError):  # not empty: another lab runs
            folder.rmdir()


def remove_orphans() -> list[str]:
    """Remove the labs whose keeper was killed; return their prefixes."""
    prefixes = {match.group().rstrip("-"): int(match["keeper"]) for match in map(NAME.match, _names()) if match}
    orphans = [prefix for prefix, keeper in sorted(prefixes.items()) if not is_keeper(keeper)]
    for prefix in orphans:
        remove(prefix)
    return orphans


def is_keeper(pid: int) -> bool:
    """Return whether the process with a number is a keeper, and not one that got the number later."""
    try:
        return b"labnet" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def _names() -> list[str]:
    return sorted(entry.name for entry in NAMES.iterdir()) if NAMES.is_dir() else []


def _end_processes(name: str) -> None:
    for pid in _ip("netns", "pids", name).split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGTERM)
