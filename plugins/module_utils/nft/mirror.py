# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft beside copies of the tables, in a network namespace where nobody else is.

Old versions of nft read every element of every table for nearly every command, so a table whose sets packets have
filled makes each run slow. The copies are without what packets put into dynamic sets. In the own namespace nft only
commits.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, ContextManager, Iterator, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import snapshot
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.counted_elements import dynamic_elements
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.handles import table_handles
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.namespace import ScratchNamespace
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import (
    delete_table,
    settled_generation,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from .command import Nft, NftOutcome

if TYPE_CHECKING:
    from typing import Mapping

FEW = 500
"""Elements in dynamic sets that any nft reads in a hundredth of a second."""

_LISTED_HANDLE = re.compile(r"(# handle )(\d+)$", re.MULTILINE)
_RULE_HANDLE = re.compile(
    r"^(?P<command>(?:delete|insert|add|replace) rule (?P<family>\S+) (?P<table>\S+) \S+ (?:handle|position) )"
    r"(?P<handle>\d+)",
    re.MULTILINE,
)
_ATTEMPTS = 20


@contextlib.contextmanager
def beside_filled_tables(nft: Nft, specs: Sequence[TableSpec]) -> Iterator[Nft | None]:
    """Yield an nft beside copies of the tables where packets have filled sets of theirs, else None.

    None also where this process may not make a network namespace.
    """
    if not _filled(specs):
        yield None
        return
    with contextlib.ExitStack() as stack:
        try:
            namespace = stack.enter_context(ScratchNamespace())
        except OSError:
            yield None
            return
        yield MirroredNft(nft.path, namespace)


def _filled(specs: Sequence[TableSpec]) -> bool:
    """Return whether packets have filled sets of the tables; False when the kernel does not tell."""
    with contextlib.suppress(NetlinkError, OSError):
        return sum(dynamic_elements(spec.family, spec.name) for spec in specs) >= FEW
    return False


class MirroredNft(Nft):
    """nft that lists, checks and tries in a namespace of its own, and commits in this one."""

    commits_here = False

    def __init__(self, path: str, namespace: ScratchNamespace) -> None:
        super().__init__(path)
        self._namespace = namespace
        self._here = Nft(path)
        self._copied: dict[tuple[str, str], int] = {}
        self._handles: dict[tuple[str, str], dict[int, int]] = {}

    def entered(self) -> ContextManager[None]:
        """Be where the scratch tables are."""
        return self._namespace.entered()

    def list_table(self, family: str, name: str, *, elements: bool = True) -> NftOutcome:
        """List one table, with the handles that it has here."""
        with _as_engine_error():
            self._copy(family, name)
        outcome = super().list_table(family, name, elements=elements)
        own = self._handles[family, name]
        head, line_break, rest = outcome.out.partition("\n")
        listed = _LISTED_HANDLE.sub(lambda match: match[1] + str(own.get(int(match[2]), match[2])), rest)
        return NftOutcome(outcome.code, head + line_break + listed, outcome.err)

    def load(self, script: str, *, check: bool = False) -> NftOutcome:
        """Load a script here; check: only try it beside the copies."""
        if not check:
            return self._here.load(script)
        return super().load(_RULE_HANDLE.sub(self._in_the_copy, script), check=True)

    def _in_the_copy(self, match: re.Match[str]) -> str:
        handles = self._handles.get((match["family"], match["table"]), {})
        there = next((there for there, here in handles.items() if here == int(match["handle"])), match["handle"])
        return f"{match['command']}{there}"

    def run(self, *arguments: str, stdin: str = "") -> NftOutcome:
        """Run nft beside the copies."""
        with self.entered():
            return super().run(*arguments, stdin=stdin)

    def _copy(self, family: str, name: str) -> None:
        """Copy a table as it is now."""
        for _attempt in range(_ATTEMPTS):
            generation = settled_generation()
            if self._copied.get((family, name)) == generation:
                return
            table = snapshot.take(family, name)
            here = table_handles(family, name) if table is not None else {}
            if settled_generation() != generation:
                continue
            with self.entered():
                if table is None:
                    delete_table(family, name)
                    there: Mapping[tuple[int, str, int], int] = {}
                else:
                    snapshot.put(table)
                    there = table_handles(family, name)
            if here.keys() != there.keys():
                raise EngineError("not_applied", f"The copy of table {family} {name} is not like it.")
            self._handles[family, name] = {there[place]: handle for place, handle in here.items()}
            self._copied[family, name] = generation
            return
        raise EngineError("busy", f"The ruleset changed during every attempt to copy table {family} {name}.")


@contextlib.contextmanager
def _as_engine_error() -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        raise EngineError(error.reason, str(error)) from error
