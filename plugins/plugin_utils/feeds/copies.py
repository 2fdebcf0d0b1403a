# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last good copy of each list, kept on the controller from run to run."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

from .model import PrefixList

_ABOUT = "The last good copy of a prefix list, kept by tidegate.nftables. Delete it to start without one."


@dataclass(frozen=True)
class Copy:
    """The content of a list when it was last good. fetched_at: UTC."""

    addresses: AddressSet
    fetched_at: dt.datetime


def digest(*parts: Any) -> str:
    """Return 16 hexadecimal digits that depend on the parts alone; parts: anything that JSON can write."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def identity(declared: PrefixList) -> list[Any]:
    """Return the name of a list and everything that decides its content, without its guards."""
    aws = [declared.aws.service, list(declared.aws.regions)] if declared.aws else None
    own = [declared.name, declared.kind, declared.location, aws, declared.query, declared.sha256]
    return own + [identity(source) for source in declared.sources]


@dataclass(frozen=True)
class Copies:
    """The copies of one project in a directory, one file for each list: `<name>-<key>.json`.

    Two projects never share a copy. A directory inside the project can be committed: names and content are then the
    same in every checkout.
    """

    directory: Path
    project_dir: Path

    def path(self, declared: PrefixList) -> Path:
        """Return the path of a list's copy. Another source, query or pin makes another list with its own copy."""
        project = self.project_dir.resolve()
        scope = "" if self.directory.resolve().is_relative_to(project) else str(project)
        return self.directory / f"{declared.name}-{digest(scope, *identity(declared))}.json"

    def load(self, declared: PrefixList) -> bytes:
        """Return the bytes of the copy, b"" when there is none."""
        try:
            return self.path(declared).read_bytes()
        except OSError:
            return b""

    @staticmethod
    def parse(content: bytes) -> Copy | None:
        """Return the copy, None when it cannot be read."""
        try:
            written = json.loads(content)
            moment = dt.datetime.fromisoformat(written["fetched_at"])
            prefixes = addresses.union(addresses.parse(text) for text in written["prefixes"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        return Copy(prefixes, moment) if prefixes and moment.tzinfo else None

    def write(self, declared: PrefixList, source: str, copy: Copy) -> None:
        """Write a copy atomically, one prefix per line. Raise OSError."""
        written = {
            "about": _ABOUT,
            "name": declared.name,
            "source": source,
            "fetched_at": copy.fetched_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
            "prefixes": copy.addresses.cidrs(),
        }
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(self.path(declared), (json.dumps(written, indent=1) + "\n").encode())


def replace(path: Path, content: bytes) -> None:
    """Write a file atomically. Raise OSError."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
