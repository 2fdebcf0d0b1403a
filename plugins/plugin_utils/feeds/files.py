# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find and read the file of a prefix list, at the places where Ansible looks for files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from .model import FeedError

_VAULT = b"$ANSIBLE_VAULT;"


def find(location: str, search_paths: Sequence[Path]) -> Path:
    """Return the file: absolute, or the first of `<search path>/files/<location>` and `<search path>/<location>`.

    Raise FeedError that names every place.
    """
    name = Path(location).expanduser()
    candidates = [folder / name for path in search_paths for folder in (path / "files", path)]
    if name.is_absolute():
        candidates = [name]
    for candidate in candidates:
        try:
            if candidate.is_file():
                return candidate
        except OSError as error:
            raise FeedError(f"the file {candidate} cannot be read: {error.strerror}") from error
    places = ", ".join(dict.fromkeys(str(path) for path in candidates))
    raise FeedError(f"the file {location} does not exist (tried {places})", "correct the path, or add the file")


def read(location: str, search_paths: Sequence[Path]) -> tuple[bytes, dt.datetime]:
    """Return the content of the file and when it was last changed, in UTC. Raise FeedError."""
    path = find(location, search_paths)
    try:
        body, changed = path.read_bytes(), path.stat().st_mtime
    except OSError as error:
        raise FeedError(f"the file {path} cannot be read: {error.strerror}") from error
    if body.startswith(_VAULT):
        raise FeedError(f"the file {path} is encrypted by Ansible Vault", "decrypt it: networks are not secret")
    return body, dt.datetime.fromtimestamp(changed, dt.UTC)
