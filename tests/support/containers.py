# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""podman with the settings that this machine needs, and the images of Debian releases that the tests have."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

from .machines import entering
from .own_names import is_orphan, own_name
from .paths import CHECKOUT
from .waiting import run

SETTINGS = CHECKOUT / "tests" / "images" / "podman.sh"
RELEASES = ("bullseye", "bookworm", "trixie")


@functools.cache
def environment() -> dict[str, str]:
    """Return this process's environment with the settings of podman that this machine needs."""
    done = subprocess.run(["bash", "-euc", f'. "{SETTINGS}"; env -0'], capture_output=True, text=True, check=True)
    return dict(item.split("=", 1) for item in done.stdout.split("\0") if "=" in item)


def podman(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run podman."""
    return run(["podman", *words], check=check, env={**environment(), **os.environ})


_processes: dict[str, tuple[int, int]] = {}


def inside(container: str) -> list[str]:
    """Return the words before a command that runs in a container as its root.

    It enters by namespaces, since `podman exec` takes four times the processor time. What runs stays in the control
    group of the caller, unless the container has a tree of cgroup v2, and may do what this machine's root may.
    """
    process, namespace = _processes.get(container, (0, 0))
    if not process or _pid_namespace(process) != namespace:
        # New, or started again since. One that does not run has process 0, which nsenter refuses.
        process = int(podman("inspect", "--type", "container", "--format", "{{.State.Pid}}", container).stdout)
        _processes[container] = process, _pid_namespace(process)
    return entering(process)


def _pid_namespace(process: int) -> int:
    try:
        return Path(f"/proc/{process}/ns/pid").stat().st_ino
    except OSError:
        return 0


def image(release: str) -> str:
    """Return the name of a release's image; import it where podman does not have it yet."""
    importer = CHECKOUT / "tests" / "images" / "import.sh"
    run([str(importer), str(CHECKOUT / "build" / "debian"), release])
    return run(["bash", "-euc", f'. "{SETTINGS}"; image_of {release}']).stdout.strip()


def new_container(role: str) -> str:
    """Return a name for a container, or the beginning of the names of several."""
    _remove_orphans()
    return own_name(role)


@functools.cache
def _remove_orphans() -> None:
    """Remove, once in a run, the containers of runs that were killed."""
    names = podman("ps", "--all", "--filter", "name=^tg-", "--format", "{{.Names}}").stdout.split()
    if orphans := [name for name in names if is_orphan(name)]:
        podman("rm", "--force", "--time", "0", "--ignore", *orphans)
