# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host itself: a resolved policy as the table `inet tidegate`, a plain dict that the nft engine applies."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyError, PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.destinations import (
    NAMES_REFUSED,
    WRITE_ADDRESSES,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    Grant,
    Never,
    Resolved,
    ResolvedEntry,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import Capabilities, Target

from . import containers, denied, dispatch, floor, inbound, once
from .matches import Spec, address_sets, matches

FAMILY, NAME = "inet", "tidegate"
Rule = str | dict[str, Any]


def compile_table(resolved: Resolved, in_a_row: int = dispatch.IN_A_ROW) -> Spec:
    """The table spec of contract 1 in docs/architecture.md. The same policy gives the same bytes.

    in_a_row: entries that name their addresses are found by address when there are more of them. Raises PolicyErrors
    for domain names: nothing here looks them up, and an entry must not silently open nothing.
    """
    names = [name for entry in resolved.everything() for name in entry.names]
    if names:
        raise PolicyErrors(
            tuple(PolicyError(one.where, f'"{one.name}": {NAMES_REFUSED}', WRITE_ADDRESSES) for one in names)
        )
    if resolved.mode == "absent":
        return {"family": FAMILY, "name": NAME, "state": "absent"}
    chains, maps = _chains(resolved, in_a_row)
    return {
        "family": FAMILY,
        "name": NAME,
        "state": "present",
        "counters": [{"name": name} for name in sorted(denied.counters(resolved))],
        "sets": _sets(resolved),
        **({"maps": maps} if maps else {}),
        "chains": chains,
        "max_removed": {"percent": resolved.max_removed, "sets": "allow_*"},
    }


def _sets(resolved: Resolved) -> list[Spec]:
    found = floor.sets(resolved)
    for number, never in enumerate(resolved.never, start=1):
        found += address_sets(f"never_{number}", never.addresses)
    for entry in sorted(resolved.everything(), key=lambda entry: entry.name):
        for grant in entry.grants:
            found += address_sets(_set_name(entry, grant), grant.addresses)
    found += _external_sets(resolved)
    for number, quiet in enumerate(resolved.quiet, start=1):
        found += address_sets(f"quiet_{number}", quiet.addresses)
    for entry in sorted(resolved.inbound or (), key=lambda entry: entry.name):
        for grant in entry.grants:
            found += address_sets(_set_name(entry, grant), grant.addresses)
    for word, observed in resolved.observed().items():
        found += address_sets(f"observed_{word}", observed)
    return found + once.sets() + denied.ledger_sets()


def _external_sets(resolved: Resolved) -> list[Spec]:
    """The sets that others fill, one a list and family and without elements, so that no run touches what is in them.

    Beside them what they cannot open more than: the word internet, whatever is filled in.
    """
    names = sorted({grant.part for entry in resolved.everything() for grant in entry.external})
    found = [
        {"name": f"external_{name}{version}", "type": f"ipv{version}_addr", "flags": ["interval", "timeout"]}
        for name in names
        for version in (4, 6)
    ]
    return found + (address_sets("internet", resolved.internet) if found else [])


def _chains(resolved: Resolved, in_a_row: int) -> tuple[list[Spec], list[Spec]]:
    """All chains in the order in which a packet meets them, which is the order in which they are listed; and maps."""
    quiet = [
        match
        for number, one in enumerate(resolved.quiet, start=1)
        for match in matches(f"quiet_{number}", one.addresses, one.services)
    ]
    allowed, maps = dispatch.allow("egress_allow", resolved.entries, partial(_allow, resolved), in_a_row)
    found = [
        _base_chain(resolved),
        _chain("egress_floor", floor.rules(resolved)),
        *_never_chains(resolved),
        *allowed,
        *denied.chains(resolved, quiet),
    ]
    if resolved.containers is not None:
        found += containers.chains(resolved)
        name = containers.ALLOW
        allowed, others = dispatch.allow(name, resolved.containers, partial(_allow, resolved), in_a_row)
        found, maps = found + allowed, maps + others
    if resolved.inbound is not None:
        entries = [rule for entry in resolved.inbound for rule in _allow(resolved, entry)]
        found.append(inbound.chain(resolved, entries))
    return found, maps


