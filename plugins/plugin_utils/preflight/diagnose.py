# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a host's needs its policy would refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError

DNS_PORTS = (53, 853)


@dataclass(frozen=True)
class Need:
    """One destination that something on the host uses. addresses: those that its name has there."""

    what: str
    where: str
    host: str
    port: int
    protocol: str
    user: str | None
    addresses: tuple[str, ...]
    unresolved: str = ""

    def __str__(self) -> str:
        who = f" as {self.user}" if self.user else ""
        return f"{self.what} uses {self.host} {self.protocol}/{self.port}{who} ({self.where})"


@dataclass(frozen=True)
class Diagnosis:
    """refused: needs with those of their addresses that the policy refuses; allowed: how many pass whole."""

    refused: tuple[Need, ...]
    unresolved: tuple[Need, ...]
    allowed: int


def read(needs: Sequence[Mapping[str, Any]]) -> list[Need]:
    """Return needs as the module returns them."""
    return [Need(**{**need, "addresses": tuple(need["addresses"])}) for need in needs]


def diagnose(resolved: policy.Resolved, needs: Sequence[Need]) -> Diagnosis:
    """Judge every need; what enforce would do counts, whatever the mode is."""
    refused, unresolved, allowed = [], [], 0
    for need in needs:
        if not need.addresses:
            unresolved.append(need)
            continue
        closed = tuple(address for address in need.addresses if _refused(resolved, need, address))
        if closed:
            refused.append(Need(**{**vars(need), "addresses": closed}))
        else:
            allowed += 1
    return Diagnosis(tuple(refused), tuple(unresolved), allowed)


def _refused(resolved: policy.Resolved, need: Need, address: str) -> bool:
    try:
        verdict = policy.decide(resolved, policy.Flow(address, need.protocol, need.port, need.user))
    except AddressError:
        return True
    # A name server that only the host knows is one of those that `auto` stands for: it was read there.
    own = verdict.cause == "resolvers" and need.port in DNS_PORTS
    return not own and (verdict.refused or not verdict.allowed)
