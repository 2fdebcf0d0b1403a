# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft beside copies of the tables, in a network namespace where nobody else is.

Old versions of nft read every element of every table for nearly every command, so a table whose sets packets have
filled makes each run slow. The copies are without what packets put into dynamic sets. In the own namespace nft only
commits, which takes 1.0 and later no longer with full sets. 0.9.8 reads all of them before it adds or deletes a single
element, so it commits beside the copy too, and what that changed there is committed here without nft.
"""

from __future__ import annotations

import contextlib
import re
from typing import Collection, ContextManager, Dict, Iterator, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import snapshot, snapshot_difference
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.counted_elements import dynamic_elements
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.handles import Place, table_handles
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.namespace import ScratchNamespace
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import (
    delete_table,
    settled_generation,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from .command import Nft, NftOutcome

FEW = 500
"""Elements in dynamic sets that any nft reads in a hundredth of a second."""

_LISTED_HANDLE = re.compile(r"(# handle )(\d+)$", re.MULTILINE)
_ELEMENT = re.compile(r"^(?:add|delete) element ", re.MULTILINE)
_RULE_HANDLE = re.compile(
    r"^(?P<command>(?:delete|insert|add|replace) rule (?P<family>\S+) (?P<table>\S+) \S+ (?:handle|position) )"
    r"(?P<handle>\d+)",
    re.MULTILINE,
)
_ATTEMPTS = 20


Handles = Dict[Place, int]


class _Copy(NamedTuple):
    """A table as it was at one generation, None for none; its handles here, and those of the copy."""

    generation: int
    table: snapshot.TableSnapshot | None
    here: Handles
    there: Handles

    def shown(self, handle: str) -> str:
        """Return the handle here of what has this handle in the copy."""
        return next((str(self.here[place]) for place, there in self.there.items() if there == int(handle)), handle)

    def meant(self, handle: str) -> str:
        """Return the handle in the copy of what has this handle here."""
        return next((str(self.there[place]) for place, here in self.here.items() if here == int(handle)), handle)


class Mirror:
    """A namespace with copies of tables."""

    def __init__(self, namespace: ScratchNamespace) -> None:
        self.namespace = namespace
        self._copies: dict[tuple[str, str], _Copy] = {}

    @property
    def tables(self) -> list[tuple[str, str]]:
        """Family and name of each table that has a copy."""
        return [*self._copies]

    def known(self, family: str, name: str) -> _Copy | None:
        """Return the last copy of a table, None when there is none."""
        return self._copies.get((family, name))

    def spoil(self, family: str, name: str) -> None:
        """Note that a table is no copy any more."""
        self._copies[family, name] = self._copies[family, name]._replace(generation=0)

    def copy(self, family: str, name: str) -> _Copy:
        """Return the copy of a table as it is now; raise EngineError or NetlinkError when that fails."""
        for _attempt in range(_ATTEMPTS):
            generation = settled_generation()
            copied = self.known(family, name)
            if copied is not None and copied.generation == generation:
                return copied
            table = snapshot.take(family, name)
            here = table_handles(family, name) if table is not None else {}
            if settled_generation() != generation:
                continue
            with self.namespace.entered():
                if table is None:
                    delete_table(family, name)
                    there: Handles = {}
                else:
                    snapshot.put(table)
                    there = table_handles(family, name)
            if here.keys() != there.keys():
                raise EngineError("not_applied", f"The copy of table {family} {name} is not like it.")
            copy = self._copies[family, name] = _Copy(generation, table, here, there)
            return copy
        raise EngineError("busy", f"The ruleset changed during every attempt to copy table {family} {name}.")


_shared: list[Mirror | None] = []
"""The mirror that shared_copies() keeps, as soon as there is one; empty outside of it."""


@contextlib.contextmanager
def shared_copies() -> Iterator[None]:
    """Let all calls of beside_filled_tables in the body use one mirror: a change looks at its table several times."""
    _shared.append(None)
    try:
        yield
    finally:
        mirror = _shared.pop()
        if mirror is not None:
            mirror.namespace.close()


@contextlib.contextmanager
def beside_filled_tables(nft: Nft, tables: Collection[tuple[str, str]]) -> Iterator[MirroredNft | None]:
    """Yield an nft beside copies of the tables where packets have filled sets of theirs, else None.

    tables: family and name. None also where this process may not make a network namespace.
    """
    mirror = None
    if _filled(tables):
        mirror = _shared[-1] if _shared else None
        with contextlib.suppress(OSError):
            mirror = mirror or Mirror(ScratchNamespace())
    if _shared:
        _shared[-1] = mirror or _shared[-1]
    try:
        yield MirroredNft(nft, mirror) if mirror is not None else None
    finally:
        if mirror is not None and not _shared:
            mirror.namespace.close()


def _filled(tables: Collection[tuple[str, str]]) -> bool:
    """Return whether packets have filled sets of the tables; False when the kernel does not tell."""
    with contextlib.suppress(NetlinkError, OSError):
        return sum(dynamic_elements(*table) for table in tables) >= FEW
    return False


class MirroredNft(Nft):
    """nft that lists, checks and tries in a namespace of its own, and commits in this one."""

    commits_here = False

    def __init__(self, here: Nft, mirror: Mirror) -> None:
        super().__init__(here.path, here.timeout)
        self.environment = here.environment
        self._here = here
        self._mirror = mirror

    def entered(self) -> ContextManager[None]:
        """Be where the scratch tables are."""
        return self._mirror.namespace.entered()

    def run_beside(self, family: str, name: str, *arguments: str) -> NftOutcome:
        """Run nft beside the copy of a table."""
        with _as_engine_error():
            self._mirror.copy(family, name)
        return self.run(*arguments)

    def list_table(self, family: str, name: str, *, elements: bool = True) -> NftOutcome:
        """List one table, with the handles that it has here."""
        with _as_engine_error():
            copy = self._mirror.copy(family, name)
        outcome = super().list_table(family, name, elements=elements)
        head, line_break, listing = outcome.out.partition("\n")
        listing = _LISTED_HANDLE.sub(lambda match: match[1] + copy.shown(match[2]), listing)
        return NftOutcome(outcome.code, head + line_break + listing, outcome.err)

    def load(self, script: str, *, check: bool = False) -> NftOutcome:
        """Load a script here; check: only try it beside the copies."""
        if check:
            return self._load_there(script, check=True)
        if self.version().startswith("0.") and _ELEMENT.search(script):
            # Whatever is not possible so is done, and said, by nft here.
            with contextlib.suppress(EngineError, NetlinkError, OSError):
                return self._load_by_netlink(script)
        return self._here.load(script)

    def _load_there(self, script: str, *, check: bool) -> NftOutcome:
        return super().load(_RULE_HANDLE.sub(self._in_the_copy, script), check=check)

    def _in_the_copy(self, match: re.Match[str]) -> str:
        copy = self._mirror.known(match["family"], match["table"])
        return match["command"] + (copy.meant(match["handle"]) if copy else match["handle"])

    def _load_by_netlink(self, script: str) -> NftOutcome:
        """Load a script beside the copy of the only table, and make here what it changed there."""
        ((family, name),) = self._mirror.tables
        before = self._mirror.copy(family, name)
        # From here on it is no copy any more.
        self._mirror.spoil(family, name)
        outcome = self._load_there(script, check=False)
        if outcome.code != 0:
            raise EngineError("rejected_by_nft", outcome.err)
        with self.entered():
            after = snapshot.take(family, name)
            handles = table_handles(family, name)
            if dynamic_elements(family, name):
                raise EngineError("not_applied", "Elements of dynamic sets are not compared.")
        if before.table is None or after is None:
            raise EngineError("not_applied", f"Table {family} {name} was made or deleted.")
        places = {handle: place for place, handle in before.there.items()}
        stayed = {place: places[handle] for place, handle in handles.items() if handle in places}
        requests = snapshot_difference.requests(before.table, after, before.here, stayed)
        snapshot.commit(f"changing table {family} {name}", after.family, before.generation, requests)
        return outcome

    def run(self, *arguments: str, stdin: str = "") -> NftOutcome:
        """Run nft beside the copies."""
        with self.entered():
            return super().run(*arguments, stdin=stdin)


@contextlib.contextmanager
def _as_engine_error() -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        raise EngineError(error.reason, str(error)) from error
