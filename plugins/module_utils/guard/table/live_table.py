# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table that nf_tables holds now: as messages, for every way back, and in nft's words, for people and the engine.

Times are read and written in UTC: a boot may know no other time zone.
"""

from __future__ import annotations

from typing import Collection

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import snapshot as snapshots
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import generation, table_handle
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot import TableSnapshot
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import command, mirror
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE

_ATTEMPTS = 5
"""How often the table is read again because another program changed the ruleset meanwhile."""


class UtcNft(command.Nft):
    """nft in the time zone UTC: it lists and loads `meta hour` in local time."""

    def __init__(self, path: str | None = None, timeout: float = command.TIMEOUT) -> None:
        super().__init__(path, timeout)
        self.environment = {**self.environment, "TZ": "UTC0"}


class LiveTable:
    """The live table. Every method raises a TidegateError for what nft or nf_tables cannot do.

    nft: None for the host's, which is looked for when it is first needed; patience: seconds that one run of it may
    take.
    """

    def __init__(self, nft: command.Nft | None = None, patience: float = command.TIMEOUT) -> None:
        self._given = nft
        self._patience = patience
        self._cached: tuple[tuple[int, str], str | None] | None = None

    @property
    def _nft(self) -> command.Nft:
        if self._given is None:
            self._given = UtcNft(timeout=self._patience)
        return self._given

    @property
    def nft_version(self) -> str:
        """Version of the nft that lists and loads now."""
        return self._nft.version()

    def snapshot(self, without: Collection[str] = ()) -> TableSnapshot | None:
        """Return the table as messages, None when there is none. without: sets whose elements are left out."""
        return snapshots.take(*TABLE, without)

    def as_saved(self, others: Collection[str]) -> tuple[str, TableSnapshot] | None:
        """Return the table in nft's words, and as messages without the elements of others, both of one generation."""
        for _attempt in range(_ATTEMPTS):
            snapshot, listing = self.snapshot(others), self.cached_listing()
            if snapshot is None or listing is None:
                return None
            if self.generation() == snapshot.generation:
                return listing, snapshot
        raise EngineError("busy", f"The ruleset changed during every attempt to read it ({_ATTEMPTS} attempts).")

    def listing(self) -> str | None:
        """Return the table as nft lists it, None when there is none.

        With counters and remaining timeouts, and numeric, so that it can be loaded again. What packets put into its
        sets is left out where that is much.
        """
        now = self.generation(), self.nft_version
        text = self._listing()
        self._cached = (now, text)
        return text

    def cached_listing(self) -> str | None:
        """Return the listing, but counters, remaining timeouts and what packets add may be older.

        Everything else belongs to a generation, so a table of a hundred thousand elements is listed once for each.
        """
        if self._cached is not None and self._cached[0] == (self.generation(), self.nft_version):
            return self._cached[1]
        return self.listing()

    def _listing(self) -> str | None:
        if not self.exists():
            return None
        words = ("-y", "-p", "list", "table", *TABLE)
        with mirror.beside_filled_tables(self._nft, [TABLE]) as mirrored:
            outcome = mirrored.run_beside(*TABLE, *words) if mirrored else self._nft.run(*words)
        if outcome.code != 0:
            if "No such file or directory" in outcome.err:
                return None
            raise command.failure(outcome, "nft list table")
        return outcome.out

    def exists(self) -> bool:
        """Return whether there is a table."""
        return table_handle(*TABLE) is not None

    def generation(self) -> int:
        """Return the generation of the ruleset: every commit of any process changes it."""
        return generation()

    def load(self, script: str, *, check: bool = False, patience: float | None = None) -> None:
        """Run a script as one transaction; check: only ask whether it would load. patience: seconds it may take."""
        outcome = UtcNft(self._nft.path, patience or self._patience).load(script, check=check)
        if outcome.code != 0:
            raise command.failure(outcome, "nft -f")

    def json(self, *words: str) -> str:
        """Return what `nft -j list` prints, "" when there is no such object."""
        outcome = self._nft.run("-j", "list", *words)
        if outcome.code == 0:
            return outcome.out
        if "No such file or directory" in outcome.err:
            return ""
        raise command.failure(outcome, f"nft -j list {words[0]}")
