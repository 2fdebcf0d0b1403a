# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have nft say the desired rules, sets and elements in its own words.

They are loaded into tables of our own that live for some milliseconds and have no hooks, so see no packet; they are
listed and deleted again, all in one process. What nft rejects there is an error of the arguments, and nothing was
changed.
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

from .draft import DraftLine, ScratchDraft

PREFIX = "_tidegate_"
"""Scratch tables are named PREFIX, process id, _, random, _, number."""


def name() -> str:
    """Return a name that no table has."""
    return f"{PREFIX}{os.getpid()}_{secrets.token_hex(4)}"


def canonical(
    nft: Nft, drafts: Sequence[ScratchDraft], state: RunDirectory, look: Callable[[Sequence[str]], None] | None = None
) -> list[NftTable]:
    """Return each draft as nft lists it. Raise when nft rejects one; the error names its place.

    look: called with the scratch tables' names, one for each draft, while they are there.
    """
    if not drafts:
        return []
    own = name()
    tables = [f"{draft.family} {own}_{at}" for at, draft in enumerate(drafts)]
    script = [line for table, draft in zip(tables, drafts) for line in _script(draft, table)]
    with state.using(own, {"tables": tables, "namespace": nf_tables.namespace()}):
        seen = None if look is None else partial(look, [f"{own}_{at}" for at in range(len(drafts))])
        outcome = _listed(nft, tables, "".join(f"{text}\n" for text, _line in script), seen)
    # The exit status of a conversation says nothing, and what is on stderr may be only a warning.
    if outcome.errors() or (outcome.err.strip() and not outcome.out.strip()):
        raise _refusal(nft, outcome, [line for _text, line in script], drafts)
    found = [_with(draft, table) for draft, table in zip(drafts, parse_tables(outcome.out))]
    for draft, table in zip(drafts, found):
        _check_rules(draft, table)
    if len(found) != len(drafts):
        raise EngineError(
            "not_applied", f"nft listed {len(found)} of the {len(drafts)} tables that it was given. {UNCHANGED}"
        )
    return found


def as_json(nft: Nft, draft: ScratchDraft, table: str) -> str:
    """Return what nft lists of a draft as JSON. table: family and name of its scratch table. Raise when nft rejects."""
    script = _script(draft, table)
    with nft.script("".join(f"{text}\n" for text, _line in script)) as path:
        talk = [f'include "{path}"', f"list table {table}", f"delete table {table}"]
        try:
            outcome = nft.run("-j", "-y", "-i", stdin="".join(f"{line}\n" for line in talk))
        except EngineError:
            _remove(nft, [table])
            raise
    if outcome.errors() or not outcome.out.strip():
        raise _refusal(nft, outcome, [line for _text, line in script], [draft])
    return next((line for line in outcome.out.splitlines() if line.startswith("{")), "")


def _with(draft: ScratchDraft, table: NftTable) -> NftTable:
    """Add the elements that nft need not be asked about."""
    sets = (replace(one, elements=draft.known.get(one.name, one.elements)) for one in table.sets)
    return replace(table, sets=tuple(sets))


def _listed(nft: Nft, tables: Sequence[str], script: str, look: Callable[[], None] | None) -> NftOutcome:
    listing = "".join(f"list table {table}\n" for table in tables)
    deletion = "".join(f"delete table {table}\n" for table in tables)
    with nft.script(script) as path:
        try:
            if look is None:
                return nft.converse(f'include "{path}"\n{listing}{deletion}')
            outcome = nft.converse(f'include "{path}"\n{listing}')
            try:
                if not outcome.errors():
                    look()
            finally:
                nft.converse(deletion)
        except EngineError:
            # It died between making and deleting them.
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
    """Delete tables, each "family name", that may or may not be there, without listing anything."""
    for table in tables:
        if PREFIX in table:
            with contextlib.suppress(EngineError):
                nft.load(f"add table {table}\ndelete table {table}\n")


def _script(draft: ScratchDraft, table: str) -> list[tuple[str, DraftLine]]:
    """Return (text to send, what it stands for), line by line."""
    head = DraftLine(f"table {table}")
    return [
        (f"table {table} {{", head),
        *((line.text, line) for line in draft.block),
        ("}", head),
        *((f"add rule {table} {chain} {rule.text}", rule) for chain, rule in draft.rules),
    ]


