# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the writer did: counts, the last problem, which name an address belongs to. `tidegate` on the host reads it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils import files
from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable

from .answers import show

FILE, WITHOUT_FILE = "record.json", "without.json"
_ADDRESSES, _UNKNOWN = 5_000, 1_000
"""How many addresses, of the policy's names and of others, and how many names that would not resolve are kept."""
_NAMED = 200
"""How many names with trouble are kept, of each kind."""
_INTERVAL = 5.0
"""Seconds between two files."""
_ALIVE = 30.0
"""Seconds between two notes that the resolver answers."""
_REPEAT = 60.0
"""Seconds until the same problem is said again."""
LARGEST = 4 << 20
"""Bytes of a file that are read: another user writes it."""
TROUBLES = ("refused", "problems")
"""Kinds of answers whose addresses are not open: those that may not be, and those that could not be written."""
_COUNTS = ("written", "refused", "problems", "unknown")
_NAME = re.compile(r"[a-z0-9_.-]{1,253}", re.ASCII)
_OR = " or "
_MOST_NAMES = 3
"""Names that are kept of an address: people read them."""


class Record:
    """Kept in memory; `save` writes it. say: prints a line to the journal. document: digest of the one in force."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path, self._say = path, say
        self._counts = dict.fromkeys(_COUNTS, 0)
        self.document = ""
        self._alive = 0
        self._last: dict[str, Any] = {}
        self._troubles: dict[str, OrderedDict[str, str]] = {kind: OrderedDict() for kind in TROUBLES}
        self._names: OrderedDict[str, str] = OrderedDict()
        # Apart: anyone on the host can ask for any number of them.
        self._others: OrderedDict[str, str] = OrderedDict()
        self._unknown: OrderedDict[str, int] = OrderedDict()
        self._said: dict[str, float] = {}
        self._without: frozenset[str] | None = None
        self._saved, self._changed = 0.0, True

    def alive(self, moment: float) -> None:
        """Note when the resolver answered last, in seconds since 1970."""
        if moment - self._alive >= _ALIVE:
            self._alive, self._changed = int(moment), True

    def written(self, name: str, keys: Iterable[bytes]) -> None:
        """Note addresses that were written for a name."""
        self._counts["written"] += 1
        self._keep_names(self._names, name, keys)

    def other(self, name: str, keys: Iterable[bytes]) -> None:
        """Note addresses of a name that the policy does not have."""
        self._keep_names(self._others, name, keys)

    def _keep_names(self, known: OrderedDict[str, str], name: str, keys: Iterable[bytes]) -> None:
        """Keep a name of each address, beside those that led there before.

        A user can ask for a name of her own that leads to any address, and it must not stand in the place of the name
        that another user asked for.
        """
        asked = name.lower().rstrip(".")
        for key in keys:
            address = show(key)
            before = known.get(address, "").split(_OR) if address in known else []
            several = before if asked in before else [*before, asked][:_MOST_NAMES]
            _keep(known, address, _OR.join(several), _ADDRESSES)
        self._changed = True

    def refused(self, name: str, why: str) -> None:
        """Note an answer that was refused."""
        self._problem("refused", name, why)

    def problem(self, name: str, why: str) -> None:
        """Note an answer that could not be written."""
        self._problem("problems", name, why)

    def without_address(self, names: Iterable[str] | None) -> None:
        """Note exact names of the policy that have no address, each when that begins. None: nobody knows yet."""
        now = None if names is None else frozenset(names)
        if now == self._without:
            return
        for name in sorted((now or frozenset()) - (self._without or frozenset())):
            self._note(name, "it has no address, so none is open")
        self._without = now
        path = self._path.with_name(WITHOUT_FILE)
        if now is not None:
            _replace(path, sorted(now))
            return
        with suppress(OSError):
            path.unlink()

    def _problem(self, kind: str, name: str, why: str) -> None:
        self._counts[kind] += 1
        _keep(self._troubles[kind], name.lower().rstrip("."), why, _NAMED)
        self._note(name, why)

    def _note(self, name: str, why: str) -> None:
        self._last = {"name": name.rstrip("."), "why": why, "at": int(time.time())}
        now, line = time.monotonic(), f"{name.rstrip('.')}: {why}"
        if now - self._said.get(line, -_REPEAT) >= _REPEAT:
            if len(self._said) > _UNKNOWN:
                self._said.clear()
            self._said[line] = now
            self._say(line)
        self._changed = True

    def unknown(self, name: str) -> None:
        """Note a name that mode only would not resolve."""
        self._counts["unknown"] += 1
        name = name.lower().rstrip(".")
        _keep(self._unknown, name, self._unknown.get(name, 0) + 1, _UNKNOWN)
        self._changed = True

    def save(self, *, now: bool = False) -> None:
        """Write the file: now, or where something changed and the last one is old."""
        if not now and (not self._changed or time.monotonic() - self._saved < _INTERVAL):
            return
        self._saved, self._changed = time.monotonic(), False
        content = {
            "document": self.document,
            "alive": self._alive,
            **self._counts,
            "last": self._last,
            **{of_names(kind): names for kind, names in self._troubles.items()},
            "names": self._names,
            "others": self._others,
            "unresolved": self._unknown,
        }
        _replace(self._path, content)


def of_names(kind: str) -> str:
    """Return the key of what is known of a kind of trouble: why, by name."""
    return f"{kind}_names"


def digest(text: str) -> str:
    """Return what stands for a document in a record."""
    return hashlib.sha256(text.encode()).hexdigest()


def read(path: Path) -> dict[str, Any]:
    """Return what a writer recorded, {} for nothing.

    The file is of a user that reads packets of strangers: only what has a writer's keys and shapes is returned, the
    texts printable.
    """
    content = _content(path)
    if not isinstance(content, dict):
        return {}
    numbers = {key: content.get(key) for key in ("alive", *_COUNTS)}
    recorded: dict[str, Any] = {
        key: each
        for key, each in numbers.items()
        if isinstance(each, int) and not isinstance(each, bool) and 0 <= each < 1 << 63
    }
    for key in ("last", "names", "others", *map(of_names, TROUBLES)):
        part = content.get(key)
        texts = part.items() if isinstance(part, dict) else ()
        recorded[key] = {printable(name): printable(text) for name, text in texts if isinstance(text, str)}
    return {**recorded, "document": str(content.get("document"))}


def without_address(path: Path) -> list[str] | None:
    """Return the exact names of the policy without an address, None while nobody knows. path: of the record."""
    content = _content(path.with_name(WITHOUT_FILE))
    if not isinstance(content, list):
        return None
    return [name for name in content if isinstance(name, str) and _NAME.fullmatch(name)]


def _content(path: Path) -> Any:
    """Return what is in a file, None for what cannot be read."""
    try:
        with files.descriptor(path, os.O_RDONLY | os.O_NONBLOCK) as number:
            return json.loads(os.read(number, LARGEST))
    except (OSError, ValueError, RecursionError):
        return None


def _replace(path: Path, content: Any) -> None:
    new = path.with_name(f".{path.name}.new")
    with suppress(OSError):
        # Which names the programs of a host ask for is nobody else's business. The watcher is root without a
        # capability for files; where there are no access control lists, it has no names.
        with files.descriptor(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) as number:
            with suppress(OSError):
                files.let_root_read(number)
            files.write_all(number, json.dumps(content).encode())
        new.replace(path)


def names(path: Path) -> dict[str, str]:
    """Return the only name that each address was the answer for, the policy's names first. See read."""
    return {address: name for address, name in names_for_people(path).items() if _OR not in name}


def names_for_people(path: Path) -> dict[str, str]:
    """Return the name of each address as `names`, and where there are several all of them in one text."""
    content = read(path)
    known = {**content.get("others", {}), **content.get("names", {})}
    return {address: text for address, text in known.items() if all(map(_NAME.fullmatch, text.split(_OR)))}


def _keep(known: OrderedDict[str, Any], key: str, value: Any, most: int) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > most:
        known.popitem(last=False)
