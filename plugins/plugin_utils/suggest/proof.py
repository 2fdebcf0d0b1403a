# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a draft would open, proven with the policy itself: it is built once more with the draft in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.effects import effects
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import PolicyErrors, ResolvedPolicy, failed_tests
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

from .drafts import Draft

Build = Callable[[str, Mapping[str, Any]], ResolvedPolicy]
"""Builds the policy of a host with these variables in addition. Raises PolicyErrors."""
_REASON = "drafted"
"""Stands for the reason that the author will write, where the policy requires one."""
_NO_END = "9999-12-31"


@dataclass(frozen=True, kw_only=True)
class Proof:
    """opens: what becomes open, in sentences. verdict: of the ceiling, the policy tests and whatever else is checked.

    accepted: whether the policy can be built with the draft. nearest: entries that already allow it to other users or
    with other services. answered: whether the other end answered, None where nobody knows.
    """

    opens: tuple[str, ...]
    verdict: str
    accepted: bool
    nearest: tuple[str, ...]
    answered: bool | None


def variable(tier: str) -> str:
    """Return the variable that holds the drafts of a tier; its topic is its own, so it adds to what is there."""
    return f"egress_allow_{''.join(letter if letter.isalnum() else '_' for letter in tier)}_suggested"


def prove(draft: Draft, before: ResolvedPolicy, host: str, build: Build) -> Proof:
    """Return the proof of a draft for a host, whose policy is the one before."""
    nearest = tuple(sorted({name for seen in draft.seen for name in seen.nearest}))
    known = [seen.answered for seen in draft.seen if seen.answered is not None]
    answered = any(known) if known else None
    drafted = {**draft.entry, "reason": _REASON, "owner": _REASON}
    try:
        after = build(host, {variable(before.tier): [drafted]})
    except PolicyErrors as errors:
        verdict = "; ".join(map(str, errors.errors))
        return Proof(opens=(), verdict=verdict, accepted=False, nearest=nearest, answered=answered)
    opens = tuple(sentence for sentence in effects(before, after) if sentence.startswith("opened"))
    if not opens and after.names.feeder != "none":
        opens = (f"opened by name: {draft.to}",)
    failing = [str(failed) for failed in failed_tests(after) if failed not in failed_tests(before)]
    verdict = "; ".join(failing) or f"below the ceiling of tier {before.tier}"
    return Proof(opens=opens, verdict=verdict, accepted=not failing, nearest=nearest, answered=answered)


def list_contents(names: Sequence[str], host: str, build: Build) -> dict[str, AddressSet]:
    """Return the content of prefix lists on a host, of those that have any there.

    They are read as a policy reads them, by entries that no ceiling stops; nothing of these is ever used.
    """
    contents = {}
    for name in names:
        probe = {
            "name": "suggest-probe",
            "to": [f"prefix_list:{name}"],
            "services": ["tcp/1"],
            "reason": _REASON,
            "owner": _REASON,
            "review_by": _NO_END,
        }
        try:
            resolved = build(host, {"egress_ceiling_raise_suggest_probe": [probe]})
        except PolicyErrors:
            continue
        for entry in resolved.entries:
            if entry.name == "suggest-probe":
                contents[name] = entry.addresses
    return {name: content for name, content in contents.items() if content}
