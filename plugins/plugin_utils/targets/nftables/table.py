# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles a resolved policy into the host's table: a table spec that the nft engine applies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import MissingUsers
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.floor import openings
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    Grant,
    ResolvedEntry,
    ResolvedNever,
    ResolvedPolicy,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import Capabilities, Target

from . import allowed, closed_sockets, containers, denied, dispatch, floor, inbound, names, temporary_allow, units
from .matches import Spec, address_sets, destination, matches

Rule = str | dict[str, Any]


def compile_table(resolved: ResolvedPolicy, in_a_row: int = dispatch.IN_A_ROW) -> Spec:
    """Return the table spec (contract 1 in docs/contracts.md). The same policy gives the same bytes.

    in_a_row: where more entries than this name addresses, they are found by address. Raises PolicyErrors for domain
    names that nobody fills sets with on the host.
    """
    names.check(resolved)
    family, name = table_names.TABLE
    if resolved.mode == "absent":
        return {"family": family, "name": name, "state": "absent"}
    return {
        "family": family,
        "name": name,
        "state": "present",
        "counters": [
            {"name": counter} for counter in sorted([*allowed.counters(resolved), *denied.counters(resolved)])
        ],
        "sets": _sets(resolved),
        "chains": _chains(resolved, in_a_row),
        "max_removed": {"percent": resolved.max_removed, "sets": table_names.ALLOW_SETS},
    }


def _sets(resolved: ResolvedPolicy) -> list[Spec]:
    sets = floor.sets(resolved)
    for number, never in enumerate(resolved.never, start=1):
        sets += address_sets(table_names.never_set(number), never.addresses)
    for entry in sorted(resolved.all_entries(), key=lambda entry: entry.name):
        for grant in entry.grants:
            sets += address_sets(_set_name(entry, grant), grant.addresses)
    sets += _external_sets(resolved) + names.sets(resolved) + units.sets(resolved)
    if resolved.is_bound_by_internet:
        sets += address_sets(table_names.INTERNET_SET, resolved.internet)
    for number, quiet in enumerate(resolved.quiet, start=1):
        sets += address_sets(table_names.quiet_set(number), quiet.addresses)
    for entry in sorted(resolved.inbound or (), key=lambda entry: entry.name):
        for grant in entry.grants:
            sets += address_sets(_set_name(entry, grant), grant.addresses)
    for word, observed in resolved.observed().items():
        sets += address_sets(table_names.observed_set(word), observed)
    return sets + temporary_allow.sets(resolved) + allowed.sets(resolved) + denied.ledger_sets(resolved)


def _external_sets(resolved: ResolvedPolicy) -> list[Spec]:
    """Return the sets that others fill, without elements so that no run touches their content."""
    lists = sorted({grant.part for entry in resolved.all_entries() for grant in entry.external})
    return [
        {
            "name": table_names.of_version(table_names.external_set(name), version),
            "typeof": destination(version),
            "flags": ["interval", "timeout"],
        }
        for name in lists
        for version in (4, 6)
    ]


def _chains(resolved: ResolvedPolicy, in_a_row: int) -> list[Spec]:
    """Return all chains, in the order in which a packet meets them."""
    quiet = [
        match
        for number, destination in enumerate(resolved.quiet, start=1)
        for match in matches(table_names.quiet_set(number), destination.addresses, destination.services)
    ]
    rules = partial(_entry_rules, resolved)
    closed = closed_sockets.chains(_conditions_by_socket(resolved))
    chains = [
        _base_chain(resolved, closed_sockets.jumps(closed)),
        _chain(table_names.FLOOR_CHAIN, floor.rules(part for part in openings(resolved) if not part.below_never)),
        *_never_chains(resolved),
        *dispatch.allow_chains(table_names.ALLOW_CHAIN, resolved.entries, rules, in_a_row),
        *closed,
        *allowed.chains(resolved),
        *denied.chains(resolved, quiet),
    ]
    if resolved.containers is not None:
        name = table_names.CONTAINERS_ALLOW_CHAIN
        chains += containers.chains(resolved)
        chains += dispatch.allow_chains(name, resolved.containers, rules, in_a_row)
    if resolved.inbound is not None:
        entry_rules = [rule for entry in resolved.inbound for rule in rules(entry)]
        chains.append(inbound.chain(resolved, entry_rules))
    return chains


def _base_chain(resolved: ResolvedPolicy, jumps: list[str]) -> Spec:
    """Return the chain on the output hook. jumps: what comes behind the entries.

    Its policy only counts when somebody has deleted the last rule.
    """
    rules = [
        floor.LOOPBACK,
        *floor.open_connections(resolved),
        *floor.connections_of_ansible(resolved),
        f"jump {table_names.FLOOR_CHAIN}",
        *([f"jump {table_names.NEVER_CHAIN}"] if resolved.never else []),
        *floor.rules(part for part in openings(resolved) if part.below_never),
        *temporary_allow.rules(allowed.verdict(resolved)),
        f"jump {table_names.ALLOW_CHAIN}",
        *jumps,
        *temporary_allow.unit_rules(resolved, allowed.verdict(resolved)),
        f"goto {table_names.DENIED_CHAIN}",
    ]
    return {
        "name": table_names.OUTPUT_CHAIN,
        "type": "filter",
        "hook": "output",
        "priority": "filter",
        "policy": "drop",
        "rules": rules,
    }