def _base_chain(resolved: Resolved) -> Spec:
    """The hook. Its policy is the same in every mode: it is met only when somebody took the last rule away."""
    rules = [
        floor.LOOPBACK,
        *floor.open_connections(resolved, f"tcp sport {inbound.ansible_ports(resolved)}"),
        "jump egress_floor",
        *(["jump egress_never"] if resolved.never else []),
        *once.rules(),
        "jump egress_allow",
        "goto egress_denied",
    ]
    return {
        "name": "egress_output",
        "type": "filter",
        "hook": "output",
        "priority": "filter",
        "policy": "drop",
        "rules": rules,
    }


def _never_chains(resolved: Resolved) -> list[Spec]:
    """egress_never, and for each entry with excepted users a chain of its own.

    There an excepted user's packet returns to the next entry, and everything else goes on to the refusal, packets
    without a socket included: `meta skuid != …` in one rule would let those slip through.
    """
    rules: list[Rule] = []
    found: list[Spec] = []
    for number, never in enumerate(resolved.never, start=1):
        target = f"egress_never_{number}" if never.except_users else "egress_denied"
        # Whoever returns from a chain that was gone to does not come back here, but past all later entries.
        verdict = "jump" if never.except_users else "goto"
        rules += [
            f'{match} {verdict} {target} comment "never {number}"'
            for match in matches(f"never_{number}", never.addresses, never.services)
        ]
        if never.except_users:
            found.append(_chain(target, _excepted(never, resolved.missing_users)))
    return [_chain("egress_never", rules), *found] if rules else []


def _excepted(never: Never, missing_users: str) -> list[Rule]:
    return [
        {"rule": "counter return", "users": list(never.except_users), "missing_users": missing_users},
        "goto egress_denied",
    ]


def _allow(resolved: Resolved, entry: ResolvedEntry) -> list[Rule]:
    """One rule for each family and protocol shape of an entry."""
    side = "saddr" if entry.kind == "inbound" else "daddr"
    found = [
        match
        for grant in entry.grants
        for match in matches(_set_name(entry, grant), grant.addresses, grant.services, side)
    ]
    for grant in entry.external:
        found += matches("internet", grant.addresses, grant.services, also=f"external_{grant.part}")
    texts = [f'{_until(entry.expires)}{match} counter accept comment "{entry.name}"' for match in found]
    if entry.users is None:
        return list(texts)
    # Of the time daemons that the floor knows a host has one.
    missing = "skip" if entry.kind == "floor" else resolved.missing_users
    return [{"rule": text, "users": list(entry.users), "missing_users": missing} for text in texts]


def _until(expires: dt.date | None) -> str:
    """A match that ends with the day in UTC, so that the entry closes on the host without any run.

    As seconds, because nft reads a date in the time zone of the machine.
    """
    if expires is None:
        return ""
    midnight = dt.datetime.combine(expires, dt.time(), dt.UTC) + dt.timedelta(days=1)
    return f"meta time < {int(midnight.timestamp())} "


def _set_name(entry: ResolvedEntry, grant: Grant) -> str:
    """A point cannot be in an entry's name, so the parts of one entry never take the name of another."""
    prefix = entry.kind if entry.kind in ("inbound", "floor") else "allow"
    return f"{prefix}_{entry.name}.{grant.part}" if grant.part else f"{prefix}_{entry.name}"


def _chain(name: str, rules: list[str] | list[Rule]) -> Spec:
    return {"name": name, "rules": list(rules)}


TARGET = Target(
    name="nftables",
    about="the host itself: the table `inet tidegate`",
    can=Capabilities(
        user=True,
        containers=True,
        deny=True,
        log="counters and a ledger",
        filled=True,
        observe=True,
        expiry="itself",
    ),
    suffix=".json",
    whole=compile_table,
)
