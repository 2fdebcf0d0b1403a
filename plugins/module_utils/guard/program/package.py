# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one file that is installed: this room and what it needs of the nft engine, as a program for Python.

A zip archive with a first line for the kernel, which Python runs as it is (zipapp). It is not compressed, so that
`less` on a host shows the sources. One file, because one rename then replaces all of it: a guard never sees half an
update.
"""

from __future__ import annotations

import importlib
import io
import os
import subprocess
import sys
import zipfile
from functools import lru_cache
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError

from . import cli

ROOMS = "ansible_collections.tidegate.nftables.plugins.module_utils"
PARTS = (
    "errors",
    "guard.host.clock",
    "guard.host.errors",
    "guard.host.files",
    "guard.host.lock",
    "guard.host.paths",
    "guard.host.ssh_session",
    "guard.host.systemd_units",
    "guard.program.boot",
    "guard.program.cli",
    "guard.program.emergency",
    "guard.program.watcher",
    "guard.saved.confirmed_policy",
    "guard.saved.failsafe",
    "guard.saved.history",
    "guard.saved.journal",
    "guard.saved.last_loaded",
    "guard.saved.pending",
    "guard.saved.records",
    "guard.saved.settings",
    "guard.sight.denied_ledger",
    "guard.sight.evaluate",
    "guard.sight.explain",
    "guard.sight.observed_ledger",
    "guard.sight.status",
    "guard.table.fingerprint",
    "guard.table.host",
    "guard.table.listing",
    "guard.table.restore",
    "guard.table.live_table",
    "guard.trial.commit_confirm",
    "guard.trial.rollback",
    "guard.trial.timer",
    "netlink.connection",
    "netlink.errors",
    "netlink.ruleset",
    "netlink.wire",
    "nft.command",
    "nft.errors",
    "table_names",
)
"""What the program is made of, below ROOMS."""

OLDEST = (3, 8)
_SYSTEM = "/usr/bin/python3"
# Named by the module itself, so that Ansible, which looks for imports, sends it and all that it needs to the host.
_MAIN = f"import sys\n\nfrom {cli.__name__} import main\n\nsys.exit(main())\n"
_DATE = (1980, 1, 1, 0, 0, 0)


@lru_cache(maxsize=1)
def build() -> bytes:
    """Return the program. The same sources and Python give the same bytes."""
    # -I: no variable of the environment and no folder of a user changes what is imported. -S: nor do site packages.
    archive = io.BytesIO()
    archive.write(f"#!{interpreter()} -IS\n".encode())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as folder:
        for name, source in sorted(_sources().items()):
            about = zipfile.ZipInfo(name, _DATE)
            about.create_system = 3
            about.external_attr = 0o644 << 16
            folder.writestr(about, source)
    return archive.getvalue()


def shown(content: str) -> str:
    """Return a file's text for people; of a program, only that it is one."""
    return f"(a program of {len(content)} bytes)\n" if "PK\x03\x04" in content[:200] else content


def interpreter() -> str:
    """Return the Python that the program runs with: the system's own, which keeps its name when the system is upgraded.

    Only when that is missing or too old, the one that runs the module.
    """
    if os.path.realpath(_SYSTEM) == os.path.realpath(sys.executable) or _version(_SYSTEM) >= OLDEST:
        return _SYSTEM
    if not sys.executable:
        raise GuardError(
            "bad_request", f"There is no {_SYSTEM} for the guard, and Python does not say its own path. {UNCHANGED}"
        )
    return sys.executable


def _version(path: str) -> tuple[int, ...]:
    try:
        said = subprocess.run(
            [path, "-IS", "-c", "import sys; print(*sys.version_info[:2])"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(map(int, said.stdout.split()))


def _sources() -> dict[str, bytes]:
    found = {"__main__.py": _MAIN.encode()}
    above = ROOMS.split(".")
    packages = [above[:depth] for depth in range(1, len(above) + 1)]
    rooms = {tuple(part.split(".")[:depth]) for part in PARTS for depth in range(1, part.count(".") + 1)}
    for package in [*packages, *([*above, *room] for room in sorted(rooms))]:
        found["/".join([*package, "__init__.py"])] = b""
    for part in PARTS:
        module = importlib.import_module(f"{ROOMS}.{part}")
        loader: Any = module.__spec__.loader if module.__spec__ else None
        source: str | None = loader.get_source(module.__name__) if loader else None
        if source is None:
            raise GuardError("bad_request", f"The source of {module.__name__} cannot be found. {UNCHANGED}")
        found[f"{module.__name__.replace('.', '/')}.py"] = source.encode()
    return found
