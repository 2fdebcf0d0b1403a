# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel lets through, against what the policy says: equal, or how they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Resolved, ResolvedEntry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import (
    LOOPBACK,
    PORTED,
    Floor,
    passing,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import (
    EMPTY,
    SPACE,
    Region,
    of_boxes,
)

from . import forwarded
from .listing import Table, plain_element
from .matches import FAMILIES, Situation, Unreadable, of_keys
from .model import OWN, TOO_LITTLE, TOO_MUCH, UNKNOWN, Differences, Finding, Kernel, joined
from .situations import UNTOLD_PORT, questions, source_ports, uids
from .walk import Bounds, Walk

HOOK = "output"
NO_SOCKET, OTHER_USERS = "packets without a socket", "every other user"
_ONCE = ({"meta": {"key": "l4proto"}}, {"payload": {"protocol": "th", "field": "dport"}})


def findings(resolved: Resolved, kernel: Kernel) -> list[Finding]:
    """How our table differs from the policy; [] when they are proven equal, for every user, address and service."""
    own = [table for table in kernel.tables if (table.family, table.name) == OWN]
    if resolved.mode == "absent":
        there = ("the table is there, and should not",)
        return [Finding(TOO_MUCH, "inet tidegate", (), EMPTY, there)] if own else []
    if missing := _missing(own, kernel):
        return [Finding(UNKNOWN, "inet tidegate", (), SPACE, (missing,))]
    here = _with_uids(resolved, kernel.users)
    found: list[Finding] = []
    for differences in (_differences, forwarded.differences):
        try:
            found += differences(here, kernel, own[0])
        except Unreadable as error:
            found.append(Finding(UNKNOWN, "inet tidegate", (), SPACE, (str(error),)))
    return joined(found)


def _missing(own: Sequence[Table], kernel: Kernel) -> str:
    """Why there is nothing of ours to look at; "" when there is."""
    if not own:
        return dict(kernel.unread).get(" ".join(OWN), "there is no such table")
    if own[0].dormant:
        return "it is dormant: the kernel sends it no packet"
    chains = own[0].base_chains(HOOK)
    return "" if len(chains) == 1 else f"{len(chains)} chains at the hook {HOOK}"


def others(resolved: Resolved, kernel: Kernel) -> list[Finding]:
    """What other tables at the same hooks refuse of what the policy allows, or may: packets must pass all of them.

    And what somebody allowed once in our own.
    """
    here = _with_uids(resolved, kernel.users)
    wanted = passing(here)
    found: list[Finding] = []
    for table in kernel.tables:
        if (table.family, table.name) == OWN:
            if once := allowed_once(table) - wanted.others:
                found.append(Finding(TOO_MUCH, "inet tidegate", (), once, ("allowed once, by hand, for some hours",)))
            continue
        name = f"{table.family} {table.name}"
        if why := _not_modelled(table):
            found.append(Finding(UNKNOWN, name, (), SPACE, (why,)))
            continue
        for looked_at in (_refused(here, wanted, kernel, table), forwarded.others(here, kernel, table)):
            try:
                found += looked_at
            except Unreadable as error:
                found.append(Finding(UNKNOWN, name, (), SPACE, (str(error),)))
    found += [Finding(UNKNOWN, what, (), SPACE, (why,)) for what, why in kernel.unread]
    return joined(found)


def _not_modelled(table: Table) -> str:
    """Why nothing is said about what a table does, where it does something; "" for one of the families of IP."""
    hooks = [hook for hook in ("egress", forwarded.HOOK, HOOK) if table.base_chains(hook)]
    if table.family in FAMILIES or not hooks:
        return ""
    return f"a chain of the family {table.family} at the hook {', '.join(hooks)}"


