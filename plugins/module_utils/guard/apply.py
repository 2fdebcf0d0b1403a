# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One module run of a guarded change: check, install, snapshot, arm, apply; and the next one: try, confirm.

The engine is a callable, so that this file knows neither table specs nor plans.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Mapping, Protocol, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import exclusive
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import install
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program.install import FileChange
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    last_loaded,
    pending,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.confirmed_policy import Request
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.pending import Pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import commit_confirm, rollback, timer
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes import transaction
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.result import RunResult
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.nf_tables import delete_table, has_table
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    DENIED_CHAIN,
    MODE_RULES,
    TABLE,
    is_entry_chain,
)

_DONE = {"add": "opened", "delete": "closed"}
_NAMED = 10
"""Entries that the history names of one change."""
WAIT = 30.0
"""Seconds that a run waits for the guard or the watcher to finish what it is doing."""


class Engine(Protocol):
    """The engine with its wanted tables: returns contract 2 of docs/architecture.md, raises EngineError."""

    def __call__(self, *, check: bool) -> Mapping[str, Any]:
        """Apply, or only say what would be."""


@dataclass(frozen=True)
class Plan:
    """What a run is asked to do.

    seconds: for the trial; needed: that its tests may take at most; tried: whether there is a trial at all; before:
    called between the decision to change something and the change, its result comes back as ``before``; foreseen:
    called before that, also in check mode, raises when the change must not be; size: see change.Trial; standing: the
    file of settings as it is.
    """

    request: Request
    settings: Settings = field(default_factory=Settings)
    seconds: float = 60.0
    needed: float = 0.0
    tried: bool = True
    size: int = 0
    before: Callable[[], Any] | None = None
    foreseen: Callable[[], None] | None = None
    standing: str = ""


def request_of(tables: Sequence[Mapping[str, Any]], who: str, what: str = "") -> Request:
    """Return whose policy a table spec is: checksum, and the sets whose elements it leaves to others.

    Raise GuardError (bad_request) unless the one table is ours.
    """
    names = [(table.get("family", "inet"), table.get("name")) for table in tables]
    if names != [TABLE]:
        raise GuardError("bad_request", f"The guard knows the table {' '.join(TABLE)} only. {UNCHANGED}")
    others = [
        str(found["name"])
        for kind in ("sets", "maps")
        for found in tables[0].get(kind) or ()
        if (found.get("elements") is None and not found.get("elements_from")) or "dynamic" in (found.get("flags") or ())
    ]
    spec = hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()
    return Request(who, what, tuple(sorted(others)), spec)


def apply_guarded(host: Host, engine: Engine, plan: Plan, *, check: bool = False) -> dict[str, Any]:
    """Apply what the engine wants, on trial. Return the engine's result with ``guard`` and ``files`` beside it.

    guard: None when nothing is on trial, else token, seconds, kind and before. Raise GuardError or EngineError; then
    the table is as it was, which the message says.
    """
    if plan.tried and plan.seconds <= plan.needed:
        raise GuardError(
            "bad_request",
            f"The trial lasts {plan.seconds:.0f} s, but its tests may take {plan.needed:.0f} s: it would always be put "
            f"back. Raise egress_confirm_timeout. {UNCHANGED}",
        )
    systemd = clock.systemd_runs(host.paths)
    with exclusive(host.paths, WAIT):
        said = _settle(host, check=check)
        wanted = engine(check=True)
        if wanted["changed"] and plan.foreseen is not None:
            plan.foreseen()
        # The settings of a change that is put back go with it: whether the fail-safe table refuses is one of them.
        old = files.read(host.paths.settings) or ""
        before = plan.before() if wanted["changed"] and plan.tried and plan.before is not None and not check else None
        installed = install.install(host.paths, plan.settings, systemd=systemd, check=check)
        if not wanted["changed"]:
            return _joined(wanted, [*installed, *_saved(host, plan, check=check)], said, guard=None)
        if check:
            return _joined(wanted, installed, said, guard=None)
        if not plan.tried:
            return _joined(_untried(host, engine, plan.request), installed, said, guard=None)
        made, result = _on_trial(host, engine, replace(plan, standing=old), wanted)
        guard = {"token": made.token, "seconds": made.seconds, "kind": made.guard, "before": before}
        return _joined(result, installed, said, guard=guard)


def confirm(host: Host, token: str) -> dict[str, Any]:
    """Confirm the change on trial; return about it. When it cannot be, put it back at once and raise GuardError."""
    with exclusive(host.paths, WAIT):
        try:
            record = commit_confirm.confirm(host, token)
        except (GuardError, EngineError) as error:
            if getattr(error, "reason", "") not in ("not_pending", "too_late"):
                rollback.fire(host, token, f"it could not be confirmed: {error}")
                raise GuardError(error.reason, f"{error} The old policy was put back.") from error
            raise
        return {"token": record.token, "when": clock.utc(record.when), "who": record.who, "what": record.what}


def reject(host: Host, token: str, why: str) -> None:
    """Put the change on trial back at once."""
    with exclusive(host.paths, WAIT):
        if not rollback.fire(host, token, why):
            raise GuardError("not_pending", f"There is no such change on trial on this host. {UNCHANGED}")


def remove(host: Host, engine: Engine, *, check: bool = False) -> dict[str, Any]:
    """Remove the table and every file. Needs no trial: without a table nothing is refused."""
    systemd = clock.systemd_runs(host.paths)
    with exclusive(host.paths, WAIT):
        said = _settle(host, check=check)
        if check:
            return _joined(
                engine(check=True), install.remove(host.paths, systemd=systemd, check=True), said, guard=None
            )
        # While nothing is confirmed, the watcher brings nothing back.
        wanted = engine(check=True)
        if wanted["changed"]:
            install.disown(host.paths)
        result = engine(check=False)
        return _joined(result, install.remove(host.paths, systemd=systemd), said, guard=None)


