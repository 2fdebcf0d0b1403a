# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have nft say the desired rules, sets and elements in its own words.

They are loaded into tables of our own that live for some milliseconds and have no hooks, so see no packet; they are listed and
deleted again, all in one process. What nft refuses there is an error of the arguments, and nothing was changed.
"""

from __future__ import annotations

import os
import secrets
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, Outcome, failure, script_file
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.draft import Draft, Line
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.listing import parse_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.model import Table

PREFIX = "_tidegate_"
"""Scratch tables are named PREFIX, process id, _, random, _, number."""


def scratch_name() -> str:
    """Return a name that no other table begins with."""
    return f"{PREFIX}{os.getpid()}_{secrets.token_hex(4)}"


def canonical(nft: Nft, drafts: Sequence[Draft], name: str) -> list[Table]:
    """Return each draft as nft lists it. Raise when nft refuses one; the error names its place."""
    if not drafts:
        return []
    tables = [f"{draft.family} {name}_{at}" for at, draft in enumerate(drafts)]
    lines = [line for table, draft in zip(tables, drafts) for line in _script(draft, table)]
    with script_file("".join(f"{line.text}\n" for line in lines)) as path:
        talk = [
            f'include "{path}"',
            *(f"list table {table}" for table in tables),
            *(f"delete table {table}" for table in tables),
        ]
        try:
            outcome = nft.converse("".join(f"{line}\n" for line in talk))
        except EngineError:
            remove(nft, tables)
            raise
    if outcome.err.strip():
        raise _refusal(nft, outcome, lines, drafts)
    found = parse_tables(outcome.out)
    for draft, table in zip(drafts, found):
        _check_rules(draft, table)
    if len(found) != len(drafts):
        raise EngineError(
            "not_applied", f"nft listed {len(found)} of the {len(drafts)} tables that it was given. {UNCHANGED}"
        )
    return found


def remove(nft: Nft, tables: Sequence[str]) -> None:
    """Delete tables, each as "family name", that may or may not be there."""
    for table in tables:
        nft.load(f"add table {table}\ndelete table {table}\n")


def _script(draft: Draft, table: str) -> list[Line]:
    rules = [Line(f"add rule {table} {chain} {rule.text}", rule.where) for chain, rule in draft.rules]
    return [Line(f"table {table} {{"), *draft.block, Line("}"), *rules]


def _check_rules(draft: Draft, table: Table) -> None:
    """One text must have become one rule; the guard sees to it, this makes sure."""
    for chain in {name for name, _rule in draft.rules}:
        wanted = [rule for name, rule in draft.rules if name == chain]
        found = table.chain(chain)
        if found is None or len(found.rules) != len(wanted):
            count = len(found.rules) if found else 0
            raise EngineError(
                "rejected_by_nft", f"nft makes {count} rules of the {len(wanted)} given. {UNCHANGED}", wanted[0].where
            )


def _refusal(nft: Nft, outcome: Outcome, lines: Sequence[Line], drafts: Sequence[Draft]) -> EngineError:
    errors = outcome.errors()
    number, said = next(((number, said) for number, said in errors if 0 < number <= len(lines)), (0, ""))
    if not number:
        return failure(Outcome(1, outcome.out, outcome.err), "nft")
    line = lines[number - 1]
    broken = _word_as_name(nft, line, drafts) if "syntax error" in said else None
    if broken is not None:
        return broken
    plain = failure(Outcome(1, "", outcome.err), "nft", line.where)
    if plain.reason != "rejected_by_nft":
        return plain
    hint = (
        " Something it refers to (a chain, set, counter or interface) is not there." if "No such file" in said else ""
    )
    more = len({found for found, _said in errors if 0 < found <= len(lines)}) - 1
    others = f" {more} more of the same kind were found." if more > 0 else ""
    text = line.text.rstrip(",")
    return EngineError(
        "rejected_by_nft", f"nft refuses `{_short(text)}`: {said}.{hint}{others} {UNCHANGED}", line.where
    )


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:197]}…"


def _word_as_name(nft: Nft, line: Line, drafts: Sequence[Draft]) -> EngineError | None:
    """Return the error for a name that nft reads as a word of its grammar, when the line declares or uses such a name."""
    for draft in drafts:
        for declared in draft.block:
            words = declared.text.split()
            if len(words) < 3 or words[-1] != "{" or words[1] == "=":
                continue
            if not readable_name(nft, words[-2]):
                return EngineError(
                    "bad_spec",
                    f"{words[-2]!r} is a word of nft's own grammar and cannot be a name in nft {nft.version()}. Choose another, "
                    f"such as {'my_' + words[-2]!r}. {UNCHANGED}",
                    declared.where or line.where,
                )
    return None


def readable_name(nft: Nft, name: str) -> bool:
    """Whether nft reads this as a name and not as a word of its grammar."""
    outcome = nft.load(f"add table inet {name}\nadd chain inet {name} {name}\n", check=True)
    return "syntax error" not in outcome.err
