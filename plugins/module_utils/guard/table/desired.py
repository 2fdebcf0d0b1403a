# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change makes of the table: preview it, load it."""

from __future__ import annotations

from typing import Any, Mapping, Protocol, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical.preview import objects
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.engine import Engine
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.mirror import beside_filled_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE


class DesiredTable(Protocol):
    """A table that the live one is changed to. Results are contract 2 of docs/contracts.md; raises EngineError."""

    def preview(self) -> Mapping[str, Any]:
        """Return what loading would change."""

    def load(self) -> Mapping[str, Any]:
        """Change the live table and return what changed."""


class CompiledTable:
    """A table that the controller compiled; the nft engine loads it. spec: with state absent, it is deleted.

    first: what a host without the table loads in its place, once. What follows is compared with spec, as in later
    runs, so that those find a proof.
    """

    def __init__(
        self, spec: Sequence[TableSpec], run_directory: RunDirectory, first: Sequence[TableSpec] | None = None
    ) -> None:
        self._spec = spec
        self._run_directory = run_directory
        self._now = first or spec
        self._engine: Engine | None = None

    def users(self) -> list[str]:
        """Return the users that its rules name, sorted."""
        rules = (rule for spec in self._spec for chain in spec.chains for rule in chain.rules or ())
        return sorted({user for rule in rules for user in rule.users or ()})

    def has_chain(self, name: str) -> bool:
        """Return whether a table has a chain of this name."""
        return any(chain.name == name for spec in self._spec for chain in spec.chains)

    def asks_for_resolvers(self) -> bool:
        """Return whether it has the name servers that the host itself uses."""
        return any(each.source for spec in self._spec for each in spec.sets)

    def preview(self) -> Mapping[str, Any]:
        """Return what loading would change."""
        return self._run(check=True)

    def load(self) -> Mapping[str, Any]:
        """Change the live table and return what changed."""
        result = self._run(check=False)
        self._now = self._spec
        return result

    def objects(self) -> list[dict[str, Any]]:
        """Return the objects that `nft -j list table` would print."""
        with beside_filled_tables(Nft(), [TABLE]) as mirrored:
            return objects(mirrored or Nft(), self._now[0], self._run_directory)

    def _run(self, *, check: bool) -> Mapping[str, Any]:
        self._engine = (self._engine or Engine(Nft(), state=self._run_directory)).then(check=check)
        result = self._engine.run(self._now)
        return {**result.as_dict(), "warnings": result.warnings}
