# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolve the users of rules on the host where the rules apply."""

from __future__ import annotations

import pwd
from dataclasses import replace
from typing import Callable

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError

from .spec import ChainSpec, RuleSpec, TableSpec

UID_MAX = 2**32 - 2
"""4294967295 stands for "no user" in the kernel."""


def lookup(name: str) -> int | None:
    """Return the uid of a user of this host, None when there is none; a number stands for itself."""
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return int(name) if name.isascii() and name.isdigit() and int(name) <= UID_MAX else None


def resolve(spec: TableSpec, find: Callable[[str], int | None] = lookup) -> tuple[TableSpec, tuple[str, ...]]:
    """Return the table with uids instead of user names, and the users that this host does not have.

    A rule none of whose users exists is left out: it never becomes a rule without a condition.
    """
    missing: set[str] = set()
    chains = tuple(_chain(chain, find, missing) for chain in spec.chains)
    return replace(spec, chains=chains), tuple(sorted(missing))


def _chain(chain: ChainSpec, find: Callable[[str], int | None], missing: set[str]) -> ChainSpec:
    if chain.edit is not None and chain.edit.rule is not None:
        rule = _rule(chain.edit.rule, find, missing)
        edit = replace(chain.edit, rule=rule, present=chain.edit.present and rule is not None)
        return replace(chain, edit=edit)
    if chain.rules is None:
        return chain
    rules = (_rule(rule, find, missing) for rule in chain.rules)
    return replace(chain, rules=tuple(rule for rule in rules if rule is not None))


def _rule(rule: RuleSpec, find: Callable[[str], int | None], missing: set[str]) -> RuleSpec | None:
    if rule.users is None:
        return rule
    uids = set()
    for name in rule.users:
        uid = find(name)
        if uid is not None:
            uids.add(uid)
        elif rule.missing_users == "error":
            raise EngineError("bad_spec", f"There is no user {name!r} on this host. {UNCHANGED}", rule.where)
        else:
            missing.add(name)
    if not uids:
        return None
    ordered = sorted(uids)
    who = str(ordered[0]) if len(ordered) == 1 else "{ " + ", ".join(map(str, ordered)) + " }"
    return replace(rule, text=f"meta skuid {who} {rule.text}", users=None)