def without_misfits(nft: Nft, spec: TableSpec, live: NftTable | None, canon: NftTable | None) -> NftTable | None:
    """Return the live table without the elements that a set of another type, as it is wanted now, cannot hold."""
    if live is None or canon is None:
        return live
    kept = []
    declared = {wanted.name for wanted in spec.sets if wanted.declaration is not None}
    for found in live.sets:
        wanted = canon.set(found.name) if found.name in declared else None
        other_type = wanted is not None and found.declaration[:1] != wanted.declaration[:1]
        if wanted is not None and other_type and found.elements and not _holds(nft, canon, wanted, found):
            kept.append(replace(found, elements=()))
        else:
            kept.append(found)
    return replace(live, sets=tuple(kept))


def _holds(nft: Nft, canon: NftTable, wanted: NftSet, found: NftSet) -> bool:
    """Whether elements of one set can be elements of another."""
    lines = [
        f"table {canon.family} {name()} {{",
        *(f"chain {chain.name} {{\n}}" for chain in canon.chains),
    ]
    lines += [f"{wanted.kind} {wanted.name} {{", *wanted.declaration, "elements = {"]
    lines += [*(f"{element.canon}," for element in found.elements), "}", "}", "}", ""]
    return nft.load("\n".join(lines), check=True).code == 0


def _check_rules(draft: ScratchDraft, table: NftTable) -> None:
    """One text must have become one rule; the guard sees to it, this makes sure."""
    chains: dict[str, list[DraftLine]] = {}
    for chain, rule in draft.rules:
        chains.setdefault(chain, []).append(rule)
    for chain, wanted in chains.items():
        found = table.chain(chain)
        if found is None or len(found.rules) != len(wanted):
            count = len(found.rules) if found else 0
            raise EngineError(
                "rejected_by_nft", f"nft makes {count} rules of the {len(wanted)} given. {UNCHANGED}", wanted[0].where
            )


def _refusal(nft: Nft, outcome: NftOutcome, lines: Sequence[DraftLine], drafts: Sequence[ScratchDraft]) -> EngineError:
    errors = outcome.errors()
    number, said = next(((number, said) for number, said in errors if 0 < number <= len(lines)), (0, ""))
    if not number:
        return failure(NftOutcome(1, outcome.out, outcome.err), "nft")
    line = lines[number - 1]
    if "syntax error" in said:
        _check_names(nft, drafts, line.where)
    # Only the first error: what comes after it are its consequences.
    plain = failure(NftOutcome(1, "", f"Error: {said}"), "nft", line.where)
    if plain.reason != "rejected_by_nft":
        return plain
    hint = (
        " Something it refers to (a chain, set, counter or interface) is not there." if "No such file" in said else ""
    )
    more = len({found for found, _said in errors if 0 < found <= len(lines)}) - 1
    others = f" {more} more of the same kind were found." if more > 0 else ""
    # nft 1.1 guesses at names, also at names of other tables.
    said = said.partition("; did you mean")[0].rstrip(".")
    text = _short(line.text.rstrip(",{ "))
    return EngineError("rejected_by_nft", f"nft rejects `{text}`: {said}.{hint}{others} {UNCHANGED}", line.where)


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:197]}…"


def _check_names(nft: Nft, drafts: Sequence[ScratchDraft], where: str) -> None:
    """Raise when a declared name is a word of nft's grammar."""
    for draft in drafts:
        for line in draft.block:
            words = line.text.split()
            if len(words) >= 3 and words[-1] == "{" and words[1] != "=":
                check_name(nft, words[-2], line.where or where)


def check_name(nft: Nft, name: str, where: str) -> None:
    """Raise when nft reads a name as a word of its grammar; which those are differs between its versions."""
    outcome = nft.load(f"add table inet {name}\nadd chain inet {name} {name}\n", check=True)
    if "syntax error" in outcome.err:
        raise EngineError(
            "bad_spec",
            f"{name!r} is a word of nft's own grammar and cannot be a name in nft {nft.version()}. "
            f"Choose another, such as {'my_' + name!r}. {UNCHANGED}",
            where,
        )
