# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a host's needs its policy would reject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError

DNS_PORTS = (53, 853)


@dataclass(frozen=True, kw_only=True)
class Need:
    """One destination that something on the host uses.

    what: the software. where: file and line. host: name or address. user: whom its packets belong to, None for any.
    addresses: those that its name has on the host. unresolved: why there are none.
    """

    what: str
    where: str
    host: str
    port: int
    protocol: str
    user: str | None
    addresses: tuple[str, ...]
    unresolved: str = ""

    def __str__(self) -> str:
        user = f" as {self.user}" if self.user else ""
        return f"{self.what} uses {self.host} {self.protocol}/{self.port}{user} ({self.where})"


@dataclass(frozen=True)
class Diagnosis:
    """rejected: needs with those of their addresses that the policy rejects. allowed: how many pass whole."""

    rejected: tuple[Need, ...]
    unresolved: tuple[Need, ...]
    allowed: int


def needs_of(result: Sequence[Mapping[str, Any]]) -> list[Need]:
    """Return needs as the module egress_preflight returns them."""
    return [Need(**{**need, "addresses": tuple(need["addresses"])}) for need in result]


def diagnose(resolved: policy.ResolvedPolicy, needs: Sequence[Need]) -> Diagnosis:
    """Judge every need by what enforce would do, whatever the mode is."""
    rejected, unresolved, allowed = [], [], 0
    for need in needs:
        if not need.addresses:
            unresolved.append(need)
            continue
        closed = tuple(address for address in need.addresses if _is_rejected(resolved, need, address))
        if closed:
            rejected.append(replace(need, addresses=closed))
        else:
            allowed += 1
    return Diagnosis(tuple(rejected), tuple(unresolved), allowed)


def name_of(resolved: policy.ResolvedPolicy, need: Need) -> str:
    """Return the name by which an entry of this host can allow a need, "" where only its addresses can."""
    try:
        pattern = domain_names.parse(need.host)
        inside = [address for address in need.addresses if address not in resolved.internet]
    except (ValueError, AddressError):
        return ""
    return str(pattern) if resolved.names.feeder != "none" and not inside else ""


def _is_rejected(resolved: policy.ResolvedPolicy, need: Need, address: str) -> bool:
    try:
        flow = policy.Flow(address, need.protocol, need.port, need.user)
        verdict = policy.decide(resolved, flow, [need.host.lower().rstrip(".")])
    except AddressError:
        return True
    # A name server that only the host knows is one of those that `auto` stands for: it was read there.
    own = verdict.cause == "resolvers" and need.port in DNS_PORTS
    return not own and (verdict.rejected or not verdict.allowed)
