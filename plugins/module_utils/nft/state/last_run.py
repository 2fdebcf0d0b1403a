# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last verified run of a task, and whether its proof still holds.

Every run increments the generation, by its scratch tables even without changes. So that the tasks of a play do not
invalidate each other's proofs, a run that knows every commit of its time adds a step to the trail: from which to which
generation, and what it changed. A proof holds when the trail leads from its generation to the current one and no step
changed what the task owns.
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
"""Number of steps of the trail that are kept."""


class LastRun:
    """The last run of a task. specs: resolved on this host, files of elements not yet read. binary: path of nft.

    check: the run is in check mode. It stores its proof beside that of the last real run, so that a check of other
    arguments takes nothing away.
    """

    def __init__(
        self,
        state: RunDirectory,
        specs: Sequence[TableSpec],
        binary: str,
        save: persist.PersistFile | None,
        *,
        check: bool = False,
    ) -> None:
        self._state = state
        self._specs = specs
        self._binary = binary
        self._save = save
        self._slot = proof.slot(specs)
        self._check_slot = f"{self._slot} check"
        self._check = check
        self._names = proof.names()
        self._trail = f"{nf_tables.namespace()} {proof.boot_id()}"
        self.record = state.read(self._slot)

    def unchanged(self) -> str:
        """Return nft's version when the kernel proves that nothing changed since the last verified run, else ""."""
        now: dict[str, Any] = {}
        for slot in (self._slot, self._check_slot):
            record = self.record if slot == self._slot else self._state.read(slot)
            now = now or (self._now() if record else {})
            before = _proof_of(record)
            if now and self._holds(before, now) and before["files"] == now["files"]:
                return str(record.get("version", ""))
        return ""

    def only_files_changed(self) -> int | None:
        """Return the generation at which everything but the content of element files is as verified, else None."""
        now = self._now() if self.record.get("elements") else {}
        return int(now["generation"]) if now and self._holds(_proof_of(self.record), now) else None

    def only_others_wrote(self) -> bool:
        """Whether everything but the generation and the content of element files is as verified."""
        now = self._now() if self.record.get("elements") else {}
        return bool(now) and _same(_proof_of(self.record), now)

    def same_tables(self, generation: int | None) -> bool:
        """Whether nobody changed what this task owns since its last verified run, whatever is desired now."""
        now, before = self._now() if self.record else {}, _proof_of(self.record)
        alike = all(now.get(key) == before.get(key) for key in ("namespace", "boot", "handles"))
        return bool(now) and alike and now["generation"] == generation and self._leads(before, now)

    def write(self, version: str, verified: int, elements: dict[str, Any]) -> None:
        """Store the proof for the generation that was verified, if it is still the current one.

        elements: by set, as returned by file_set_store.keep(). Nothing is stored when a file that resolves names
        changed since the run began: nft may have read the old one.
        """
        now = self._now()
        if now.get("generation") == verified and now["names"] == self._names:
            slot = self._check_slot if self._check else self._slot
            self._state.write(slot, {"version": version, "proof": now, "elements": elements})

    def walked(self, start: int | None, end: int | None, *, changed: bool) -> None:
        """Add a step to the trail: every commit between two generations was made by this run."""
        if start is None or end is None or start == end or nf_tables.namespace() is None:
            return
        steps = self._steps()
        steps.append([start, end, proof.owned(self._specs) if changed else []])
        self._state.write(self._trail, {"steps": steps[-STEPS:]}, "trail")

    def delete(self, turn: str) -> None:
        """Delete the state of the task."""
        self._state.delete(self._check_slot, turn)
        self._state.delete(self._slot, turn)

    def _now(self) -> dict[str, Any]:
        return proof.current(self._specs, self._binary, self._save.identity() if self._save else "")

    def _holds(self, before: dict[str, Any], now: dict[str, Any]) -> bool:
        return _same(before, now) and self._leads(before, now)

    def _leads(self, before: dict[str, Any], now: dict[str, Any]) -> bool:
        """Whether the trail leads from the recorded generation to the current one without a step that matters here."""
        at, end = before.get("generation"), now["generation"]
        if at == end:
            return True
        if nf_tables.namespace() is None:  # the trail might be of another namespace
            return False
        owned = proof.owned(self._specs)
        steps = {start: (to, touched) for start, to, touched in self._steps()}
        while at in steps and at != end:
            at, touched = steps.pop(at)
            if proof.overlap(owned, touched):
                return False
        return bool(at == end)

    def _steps(self) -> list[Any]:
        steps = self._state.read(self._trail, "trail").get("steps")
        valid = isinstance(steps, list) and all(_is_step(step) for step in steps)
        return list(steps) if isinstance(steps, list) and valid else []


def _proof_of(record: dict[str, Any]) -> dict[str, Any]:
    before = record.get("proof")
    return before if isinstance(before, dict) else {}


def _same(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether everything but the generation and the content of element files is as it was."""
    same = {key: before.get(key) for key in now if key not in ("generation", "files")}
    return same == {key: now[key] for key in same} and "files" in before


def _is_step(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 3:
        return False
    start, end, touched = value
    return (
        isinstance(start, int)
        and isinstance(end, int)
        and isinstance(touched, list)
        and all(isinstance(name, str) for name in touched)
    )
