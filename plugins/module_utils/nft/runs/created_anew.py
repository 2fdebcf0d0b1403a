# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else wrote into what a run creates anew, between the moment it was read and the transaction."""

from __future__ import annotations

from contextlib import suppress
from typing import Collection, final

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.commits import Commit, CommitListener
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError

from .run_plan import RunPlan


@final
class Listening:
    """Listens from the moment that a plan needs it; use as a context manager."""

    def __init__(self) -> None:
        self._listener: CommitListener | None = None

    def __enter__(self) -> Listening:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._listener is not None:
            self._listener.close()

    def begin(self, run_plan: RunPlan) -> None:
        """Listen, if the plan creates anew what others write into; forget what was heard before."""
        if not run_plan.carried:
            return
        with suppress(NetlinkError):
            self._listener = self._listener or CommitListener()
            self._listener.commits()

    def others_wrote(self, run_plan: RunPlan) -> bool:
        """Return whether others wrote into what this plan created anew, or that is not known."""
        if not run_plan.carried:
            return False
        heard = self._listener.commits() if self._listener else None
        return heard is None or _are_others(heard, run_plan)


def _are_others(heard: Collection[Commit], run_plan: RunPlan) -> bool:
    """Return whether a commit touched what is created anew before the one that deleted it, which is this run's."""
    anew = {(table.spec.family, table.spec.name, name) for table in run_plan.tables for name in ("", *run_plan.carried)}
    touching = [commit for commit in heard if commit.touched & anew]
    ours = max((number for number, commit in enumerate(touching) if commit.deleted & anew), default=len(touching) - 1)
    return ours > 0
