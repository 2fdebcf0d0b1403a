# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of a requested change: checked, with servers, and the user who is to ask for them."""

from __future__ import annotations

import json
import pwd
from typing import Any, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import resolver_document
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import resolvers
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import document
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import RESOLVER_USER

from . import names, package, proxy_files
from .install import FileChange, file_change

AUTO = "auto"


def text_of(paths: Paths, values: Mapping[str, Any] | None) -> str:
    """Return a document as this host keeps it, "" for none. Raise TidegateError for one that cannot be used.

    The word auto among the servers stands for those that the host uses itself.
    """
    if values is None:
        return ""
    if values.get("mode") == proxy_files.PROXY:
        proxy_files.check(values)
        return json.dumps(values, sort_keys=True) + "\n"
    # A host that is a part of a file system has somebody else who runs its services.
    if not (clock.systemd_runs(paths) or paths.root):
        raise GuardError(
            "bad_request", f"names: a resolver is run by systemd, which this host does not have. {UNCHANGED}"
        )
    servers = [str(server) for server in values.get("servers") or ()]
    if AUTO in servers:
        own = [str(address) for address in resolvers.look_up("names.servers")]
        servers = list(dict.fromkeys([*(server for server in servers if server != AUTO), *own]))
    filled = {**values, "servers": servers}
    document.parse(filled)
    return json.dumps(filled, sort_keys=True) + "\n"


def missing(paths: Paths, text: str, *, check: bool) -> list[str]:
    """Return what a document needs and this host misses, as warnings; outside check mode raise GuardError."""
    try:
        names.need_programs(paths, text)
    except GuardError as error:
        if not check:
            raise
        return [str(error)]
    return []


def make_user(text: str, *, check: bool) -> None:
    """Make the resolver's user, where there is something for it to do: rules name it."""
    if not text or json.loads(text)["mode"] == proxy_files.PROXY or check or _user_exists():
        return
    options = ("--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent")
    names.run("useradd", *options, "--shell", "/usr/sbin/nologin", RESOLVER_USER)


def preview(paths: Paths, text: str) -> list[FileChange]:
    """Return the files that a document changes."""
    return [file_change(change) for change in names.changes(paths, text, package.interpreter())]


def make(paths: Paths, text: str) -> None:
    """Make this host as a document says. Raise GuardError (resolver_failed)."""
    resolver_document.write(paths, text)
    names.settle(paths, package.interpreter())


def _user_exists() -> bool:
    try:
        pwd.getpwnam(RESOLVER_USER)
    except KeyError:
        return False
    return True
