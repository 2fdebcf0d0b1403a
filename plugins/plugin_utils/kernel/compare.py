# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel lets through, against what the policy says: equal, or how they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.kernel.listing import Table, plain_element
from ansible_collections.tidegate.nftables.plugins.plugin_utils.kernel.matches import Situation, Unreadable, of_keys
from ansible_collections.tidegate.nftables.plugins.plugin_utils.kernel.situations import source_ports, uids
from ansible_collections.tidegate.nftables.plugins.plugin_utils.kernel.walk import Bounds, Walk
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Resolved, ResolvedEntry, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.addresses import EVERYTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.passing import (
    LEASE_PORTS,
    LOOPBACK,
    Floor,
    passing,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.regions import EMPTY, SPACE, Region, of_boxes

OWN = ("inet", "tidegate")
HOOK = "output"
NO_SOCKET, OTHER_USERS = "packets without a socket", "every other user"
OBSERVED = frozenset({"egress_observed"})
"""Where our table sends what it only observes: for the question what enforcing refuses, a refusal."""
TOO_MUCH, TOO_LITTLE, UNKNOWN = "lets through", "refuses", "unknown"
_ONCE = ({"meta": {"key": "l4proto"}}, {"payload": {"protocol": "th", "field": "dport"}})
_PORTED = of_boxes([(EVERYTHING, services.of_protocol(number)) for number in services.PORT_PROTOCOLS.values()])


@dataclass(frozen=True)
class Kernel:
    """What was read on a host. users: uid by name, for those names of the policy that there are. now: its clock.

    unread: (what, why) of all that could not be read, tables and others.
    """

    tables: Sequence[Table]
    users: Mapping[str, int]
    now: float
    unread: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Finding:
    """One way in which a table is not what the policy says, for these users. what: TOO_MUCH, TOO_LITTLE or UNKNOWN.

    why: what could not be modelled.
    source_port: where it is only so for packets from one, such as a lease's.
    """

    what: str
    table: str
    users: tuple[str, ...]
    region: Region
    why: tuple[str, ...] = ()
    source_port: int | None = None


def findings(resolved: Resolved, kernel: Kernel) -> list[Finding]:
    """How our table differs from the policy; [] when they are proven equal, for every user, address and service."""
    own = [table for table in kernel.tables if (table.family, table.name) == OWN]
    chains = [chain for table in own for chain in table.base_chains(HOOK)]
    if resolved.mode == "absent" or not own or len(chains) != 1:
        missing = "there is no such table" if not own else f"{len(chains)} chains at the hook {HOOK}"
        if resolved.mode == "absent":
            return (
                [Finding(TOO_MUCH, "inet tidegate", (), EMPTY, ("the table is there, and should not",))] if own else []
            )
        return [Finding(UNKNOWN, "inet tidegate", (), SPACE, (missing,))]
    here = _with_uids(resolved, kernel.users)
    try:
        found = list(_compared(here, kernel, own[0]))
    except Unreadable as error:
        return [Finding(UNKNOWN, "inet tidegate", (), SPACE, (str(error),))]
    return _joined(found)


def others(resolved: Resolved, kernel: Kernel) -> list[Finding]:
    """What other tables at the same hook refuse of what the policy allows, or may: packets must pass all of them.

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
        if table.family == "netdev" and table.base_chains("egress"):
            found.append(Finding(UNKNOWN, name, (), SPACE, ("a chain at the hook egress",)))
        for chain in table.base_chains(HOOK):
            try:
                for uid, user, label in _owners([table], here, kernel.users):
                    allowed = wanted.at(user)
                    walk, bounds = _walked(table, chain.name, Situation(uid, 40000, kernel.now), SPACE)
                    if lost := allowed - bounds.most:
                        found.append(Finding(TOO_LITTLE, name, (label,), lost))
                    if unknown := allowed & bounds.unknown:
                        found.append(Finding(UNKNOWN, name, (label,), unknown, tuple(walk.why)))
            except Unreadable as error:
                found.append(Finding(UNKNOWN, name, (), SPACE, (str(error),)))
    found += [Finding(UNKNOWN, what, (), SPACE, (why,)) for what, why in kernel.unread]
    return _joined(found)


def _compared(resolved: Resolved, kernel: Kernel, table: Table) -> Iterator[Finding]:
    (chain,) = table.base_chains(HOOK)
    observed = of_boxes((found, services.ANY) for found in resolved.observed().values())
    if resolved.mode == "observe":
        observed = SPACE
    # What really happens, and where something is only observed, what enforcing would do.
    questions = [(frozenset[str](), observed), *([(OBSERVED, EMPTY)] if observed else [])]
    once = allowed_once(table)
    said: dict[tuple[str, str], Region] = {}
    for port in source_ports([table]):
        floor = Floor(source_port=port)
        sure, most = passing(resolved, floor=floor), passing(resolved, floor=floor, most=True)
        # Where packets come from concerns those with ports alone; one walk is for all the rest.
        given = SPACE if port == 0 else _PORTED
        for uid, user, label in _owners([table], resolved, kernel.users):
            for stop, extra in questions:
                walk, bounds = _walked(table, chain.name, Situation(uid, port, kernel.now), given, stop)
                lower, upper = (sure.at(user) | extra) & given, (most.at(user) | extra | once) & given
                doubt = (bounds.most - bounds.sure - upper) | (lower & bounds.most) - bounds.sure
                differing = {TOO_MUCH: bounds.sure - upper, TOO_LITTLE: lower - bounds.most, UNKNOWN: doubt}
                for what, region in differing.items():
                    # What is so from everywhere is not said again of a single port.
                    known = said.setdefault((what, label), EMPTY)
                    if news := region - known:
                        said[what, label] = known | news
                        where = port if port in LEASE_PORTS else None
                        why = tuple(walk.why) if what == UNKNOWN else ()
                        yield Finding(what, "inet tidegate", (label,), news, why, where)


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


def _joined(found: Sequence[Finding]) -> list[Finding]:
    """The same thing of several users, once."""
    by: dict[Finding, list[str]] = {}
    for one in found:
        users = by.setdefault(replace(one, users=()), [])
        users += [user for user in one.users if user not in users]
    return [replace(one, users=tuple(users)) for one, users in by.items()]
