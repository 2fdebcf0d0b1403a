# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy in a file: a line about it, then text that nft loads as it is, in one transaction."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore

_FORMAT = "# tidegate "
_MARK = f"{_FORMAT}1 "


@dataclass(frozen=True)
class Record:
    """One policy. listing: its table as nft lists it; the rest says where it comes from.

    token: the change that brought it; who: the controller's user; when: seconds since 1970 at which it was written,
    which remaining timeouts are counted from; others: sets whose elements are not the policy's; spec: checksum of
    what it was compiled from, "" when unknown; nft: the version that listed it.
    """

    listing: str
    token: str = ""
    who: str = ""
    what: str = ""
    when: float = 0.0
    others: tuple[str, ...] = ()
    spec: str = ""
    nft: str = ""
    result: str = field(default="confirmed")


def checksum(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def dump(record: Record) -> bytes:
    """Return the file of a record: mark, checksum of all that follows, a line about it, the script."""
    about = {key: value for key, value in asdict(record).items() if key != "listing"}
    rest = f"{json.dumps(about, sort_keys=True)}\n{restore.script(record.listing)}"
    return f"{_MARK}{checksum(rest)} {rest}".encode("utf-8", "surrogateescape")


def about(path: Path) -> dict[str, Any]:
    """Return what a record says of itself, without its table and unchecked; {} when it says nothing."""
    with suppress(OSError, ValueError), path.open(encoding="utf-8", errors="replace") as file:
        said = json.loads(file.readline()[len(_MARK) :].partition(" ")[2])
        return said if isinstance(said, dict) else {}
    return {}


def load(path: Path) -> Record | None:
    """Return a record from its file, None when there is none.

    Raise GuardError (damaged) unless it is what was written.
    """
    text = files.read(path)
    if text is None:
        return None
    digest, _space, rest = text[len(_MARK) :].partition(" ")
    if text.startswith(_FORMAT) and not text.startswith(_MARK):
        raise GuardError(
            "damaged",
            f"{path} was written by another release of tidegate, in a form that this one cannot read, or is damaged: "
            "it does not fit its checksum.",
        )
    if not text.startswith(_MARK) or digest != checksum(rest):
        raise GuardError("damaged", f"{path} is damaged or was edited: it does not fit its checksum.")
    line, _end, body = rest.partition("\n")
    # What it fits, some release has written: what that did not say yet is as if nobody knew, what it said more is left.
    about: dict[str, Any] = json.loads(line)
    known = {entry.name for entry in fields(Record)} - {"listing"}
    about["others"] = tuple(about.get("others", ()))
    return Record(
        listing=body[len(restore.script("")) :], **{key: value for key, value in about.items() if key in known}
    )
