# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the file of a prefix list where Ansible's users expect it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from .model import Unusable

_VAULT = b"$ANSIBLE_VAULT;"


def find(location: str, search_paths: Sequence[Path]) -> Path:
    """The file: absolute, or the first of `<search path>/files/<location>` and `<search path>/<location>`.

    Raises Unusable with every place that was looked at.
    """
    wanted = Path(location).expanduser()
    tried = [folder / wanted for path in search_paths for folder in (path / "files", path)]
    if wanted.is_absolute():
        tried = [wanted]
    for candidate in tried:
        try:
            if candidate.is_file():
                return candidate
        except OSError as error:
            raise Unusable(f"the file {candidate} cannot be read: {error.strerror}") from error
    looked = ", ".join(dict.fromkeys(str(path) for path in tried))
    raise Unusable(f"the file {location} does not exist (looked for {looked})", "mend the path, or add the file")


def read(location: str, search_paths: Sequence[Path]) -> tuple[bytes, dt.datetime]:
    """The content of the file and when it was last changed, in UTC. Raises Unusable."""
    found = find(location, search_paths)
    try:
        body, changed = found.read_bytes(), found.stat().st_mtime
    except OSError as error:
        raise Unusable(f"the file {found} cannot be read: {error.strerror}") from error
    if body.startswith(_VAULT):
        raise Unusable(f"the file {found} is encrypted by Ansible Vault", "decrypt it: networks are no secret")
    return body, dt.datetime.fromtimestamp(changed, dt.UTC)
