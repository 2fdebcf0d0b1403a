# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft, for the one table of this room. Times are read and written in UTC: a boot may know no other zone."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import generation, table_handle
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import command
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE


class UtcNft(command.Nft):
    """nft as the engine starts it, in the time zone UTC: a rule's `meta hour` is listed and loaded in local time."""

    def __init__(self, path: str | None = None) -> None:
        super().__init__(path)
        self._environment = {**self._environment, "TZ": "UTC0"}


class LiveTable:
    """The table as the kernel has it. All methods raise EngineError for what nft or the kernel cannot do."""

    def __init__(self, nft: command.Nft | None = None) -> None:
        self._nft = nft or UtcNft()
        self.version = self._nft.version()
        self._seen: tuple[int, str | None] | None = None

    def listing(self) -> str | None:
        """Return the table with counters and remaining timeouts, numeric so that it can be loaded.

        None without a table.
        """
        now = self.generation()
        found = self._listing()
        self._seen = (now, found)
        return found

    def standing(self) -> str | None:
        """As listing, but counters, remaining timeouts and what packets write may be those of an earlier look.

        Everything else belongs to the generation, so a table of a hundred thousand elements is listed once for each.
        """
        if self._seen is not None and self._seen[0] == self.generation():
            return self._seen[1]
        return self.listing()

    def _listing(self) -> str | None:
        if not self.stands():
            return None
        outcome = self._nft.run("-y", "-p", "list", "table", *TABLE)
        if outcome.code != 0:
            if "No such file or directory" in outcome.err:
                return None
            raise command.failure(outcome, "nft list table")
        return outcome.out

    def stands(self) -> bool:
        """Whether there is a table."""
        return table_handle(*TABLE) is not None

    def generation(self) -> int:
        """Return the ruleset's generation: another one after every commit of anybody."""
        return generation()

    def load(self, script: str, *, check: bool = False) -> None:
        """Run a script as one transaction; check: only ask whether it would load."""
        outcome = self._nft.load(script, check=check)
        if outcome.code != 0:
            raise command.failure(outcome, "nft -f")

    def json(self, *words: str) -> str:
        """Return what nft lists as JSON, "" when there is no such thing."""
        outcome = self._nft.run("-j", "list", *words)
        if outcome.code == 0:
            return outcome.out
        if "No such file or directory" in outcome.err:
            return ""
        raise command.failure(outcome, f"nft -j list {words[0]}")