def _never_chains(resolved: ResolvedPolicy) -> list[Spec]:
    """Return NEVER_CHAIN, and a chain for each element of it that excepts sockets.

    In such a chain packets of an excepted socket return to the next element, and all others are denied, also those
    without a socket: `meta skuid != …` in one rule would let them pass.
    """
    rules: list[Rule] = []
    forwarded: list[Rule] = []
    chains: list[Spec] = []
    for number, never in enumerate(resolved.never, start=1):
        target = table_names.never_chain(number) if never.excepts else table_names.DENIED_CHAIN
        # A packet that returns from a goto does not come back to this chain, so it would skip all later elements.
        verdict = f"{'jump' if never.excepts else 'goto'} {target}"
        comment = f'comment "{table_names.never_comment(number)}"'
        closed = matches(table_names.never_set(number), never.addresses, never.services)
        rules += [f"{match} {verdict} {comment}" for match in closed]
        forwarded += [f"{match} goto {table_names.DENIED_CHAIN} {comment}" for match in closed]
        if never.excepts:
            chains.append(_chain(target, _excepted_rules(resolved, never)))
    of_containers = containers.never_chain(resolved)
    if resolved.containers is not None and of_containers != table_names.NEVER_CHAIN:
        chains.append(_chain(of_containers, forwarded))
    return [_chain(table_names.NEVER_CHAIN, rules), *chains] if rules else []


def _excepted_rules(resolved: ResolvedPolicy, never: ResolvedNever) -> list[Rule]:
    users, marking = never.except_users or None, closed_sockets.marking(resolved)
    sockets = [socket and f"{socket} " for socket in units.matches(never.except_units or None)]
    return [
        *(_of_users(f"{socket}{marking}counter return", users, resolved.missing_users) for socket in sockets),
        *closed_sockets.beside_excepted(resolved),
        f"goto {table_names.DENIED_CHAIN}",
    ]


def _entry_rules(resolved: ResolvedPolicy, entry: ResolvedEntry) -> list[Rule]:
    """Return one rule for each IP version and shape of service of an entry, and level of its units."""
    marking = closed_sockets.marking(resolved) if entry.by_socket else ""
    verdict = "accept" if entry.kind == "inbound" else allowed.verdict(resolved)
    # The floor names the users of several time daemons, of which a host has one.
    missing = "skip" if entry.kind == "floor" else resolved.missing_users
    return [
        _of_users(f'{match} {marking}counter {verdict} comment "{entry.name}"', entry.users, missing)
        for socket in units.matches(entry.units)
        for match in _conditions(resolved, entry, socket)
    ]


def _of_users(text: str, users: Sequence[str] | None, missing: MissingUsers) -> Rule:
    """Return a rule for the sockets of users, None for everybody's."""
    return text if users is None else {"rule": text, "users": list(users), "missing_users": missing}


def _conditions_by_socket(resolved: ResolvedPolicy) -> list[tuple[str, str]]:
    """Return (match, name) of what entries open to some sockets, where every packet is compared with the policy."""
    by_socket = [entry for entry in resolved.entries if entry.by_socket and resolved.enforcement.recheck]
    return [(match, entry.name) for entry in by_socket for match in _conditions(resolved, entry)]


def _conditions(resolved: ResolvedPolicy, entry: ResolvedEntry, socket: str = "") -> list[str]:
    """Return what an entry's rules match. socket: a match of the socket, "" for any."""
    side = "saddr" if entry.kind == "inbound" else "daddr"
    conditions = [
        match
        for grant in entry.grants
        for match in matches(_set_name(entry, grant), grant.addresses, grant.services, side, socket=socket)
    ]
    for grant in entry.external:
        external = table_names.external_set(grant.part)
        conditions += matches(table_names.INTERNET_SET, grant.addresses, grant.services, also=external, socket=socket)
    conditions += names.rules(resolved, entry, socket)
    return [f"{_until(entry.expires)}{match}" for match in conditions]


def _until(expires: dt.date | None) -> str:
    """Return a match that holds until the end of the day in UTC, so that an entry closes on the host without a run.

    In seconds, because nft reads dates in the time zone of the machine.
    """
    if expires is None:
        return ""
    return f"meta time < {end_of(expires)} "


def end_of(day: dt.date) -> int:
    """Return the end of a day in UTC, in seconds since 1970."""
    return int((dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1)).timestamp())


def _set_name(entry: ResolvedEntry, grant: Grant) -> str:
    return table_names.entry_set(entry.kind, entry.name, grant.part)


def _chain(name: str, rules: list[str] | list[Rule]) -> Spec:
    return {"name": name, "rules": list(rules)}


TARGET = Target(
    name="nftables",
    about=f"the host itself: the table `{table_names.TABLE_TEXT}`",
    can=Capabilities(
        user=True,
        unit=True,
        containers=True,
        names="exact",
        deny=True,
        log="counters and a ledger",
        filled=True,
        observe=True,
        expiry="itself",
    ),
    suffix=".json",
    compile_policy=compile_table,
)
