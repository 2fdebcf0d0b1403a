# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy in a file: a line about it, text that nft alone loads in one transaction, and the same table as messages.

The messages make the table without nft. They are in comments for nft, so that one rename replaces all of it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot import TableSnapshot, from_bytes

_FORMAT = "# tidegate "
_MARK = f"{_FORMAT}1 "
_MESSAGES = "# messages "
_POLICY = "# policy "
_LINE = 1000
"""Characters in one line of messages: nft takes time by the square of the length of a line."""


@dataclass(frozen=True)
class Record:
    """A policy and where it comes from.

    listing: its table as nft lists it
    token: of the change that brought it
    who: the controller's user
    what: description of the change
    when: seconds since 1970 at which it was written
    taken: seconds since 1970 at which its table was read; remaining timeouts count from then
    kernel: release of the kernel that it was read from
    running_time: when it was written by running_time.py, for what lasts
    others: sets whose elements the policy does not own
    spec: checksum of what it was compiled from, "" when unknown
    nft_version: of the nft that listed it
    messages: the table as bytes of netlink/snapshot.py
    policy: what it was compiled from, as the controller packed it; "" when unknown
    """

    listing: str
    token: str = ""
    who: str = ""
    what: str = ""
    when: float = 0.0
    taken: float = 0.0
    kernel: str = ""
    running_time: float = 0.0
    others: tuple[str, ...] = ()
    spec: str = ""
    nft_version: str = ""
    messages: bytes = b""
    policy: str = ""

    @property
    def snapshot(self) -> TableSnapshot:
        """The table as messages; raise MalformedMessage when there are none."""
        return from_bytes(self.messages)


_BODY = ("listing", "messages", "policy")
"""The fields that are not in the line about a record."""


def checksum(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def dump(record: Record) -> bytes:
    """Return the file of a record: mark, checksum of all that follows, a line about it, the script."""
    about = {key: value for key, value in asdict(record).items() if key not in _BODY}
    packed = base64.b64encode(zlib.compress(record.messages)).decode() if record.messages else ""
    body = f"{restore.script(record.listing)}{_in_lines(_MESSAGES, packed)}{_in_lines(_POLICY, record.policy)}"
    rest = f"{json.dumps(about, sort_keys=True)}\n{body}"
    return f"{_MARK}{checksum(rest)} {rest}".encode("utf-8", "surrogateescape")


def _in_lines(mark: str, text: str) -> str:
    return "".join(f"{mark}{text[at : at + _LINE]}\n" for at in range(0, len(text), _LINE))


def about(path: Path) -> dict[str, Any]:
    """Return a record's fields without its table and without checking the checksum; {} when there are none."""
    with suppress(OSError, ValueError), path.open(encoding="utf-8", errors="replace") as file:
        content = json.loads(file.readline()[len(_MARK) :].partition(" ")[2])
        return content if isinstance(content, dict) else {}
    return {}


def load(path: Path) -> Record | None:
    """Return the record in a file, None when there is no file; raise GuardError (damaged) for any other content."""
    text = files.read(path)
    if text is None:
        return None
    digest, _space, rest = text[len(_MARK) :].partition(" ")
    if text.startswith(_FORMAT) and not text.startswith(_MARK):
        raise GuardError(
            "damaged",
            f"{path} does not match its checksum: it is damaged, or another release of tidegate wrote it in a format "
            "that this one cannot read.",
        )
    if not text.startswith(_MARK) or digest != checksum(rest):
        raise GuardError("damaged", f"{path} does not match its checksum: it is damaged or was edited.")
    line, _end, body = rest.partition("\n")
    # Another release may have written fewer fields, which keep their defaults, or more, which are ignored.
    content: dict[str, Any] = json.loads(line)
    known = {entry.name for entry in fields(Record)} - {*_BODY}
    content["others"] = tuple(content.get("others", ()))
    end = body.find(f"\n{_POLICY}") + 1 or len(body)
    script, _mark, packed = body[:end].partition(_MESSAGES)
    messages = zlib.decompress(base64.b64decode(packed.replace(_MESSAGES, ""))) if packed else b""
    about_it = {key: value for key, value in content.items() if key in known}
    policy = body[end:].replace(_POLICY, "").replace("\n", "")
    return Record(restore.listing_of(script) or "", messages=messages, policy=policy, **about_it)
