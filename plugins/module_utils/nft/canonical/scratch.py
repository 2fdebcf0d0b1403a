# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring desired rules, sets and elements into nft's words.

The tables are loaded, listed and deleted in one process. They exist for some milliseconds and have no hooks, so no
packet meets them. What nft rejects there is an error of the arguments, and nothing was changed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import replace
from functools import partial
from typing import Callable, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, NftOutcome, failure
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.listing import parse_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftSet, NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory, tables_of

from . import kernel_modules
from .draft import DraftLine, ScratchDraft

PREFIX = "_tidegate_"
"""Scratch tables are named PREFIX, process id, _, random, _, number."""


def name() -> str:
    """Return a name that no table has. Scratch tables append their number."""
    return f"{PREFIX}{os.getpid()}_{secrets.token_hex(4)}"


def canonical(
    nft: Nft,
    drafts: Sequence[ScratchDraft],
    state: RunDirectory,
    inspect: Callable[[Sequence[str]], None] | None = None,
) -> list[NftTable]:
    """Return each draft as nft lists it. Raise when nft rejects one; the error names its place.

    inspect: called with the names of the scratch tables, one per draft, while they exist.
    """
    if not drafts:
        return []
    prefix = name()
    tables = [f"{draft.family} {prefix}_{at}" for at, draft in enumerate(drafts)]
    script = [line for table, draft in zip(tables, drafts) for line in _script(draft, table)]
    with state.using(prefix, {"tables": tables, "namespace": nf_tables.namespace()}):
        inspect_tables = None if inspect is None else partial(inspect, [f"{prefix}_{at}" for at in range(len(drafts))])
        outcome = _listed(nft, tables, "".join(f"{text}\n" for text, _line in script), inspect_tables)
    # The exit status of a conversation means nothing, and stderr may hold only a warning.
    if outcome.errors() or (outcome.err.strip() and not outcome.out.strip()):
        raise _rejection(nft, outcome, [line for _text, line in script], drafts)
    listed_tables = [_with(draft, table) for draft, table in zip(drafts, parse_tables(outcome.out))]
    for draft, table in zip(drafts, listed_tables):
        _check_rules(draft, table)
    if len(listed_tables) != len(drafts):
        raise EngineError(
            "not_applied", f"nft listed {len(listed_tables)} of {len(drafts)} scratch tables. {UNCHANGED}"
        )
    return listed_tables


def as_json(nft: Nft, draft: ScratchDraft, table: str) -> str:
    """Return nft's JSON listing of a draft. table: family and name of its scratch table. Raise when nft rejects it."""
    script = _script(draft, table)
    with nft.script("".join(f"{text}\n" for text, _line in script)) as path:
        talk = [f'include "{path}"', f"list table {table}", f"delete table {table}"]
        try:
            outcome = nft.run("-j", "-y", "-i", stdin="".join(f"{line}\n" for line in talk))
        except EngineError:
            _remove(nft, [table])
            raise
    if outcome.errors() or not outcome.out.strip():
        raise _rejection(nft, outcome, [line for _text, line in script], [draft])
    return next((line for line in outcome.out.splitlines() if line.startswith("{")), "")


def _with(draft: ScratchDraft, table: NftTable) -> NftTable:
    """Add the elements that are already in nft's words."""
    sets = (replace(nft_set, elements=draft.known.get(nft_set.name, nft_set.elements)) for nft_set in table.sets)
    return replace(table, sets=tuple(sets))


def _listed(nft: Nft, tables: Sequence[str], script: str, inspect: Callable[[], None] | None) -> NftOutcome:
    listing = "".join(f"list table {table}\n" for table in tables)
    deletion = "".join(f"delete table {table}\n" for table in tables)
    with nft.script(script) as path:
        try:
            if inspect is None:
                return nft.converse(f'include "{path}"\n{listing}{deletion}')
            outcome = nft.converse(f'include "{path}"\n{listing}')
            try:
                if not outcome.errors():
                    inspect()
            finally:
                nft.converse(deletion)
        except EngineError:
            # nft ended between creating and deleting them.
            _remove(nft, tables)
            raise
    return outcome


def sweep(nft: Nft, state: RunDirectory) -> None:
    """Delete the scratch tables of runs that were killed in this network namespace."""
    for path, record in state.left_over():
        if record.get("namespace") == nf_tables.namespace():
            _remove(nft, tables_of(record))
            with contextlib.suppress(OSError):
                path.unlink()


def _remove(nft: Nft, tables: Sequence[str]) -> None:
    """Delete tables, each "family name", that may exist, without listing anything."""
    for table in tables:
        if PREFIX in table:
            with contextlib.suppress(EngineError):
                nft.load(f"add table {table}\ndelete table {table}\n")


