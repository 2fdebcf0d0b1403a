# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed program: the guard and what it needs of the nft engine, as one file that Python runs (zipapp).

It is a zip archive after a line with the interpreter, uncompressed, so that `less` on a host shows the sources. One
rename replaces it, so a rollback timer never runs half an update.
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
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.systemd_units import FOLLOW_UNITS, RESOLVE
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import timer

from . import cli, follow_units, resolve, timed_rollback

ROOMS = "ansible_collections.tidegate.nftables.plugins.module_utils"
PARTS = (
    "connection_tracking",
    "domain_names",
    "errors",
    "files",
    "guard.host.background",
    "guard.host.clock",
    "guard.host.errors",
    "guard.host.files",
    "guard.host.lock",
    "guard.host.name_service",
    "guard.host.paths",
    "guard.host.ssh_session",
    "guard.host.system_log",
    "guard.host.systemd_units",
    "guard.host.unit_files",
    "guard.program.arguments",
    "guard.program.ask",
    "guard.program.boot",
    "guard.program.cli",
    "guard.program.console",
    "guard.program.emergency",
    "guard.program.exporter",
    "guard.program.follow_units",
    "guard.program.followed_units",
    "guard.program.terminal",
    "guard.program.timed_rollback",
    "guard.program.names",
    "guard.program.names_watch",
    "guard.program.proxy_files",
    "guard.program.resolve",
    "guard.program.watcher",
    "guard.saved.confirmed_policy",
    "guard.saved.failsafe",
    "guard.saved.history",
    "guard.saved.journal",
    "guard.saved.last_loaded",
    "guard.saved.pending",
    "guard.saved.recorded_content",
    "guard.saved.records",
    "guard.saved.request",
    "guard.saved.running_time",
    "guard.saved.settings",
    "guard.sight.answer",
    "guard.saved.resolver_document",
    "guard.sight.allowed_flows",
    "guard.sight.denied_ledger",
    "guard.sight.evaluate",
    "guard.sight.explain",
    "guard.sight.kept_ledger",
    "guard.sight.level",
    "guard.sight.metrics",
    "guard.sight.status",
    "guard.sight.temporary_allows",
    "guard.sight.verdict",
    "guard.table.blocks",
    "guard.table.fingerprint",
    "guard.table.hand_edits",
    "guard.table.host",
    "guard.table.live_table",
    "guard.table.restore",
    "guard.table.unit_sets",
    "guard.trial.commit_confirm",
    "guard.trial.rollback",
    "guard.trial.timer",
    "guard.unchanged",
    "intervals",
    "netlink.connection",
    "netlink.counted_elements",
    "netlink.declaration",
    "netlink.decode",
    "netlink.elements",
    "netlink.errors",
    "netlink.garbage_collection",
    "netlink.handles",
    "netlink.namespace",
    "netlink.rule_counters",
    "netlink.ruleset",
    "netlink.snapshot",
    "netlink.snapshot_changes",
    "netlink.snapshot_difference",
    "netlink.wire",
    "nft.command",
    "nft.desired.hooks",
    "nft.desired.parse_sets",
    "nft.desired.resolvers",
    "nft.desired.spec",
    "nft.desired.tokens",
    "nft.errors",
    "nft.live.cut",
    "nft.mirror",
    "printable",
    "protocols",
    "proxy.access_log",
    "proxy.health",
    "resolver.answers",
    "resolver.configuration",
    "resolver.directory",
    "resolver.document",
    "resolver.kernel",
    "resolver.messages",
    "resolver.periodic",
    "resolver.question",
    "resolver.record",
    "resolver.service",
    "resolver.shares",
    "resolver.unbound_module",
    "resolver.writer",
    "suggested_entries",
    "table_names",
    "unit_names",
    "unit_protections",
    "units.cgroups",
    "units.fill",
    "units.keys",
    "units.temporary",
)
"""The modules in the program, below ROOMS."""

OLDEST = (3, 8)
_SYSTEM = "/usr/bin/python3"
# From the imported module: Ansible sends to the host what is imported.
# The resolver, what units run, and a rollback timer need a part of the modules, all of which Python would compile anew.
_MAIN = f"""\
import sys

if sys.argv[1:] == ["{RESOLVE}"]:
    from {resolve.__name__} import main
elif sys.argv[1:2] == ["{FOLLOW_UNITS}"]:
    from {follow_units.__name__} import main
elif len(sys.argv) == 3 and sys.argv[1] in ("{timer.WAIT_COMMAND}", "{timer.COMMAND}"):
    from {timed_rollback.__name__} import main
else:
    from {cli.__name__} import main

sys.exit(main())
"""
_DATE = (1980, 1, 1, 0, 0, 0)


@lru_cache(maxsize=1)
def build() -> bytes:
    """Return the program; the same sources and Python give the same bytes."""
    # -I: the environment and the user's folders do not change what is imported. -S: site packages do not either.
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
    """Return a file's text for a diff; for the program only its size."""
    return f"(a program, {len(content)} bytes)\n" if "PK\x03\x04" in content[:200] else content


def interpreter() -> str:
    """Return the Python that runs the program: the system's, whose path survives upgrades of the system.

    Where that is missing or too old, the Python that runs the module.
    """
    if os.path.realpath(_SYSTEM) == os.path.realpath(sys.executable) or _version(_SYSTEM) >= OLDEST:
        return _SYSTEM
    if not sys.executable:
        raise GuardError(
            "bad_request",
            f"The program needs a Python: there is no {_SYSTEM}, and the path of this one is unknown. {UNCHANGED}",
        )
    return sys.executable


def _version(path: str) -> tuple[int, ...]:
    try:
        done = subprocess.run(
            [path, "-IS", "-c", "import sys; print(*sys.version_info[:2])"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(map(int, done.stdout.split()))


def _sources() -> dict[str, bytes]:
    sources = {"__main__.py": _MAIN.encode()}
    above = ROOMS.split(".")
    packages = [above[:depth] for depth in range(1, len(above) + 1)]
    rooms = {tuple(part.split(".")[:depth]) for part in PARTS for depth in range(1, part.count(".") + 1)}
    for package in [*packages, *([*above, *room] for room in sorted(rooms))]:
        sources["/".join([*package, "__init__.py"])] = b""
    for part in PARTS:
        module = importlib.import_module(f"{ROOMS}.{part}")
        loader: Any = module.__spec__.loader if module.__spec__ else None
        source: str | bytes | None = loader.get_source(module.__name__) if loader else None
        if source is None:
            raise GuardError("bad_request", f"The source of {module.__name__} cannot be read. {UNCHANGED}")
        # Ansible's own loader, of a program that it imports from the checkout, gives bytes.
        sources[f"{module.__name__.replace('.', '/')}.py"] = source if isinstance(source, bytes) else source.encode()
    return sources