def remove_without_nft(paths: Paths, *, check: bool = False) -> dict[str, Any]:
    """As remove, on a host from which nft is gone: the kernel may still have the table, and the files are there."""
    with exclusive(paths, WAIT):
        found = pending.read(paths)
        if found is not None and found.of_this_boot and timer.alive(paths, found):
            raise pending.refusal(found)
        stands = _stands_without_nft()
        if stands and not check:
            install.disown(paths)
            delete_table(*TABLE)
        removed = install.remove(paths, systemd=clock.systemd_runs(paths), check=check)
    gone = (transaction.change_record("delete", "table", name=TABLE[1]),) if stands else ()
    return _joined(RunResult(stands, changes=gone).as_dict(), removed, "", guard=None)


def _stands_without_nft() -> bool:
    try:
        return has_table(*TABLE) is not False
    except EngineError as error:
        if error.reason != "no_nf_tables":
            raise
        return False


def _settle(host: Host, *, check: bool) -> str:
    """Deal with a change that nobody guards any more; raise GuardError (pending) for one that is on trial."""
    if not check:
        return rollback.recover(host)
    found = pending.read(host.paths)
    if found is not None and found.of_this_boot and not rollback.is_confirmed(host.paths, found):
        raise pending.refusal(found)
    return ""


def _untried(host: Host, engine: Engine, request: Request) -> Mapping[str, Any]:
    """Load the change and save for boot what was loaded, nothing that somebody else wrote meanwhile."""
    result = engine(check=False)
    listing = host.table.listing()
    if engine(check=True)["changed"]:
        raise GuardError(
            "changed_meanwhile",
            "The change was loaded, but somebody else wrote to the table meanwhile, so what stands was not saved for "
            "boot: the policy that was confirmed last counts there. Run again.",
        )
    confirmed_policy.save(host, _described(request, result), listing=listing)
    return result


def _on_trial(host: Host, engine: Engine, plan: Plan, wanted: Mapping[str, Any]) -> tuple[Pending, Mapping[str, Any]]:
    request = _described(plan.request, wanted)
    made = commit_confirm.begin(host, request, commit_confirm.Trial(plan.seconds, plan.size, settings=plan.standing))
    snapshot = files.read(host.paths.snapshot) or ""
    try:
        result = engine(check=False)
        commit_confirm.loaded_new(host, made, request)
        if engine(check=True)["changed"]:
            # Between the engine's own look and the one that is to be saved: nobody asked for what they put there.
            raise GuardError("changed_meanwhile", "Somebody else wrote to the table while the change was being loaded.")
    except BaseException as error:
        # Also when the run is interrupted: what is half known is not left to the guard.
        if pending.read(host.paths) != made:
            # The guard could wait no longer, did its work and tidied up, and the change came after that.
            files.write(host.paths.snapshot, snapshot.encode("utf-8", "surrogateescape"))
        rollback.take_back(host, made, f"it could not be loaded: {error}")
        raise
    return made, result


def _saved(host: Host, plan: Plan, *, check: bool) -> list[FileChange]:
    """The kernel is right already. See that a boot finds the same, and that the watcher knows it."""
    if not host.table.stands():
        return []
    if confirmed_policy.save(
        host, Request(plan.request.who, "as it stood", plan.request.others, plan.request.spec), check=check
    ):
        return [FileChange(str(host.paths.confirmed), "change")]
    if not check and last_loaded.read(host.paths, host.table.version) is None:
        confirmed_policy.note_loaded(host, plan.request.others)
    return []


def _joined(
    result: Mapping[str, Any], changed: Sequence[FileChange], said: str, *, guard: dict[str, Any] | None
) -> dict[str, Any]:
    diffs = result.get("diff") or {}
    shown = [*(diffs if isinstance(diffs, list) else [diffs]), *(found.as_diff() for found in changed)]
    return {
        **result,
        "changed": bool(result["changed"] or changed),
        "diff": shown if changed else diffs,
        "files": [{"path": found.path, "action": found.action} for found in changed],
        "guard": guard,
        "recovered": said,
    }


def _described(request: Request, result: Mapping[str, Any]) -> Request:
    """Return the request with what it changes in words, unless the caller said."""
    if request.what:
        return request
    counted: dict[tuple[str, str], int] = {}
    entries: dict[str, list[str]] = {"add": [], "delete": []}
    modes: list[str] = []
    for found in result.get("changes") or ():
        name = (str(found.get("action")), str(found.get("kind")))
        counted[name] = counted.get(name, 0) + int(found.get("count") or 1)
        if found.get("kind") == "rule" and is_entry_chain(str(found.get("chain"))) and found.get("comment"):
            entries.get(name[0], []).append(str(found["comment"]))
        if found.get("chain") == DENIED_CHAIN and name[0] == "add" and found.get("text") in MODE_RULES:
            modes.append(f"mode {MODE_RULES[found['text']]}")
    words = [*modes, *(f"{_DONE[action]} {_some(names)}" for action, names in entries.items() if names)]
    words += [f"{action} {count} {kind}{'s' if count != 1 else ''}" for (action, kind), count in counted.items()]
    return Request(request.who, ", ".join(words) or "no change", request.others, request.spec)


def _some(names: Sequence[str]) -> str:
    """Return the first names, each once, and how many more there are."""
    different = sorted(set(names))
    more = len(different) - _NAMED
    return " ".join(different[:_NAMED]) + (f" and {more} more" if more > 0 else "")
