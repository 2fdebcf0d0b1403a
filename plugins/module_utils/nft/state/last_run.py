# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task remembers of its last verified run, and whether that still holds.

A run moves the generation itself, by its scratch tables even when it changes nothing. So that the tasks of a play do
not take each other's proofs away, every run that knows all commits of its time leaves a step of the trail: from which
to which generation, and what it changed. A proof holds when the trail leads from its generation to the current one and
nobody on the way changed what it is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import TableSpec

from . import proof
from .run_directory import RunDirectory

if TYPE_CHECKING:
    from . import persist

STEPS = 300
"""Steps of the trail that are kept."""


class LastRun:
    """One task's state. specs: as resolved on this host, files of elements not yet read. binary: path of nft."""

    def __init__(
        self, state: RunDirectory, specs: Sequence[TableSpec], binary: str, save: persist.PersistFile | None
    ) -> None:
        self._state = state
        self._specs = specs
        self._binary = binary
        self._save = save
        self._slot = proof.slot(specs)
        self._trail = f"{nf_tables.namespace()} {proof.boot()}"
        self.record = state.read(self._slot)

    def unchanged(self) -> str:
        """Return nft's version when the kernel proves that nothing changed since the last verified run, else ""."""
        now = self._now() if self.record else {}
        return self._version() if now and self._holds(now) and self._before()["files"] == now["files"] else ""

    def only_files_changed(self) -> int | None:
        """Return the generation at which all but the content of files of elements is as it was verified, else None."""
        now = self._now() if self.record.get("elements") else {}
        return int(now["generation"]) if now and self._holds(now) else None

    def only_others_wrote(self) -> bool:
        """Whether all but the generation and the content of files of elements is as it was verified."""
        now = self._now() if self.record.get("elements") else {}
        return bool(now) and self._same(now)

    def same_tables(self, generation: int | None) -> bool:
        """Whether nobody changed what this task owns since its last verified run, whatever is wanted now."""
        now, before = self._now() if self.record else {}, self._before()
        alike = all(now.get(key) == before.get(key) for key in ("namespace", "boot", "handles"))
        return bool(now) and alike and now["generation"] == generation and self._leads(now)

    def write(self, version: str, verified: int, elements: dict[str, Any]) -> None:
        """Keep the proof of what was verified at a generation, if that is still the generation.

        elements: by set, what bulk_store knows of its elements.
        """
        now = self._now()
        if now.get("generation") == verified:
            self._state.write(self._slot, {"version": version, "proof": now, "elements": elements})

    def walked(self, start: int | None, end: int | None, *, changed: bool) -> None:
        """Leave a step of the trail: all commits between two generations were this run's."""
        if start is None or end is None or start == end or nf_tables.namespace() is None:
            return
        steps = self._steps()
        steps.append([start, end, proof.owned(self._specs) if changed else []])
        self._state.write(self._trail, {"steps": steps[-STEPS:]}, "trail")

    def leave(self, turn: str) -> None:
        """Forget the task."""
        self._state.leave(self._slot, turn)

    def _version(self) -> str:
        return str(self.record.get("version", ""))

    def _before(self) -> dict[str, Any]:
        found = self.record.get("proof")
        return found if isinstance(found, dict) else {}

    def _now(self) -> dict[str, Any]:
        return proof.take(self._specs, self._binary, self._save.seal() if self._save else "")

    def _holds(self, now: dict[str, Any]) -> bool:
        return self._same(now) and self._leads(now)

    def _same(self, now: dict[str, Any]) -> bool:
        before = self._before()
        same = {key: before.get(key) for key in now if key not in ("generation", "files")}
        return same == {key: now[key] for key in same} and "files" in before

    def _leads(self, now: dict[str, Any]) -> bool:
        """Whether the trail leads from the record's generation to the current one past everything this task owns."""
        at, end = self._before().get("generation"), now["generation"]
        if at == end:
            return True
        if nf_tables.namespace() is None:  # another namespace's trail could be taken for this one's
            return False
        mine = proof.owned(self._specs)
        ways = {start: (to, touched) for start, to, touched in self._steps()}
        while at in ways and at != end:
            at, touched = ways.pop(at)
            if proof.meet(mine, touched):
                return False
        return bool(at == end)

    def _steps(self) -> list[Any]:
        found = self._state.read(self._trail, "trail").get("steps")
        well = isinstance(found, list) and all(_is_step(one) for one in found)
        return list(found) if isinstance(found, list) and well else []


def _is_step(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 3:
        return False
    start, end, touched = value
    return (
        isinstance(start, int)
        and isinstance(end, int)
        and isinstance(touched, list)
        and all(isinstance(one, str) for one in touched)
    )
