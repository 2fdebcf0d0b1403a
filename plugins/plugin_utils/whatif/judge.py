# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy asked about very many flows: `policy.decide`, without the entries that cannot concern a port."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy, Verdict
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.decide import ROOT

Outcome = Literal["allowed", "rejected", "depends"]
ALLOWED: Outcome = "allowed"
REJECTED: Outcome = "rejected"
DEPENDS: Outcome = "depends"
_ANYBODY, _UNNAMED = "\0", "\1"
"""Users that no policy can name: when a log does not know whose socket it was, and for all others."""


@dataclass(frozen=True)
class Judgement:
    """outcome: DEPENDS where only some users may and the log does not say who it was.

    entry: what lets the flow through, None for the floor and for rejections. cause: as policy.Verdict's.
    users: for DEPENDS, whom it is allowed to.
    """

    outcome: Outcome
    entry: str | None
    cause: str
    users: tuple[str, ...] = ()


class Judge:
    """Judges flows by one host's policy as if it were enforced."""

    def __init__(self, resolved: ResolvedPolicy) -> None:
        self._policy = dataclasses.replace(resolved, mode="enforce")
        self._about_port = lru_cache(maxsize=None)(self._narrowed)
        self._judged = lru_cache(maxsize=1 << 16)(self._judge)

    def __call__(self, destination: str, protocol: int, port: int | None, uid: str | None) -> Judgement:
        """Return the judgement of one flow. Raises AddressError for a destination that is no address."""
        is_named = uid is None or uid in ROOT or uid in self._about_port(protocol, port or 0)[1]
        return self._judged(destination, protocol, port, uid if is_named else _UNNAMED)

    def _judge(self, destination: str, protocol: int, port: int | None, uid: str | None) -> Judgement:
        narrowed, users = self._about_port(protocol, port or 0)

        def ask(user: str) -> Verdict:
            return policy.decide(narrowed, policy.Flow(destination, protocol, port, user))

        verdict = ask(_ANYBODY if uid is None else uid)
        if verdict.allowed:
            return Judgement(ALLOWED, verdict.entry, verdict.cause)
        if uid is not None or not users:
            return Judgement(REJECTED, None, verdict.cause)
        allowed = [(user, answer) for user in users if (answer := ask(user)).allowed]
        if not allowed:
            return Judgement(REJECTED, None, verdict.cause)
        return Judgement(DEPENDS, allowed[0][1].entry, "entry", tuple(user for user, _answer in allowed))

    def _narrowed(self, protocol: int, port: int) -> tuple[ResolvedPolicy, tuple[str, ...]]:
        """Return the policy with only what is about this port, and the users that it names."""
        entries = tuple(
            dataclasses.replace(entry, grants=grants)
            for entry in self._policy.entries
            if (grants := tuple(grant for grant in entry.grants if grant.services.contains(protocol, port)))
        )
        never = tuple(never for never in self._policy.never if never.services.contains(protocol, port))
        users = {user for entry in entries for user in entry.users or ()}
        users |= {user for each in never for user in each.except_users}
        return dataclasses.replace(self._policy, entries=entries, never=never), tuple(sorted(users))
