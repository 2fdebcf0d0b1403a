# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table that nf_tables holds now. Times are read and written in UTC: a boot may know no other time zone."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import generation, table_handle
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import command
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE


class UtcNft(command.Nft):
    """nft in the time zone UTC: it lists and loads `meta hour` in local time."""

    def __init__(self, path: str | None = None) -> None:
        super().__init__(path)
        self._environment = {**self._environment, "TZ": "UTC0"}


class LiveTable:
    """The live table. Every method raises a TidegateError for what nft or nf_tables cannot do."""

    def __init__(self, nft: command.Nft | None = None) -> None:
        self._nft = nft or UtcNft()
        self._nft.version()
        self._cached: tuple[tuple[int, str], str | None] | None = None

    @property
    def nft_version(self) -> str:
        """Version of the nft that lists and loads now."""
        return self._nft.version()

    def listing(self) -> str | None:
        """Return the table as nft lists it, None when there is none.

        With counters and remaining timeouts, and numeric, so that it can be loaded again.
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
        outcome = self._nft.run("-y", "-p", "list", "table", *TABLE)
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

    def load(self, script: str, *, check: bool = False) -> None:
        """Run a script as one transaction; check: only ask whether it would load."""
        outcome = self._nft.load(script, check=check)
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
