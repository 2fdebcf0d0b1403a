# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of a host does: from the policy before it, which the host keeps, and the one after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan import effects
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.policy_text import policy_text
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.serialise import unpacked
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy

POLICIES = ("policy_before", "policy_after")
"""Keys of the guard's result that are for this file alone."""
_LONGEST = 2000
"""Characters of a description in the history of a host."""


def effects_of(result: Mapping[str, Any], resolved: ResolvedPolicy | None) -> list[str]:
    """Return sentences about what a run of the guard changes, [] for nothing.

    result: of phase apply or rollback. resolved: the policy that is applied, None for a rollback. Where the host does
    not know the policy before, the sentence is the host's, which sees the table alone.
    """
    changes = result.get("changes", ())
    if not (result.get("changed") and (changes or "what" in result)):
        # A guard may be another one although the host is right.
        before = unpacked(result.get("policy_before", ""))
        return _compared(before, resolved) if before is not None and resolved is not None else []
    after = resolved or unpacked(result.get("policy_after", ""))
    if after is not None and after.mode == "absent":
        return ["the table was removed: all outbound traffic is allowed"] if changes else []
    before = unpacked(result.get("policy_before", ""))
    known = after is not None and (before is not None or _is_first(result))
    sentences = _compared(before, after) if known and after is not None else []
    return [*sentences, *result.get("undone", ())] or [text for text in [result.get("what", "")] if text]


def _compared(before: ResolvedPolicy | None, after: ResolvedPolicy) -> list[str]:
    try:
        return effects.effects(before, after)
    except Exception:  # noqa: BLE001  # before is from the host; what is only said must not stop a change
        return []


def as_difference(result: Mapping[str, Any], resolved: ResolvedPolicy) -> dict[str, str] | None:
    """Return the change as a difference of the policy's text, None where that says nothing or not all of it."""
    before = unpacked(result.get("policy_before", ""))
    first = result.get("nft_missing") or _is_first(result)
    texts = [policy_text(policy) for policy in (before, resolved)]
    if not result.get("changed") or (before is None and not first) or texts[0] == texts[1]:
        return None
    header = "egress policy (egress_diff: full shows the table too)"
    return {"before_header": header, "before": texts[0], "after_header": header, "after": texts[1]}


def _is_first(result: Mapping[str, Any]) -> bool:
    return any((change["kind"], change["action"]) == ("table", "add") for change in result.get("changes", ()))


def for_history(result: Mapping[str, Any], resolved: ResolvedPolicy | None) -> str:
    """Return the description of a change for the history of its host, "" to leave the host's."""
    sentences = result["effects"]
    if resolved is None:
        # The host's words name the policy that is returned to.
        sentences = [result.get("what", ""), *(line for line in sentences if line != result.get("what"))]
    return _shortened(sentences)


def of_same_table(result: Mapping[str, Any]) -> str:
    """Return the description of a change of the policy that leaves the table as it is; never ""."""
    if unpacked(result["policy_before"]) is None:
        return "the policy before was recorded by another release"
    return _shortened(result["effects"]) or "entries have another reason or owner"


def _shortened(sentences: Sequence[str]) -> str:
    text = "; ".join(sentences)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