def _refused(resolved: Resolved, wanted: Reach, kernel: Kernel, table: Table) -> Iterator[Finding]:
    """What another table refuses, or may refuse, of what the host itself sends. Raises Unreadable."""
    name = f"{table.family} {table.name}"
    for chain in table.base_chains(HOOK):
        for uid, user, label in _owners([table], resolved, kernel.users):
            allowed = wanted.at(user)
            walk, bounds = _walked(table, chain.name, Situation(uid, UNTOLD_PORT, kernel.now), SPACE)
            if lost := allowed - bounds.most:
                yield Finding(TOO_LITTLE, name, (label,), lost)
            if unknown := allowed & bounds.unknown:
                yield Finding(UNKNOWN, name, (label,), unknown, tuple(walk.why))


def _differences(resolved: Resolved, kernel: Kernel, table: Table) -> list[Finding]:
    (chain,) = table.base_chains(HOOK)
    once = allowed_once(table)
    found = Differences("inet tidegate")
    for port in source_ports([table]):
        floor = Floor(source_port=port)
        sure, most = passing(resolved, floor=floor), passing(resolved, floor=floor, most=True)
        # Where packets come from concerns those with ports alone; one walk is for all the rest.
        given = SPACE if port == 0 else PORTED
        for uid, user, label in _owners([table], resolved, kernel.users):
            for stop, extra in questions(resolved):
                walk, bounds = _walked(table, chain.name, Situation(uid, port, kernel.now), given, stop)
                wanted = Bounds((sure.at(user) | extra) & given, (most.at(user) | extra | once) & given)
                found.compare(label, port, bounds, wanted, list(walk.why))
    return found.found


def allowed_once(table: Table) -> Region:
    """What an operator allowed for some hours. It is no edit, and not the policy's either."""
    found = []
    for family in ("ip", "ip6"):
        name = f"once{4 if family == 'ip' else 6}"
        key = {"concat": [{"payload": {"protocol": family, "field": "daddr"}}, *_ONCE]}
        for one in table.sets.get(name, ()):
            taken = of_keys(table, Situation(None, 0, 0), key, plain_element(one))
            found.append((taken.addresses, taken.services))
    return of_boxes(found)


def _walked(
    table: Table, chain: str, situation: Situation, given: Region, stop: frozenset[str] = frozenset()
) -> tuple[Walk, Bounds]:
    """What passes: to loopback addresses over loopback, everywhere else over another interface."""
    local = of_boxes([(LOOPBACK, services.ANY)])
    outside = Walk(table, situation, stop)
    inside = Walk(table, replace(situation, interface="lo"), stop)
    far = outside.base(table.chains[chain], given - local)
    near = inside.base(table.chains[chain], given & local)
    outside.why.update(inside.why)
    return outside, far | near


def _owners(
    tables: Sequence[Table], resolved: Resolved, users: Mapping[str, int]
) -> Iterator[tuple[int | None, str | None, str]]:
    """(uid, what the policy with uids calls it, a name for people) of each class of owners; None for no socket."""
    names = {uid: name for name, uid in users.items()}
    numbers = [*(one.users or () for one in resolved.entries), *(one.except_users for one in resolved.never)]
    yield None, None, NO_SOCKET
    for uid, told_apart in uids(tables, {int(user) for both in numbers for user in both}):
        yield uid, str(uid) if told_apart else "", names.get(uid, f"uid {uid}") if told_apart else OTHER_USERS


def _with_uids(resolved: Resolved, users: Mapping[str, int]) -> Resolved:
    """The policy as it is on a host: every user by his number, and without those that the host has not."""

    def known(names: tuple[str, ...]) -> tuple[str, ...]:
        numbers = (users.get(name, int(name) if name.isdigit() else None) for name in names)
        return tuple(sorted({str(number) for number in numbers if number is not None}))

    def kept(entries: Sequence[ResolvedEntry]) -> tuple[ResolvedEntry, ...]:
        found = (entry if entry.users is None else replace(entry, users=known(entry.users)) for entry in entries)
        return tuple(entry for entry in found if entry.users is None or entry.users)

    never = tuple(replace(one, except_users=known(one.except_users)) for one in resolved.never)
    return replace(resolved, entries=kept(resolved.entries), never=never)