def _script(draft: ScratchDraft, table: str) -> list[tuple[str, DraftLine]]:
    """Return (text to send, line of the draft), line by line."""
    head = DraftLine(f"table {table}")
    return [
        (f"table {table} {{", head),
        *((line.text, line) for line in draft.block),
        ("}", head),
        *((f"add rule {table} {chain} {rule.text}", rule) for chain, rule in draft.rules),
    ]


def without_misfits(nft: Nft, spec: TableSpec, live: NftTable | None, canon: NftTable | None) -> NftTable | None:
    """Return the live table without elements that cannot be in the desired set, which has another type."""
    if live is None or canon is None:
        return live
    kept = []
    declared = {nft_set.name for nft_set in spec.sets if nft_set.declaration is not None}
    for live_set in live.sets:
        nft_set = canon.set(live_set.name) if live_set.name in declared else None
        other_type = nft_set is not None and live_set.declaration[:1] != nft_set.declaration[:1]
        if nft_set is not None and other_type and live_set.elements and not _holds(nft, canon, nft_set, live_set):
            kept.append(replace(live_set, elements=()))
        else:
            kept.append(live_set)
    return replace(live, sets=tuple(kept))


def _holds(nft: Nft, canon: NftTable, nft_set: NftSet, live_set: NftSet) -> bool:
    """Whether the elements of a live set can be elements of another set."""
    lines = [
        f"table {canon.family} {name()} {{",
        *(f"chain {chain.name} {{\n}}" for chain in canon.chains),
    ]
    lines += [f"{nft_set.kind} {nft_set.name} {{", *nft_set.declaration, "elements = {"]
    lines += [*(f"{element.canon}," for element in live_set.elements), "}", "}", "}", ""]
    return nft.load("\n".join(lines), check=True).code == 0


def _check_rules(draft: ScratchDraft, table: NftTable) -> None:
    """Raise unless each rule text became exactly one rule; ``validate`` guarantees it and this check asserts it."""
    chains: dict[str, list[DraftLine]] = {}
    for chain, rule in draft.rules:
        chains.setdefault(chain, []).append(rule)
    for chain, lines in chains.items():
        listed_chain = table.chain(chain)
        if listed_chain is None or len(listed_chain.rules) != len(lines):
            count = len(listed_chain.rules) if listed_chain else 0
            raise EngineError(
                "rejected_by_nft",
                f"nft reads another number of rules than the task has ({count} from {len(lines)}). {UNCHANGED}",
                lines[0].where,
            )


def _rejection(
    nft: Nft, outcome: NftOutcome, lines: Sequence[DraftLine], drafts: Sequence[ScratchDraft]
) -> EngineError:
    errors = outcome.errors()
    number, message = next(((number, message) for number, message in errors if 0 < number <= len(lines)), (0, ""))
    if not number:
        return failure(NftOutcome(1, outcome.out, outcome.err), "nft")
    line = lines[number - 1]
    if "syntax error" in message:
        _check_names(nft, drafts, line.where)
    # Only the first error: the others are its consequences.
    failure_of_line = failure(NftOutcome(1, "", f"Error: {message}"), "nft", line.where)
    if failure_of_line.reason != "rejected_by_nft":
        return failure_of_line
    hint = _missing(line.text) if "No such file" in message else ""
    more = len({line_number for line_number, _said in errors if 0 < line_number <= len(lines)}) - 1
    others = f" {more} more {'lines have' if more > 1 else 'line has'} errors." if more > 0 else ""
    # nft 1.1 suggests names, also of other tables.
    message = message.partition("; did you mean")[0].rstrip(".")
    text = _short(line.text.rstrip(",{ "))
    return EngineError("rejected_by_nft", f"nft rejects `{text}`: {message}.{hint}{others} {UNCHANGED}", line.where)


def _missing(line: str) -> str:
    """Return the sentence about what does not exist for a line that the kernel answers with ENOENT."""
    lacking = kernel_modules.of_object(line.rstrip(" {")) if line.endswith(" {") else ""
    if lacking:
        return f" This kernel has no {lacking}."
    lacking = kernel_modules.of_rule(line)
    kernel = f", or this kernel has no {lacking}" if lacking else ""
    return f" It refers to a chain, set, counter or interface that does not exist{kernel}."


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:197]}…"


def _check_names(nft: Nft, drafts: Sequence[ScratchDraft], where: str) -> None:
    """Raise when a declared name is a keyword of nft."""
    for draft in drafts:
        for line in draft.block:
            words = line.text.split()
            if len(words) >= 3 and words[-1] == "{" and words[1] != "=":
                check_name(nft, words[-2], line.where or where)


def check_name(nft: Nft, name: str, where: str) -> None:
    """Raise when nft reads a name as a keyword, which depends on its version."""
    outcome = nft.load(f"add table inet {name}\nadd chain inet {name} {name}\n", check=True)
    if "syntax error" in outcome.err:
        raise EngineError(
            "bad_spec",
            f"{name!r} is a keyword of nft {nft.version()} and cannot be a name. "
            f"Fix: choose another, such as {'my_' + name!r}. {UNCHANGED}",
            where,
        )
