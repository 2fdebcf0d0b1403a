# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nf_tables lets through, compared with what the policy says: equal, or how they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    TABLE,
    TABLE_TEXT,
    TEMPORARY_ALLOW_SET,
    TEMPORARY_ALLOW_UNIT_SET,
    of_version,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.algebra import FAMILIES
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import (
    Cgroup,
    Concatenation,
    Meta,
    NotModelled,
    Payload,
    Table,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedEntry, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.floor import from_ports
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import (
    LOOPBACK,
    PORTED,
    FloorScope,
    of_closed_sockets,
    passing,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services, units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach, number
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import (
    EMPTY,
    SPACE,
    Region,
    of_boxes,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import ELSEWHERE

from . import forwarded, hooks
from .difference import TOO_LITTLE, TOO_MUCH, UNKNOWN, Difference, DifferenceCollector, Labels, merge_users
from .hooks import unexpected_chains, unknown_hooks
from .levels import by_level, without_level
from .matches import Owners, Situation, boxes_of_key
from .packet_kinds import connection_ports, is_of_closed_socket
from .ruleset import LiveRuleset
from .situations import UNNAMED_PORT, kinds, questions, source_ports, uids
from .walk import ALL_FLOWS, Bounds, ChainWalk, desired_of

HOOK = "output"
_LOOPBACK = of_boxes([(LOOPBACK, services.ANY)])
NO_SOCKET, OTHER_USERS = "packets without a socket", "every other user"


def own_differences(policy: ResolvedPolicy, ruleset: LiveRuleset) -> list[Difference]:
    """Return how our table differs from the policy; [] proves them equal, for every user, address and service."""
    own = [table for table in ruleset.tables if (table.family, table.name) == TABLE]
    if policy.mode == "absent":
        reasons = ("the policy is absent, but the table is loaded",)
        return [Difference(kind=TOO_MUCH, table=TABLE_TEXT, region=EMPTY, reasons=reasons)] if own else []
    if reason := _why_not_comparable(own, ruleset):
        return [_unknown(TABLE_TEXT, reason)]
    differences = [
        _unknown(TABLE_TEXT, f"the policy has no chain {chain}") for chain in unexpected_chains(own[0], policy)
    ]
    for compare in (_output_differences, forwarded.own_differences):
        try:
            differences += compare(policy, ruleset, own[0])
        except NotModelled as error:
            differences.append(_unknown(TABLE_TEXT, str(error)))
    return merge_users(differences)


def other_differences(policy: ResolvedPolicy, ruleset: LiveRuleset) -> list[Difference]:
    """Return what other tables reject, or may reject, of what the policy allows: packets have to pass all tables.

    Also what an operator allowed temporarily in our own.
    """
    policy = _for_uids(policy, ruleset.users)
    allowed = passing(by_level(policy))
    differences: list[Difference] = []
    for table in ruleset.tables:
        name = f"{table.family} {table.name}"
        if (table.family, table.name) == TABLE:
            differences += _temporary_differences(table, allowed)
            continue
        if reason := _why_not_modelled(table):
            differences.append(_unknown(name, reason))
        if table.family not in FAMILIES:
            continue
        for rejected in (
            _rejected_output(policy, allowed, ruleset, table),
            forwarded.other_differences(policy, ruleset, table),
        ):
            try:
                differences += rejected
            except NotModelled as error:
                differences.append(_unknown(name, str(error)))
    differences += [_unknown(name, reason) for name, reason in ruleset.unread]
    return merge_users(differences)


def _unknown(table: str, reason: str) -> Difference:
    return Difference(kind=UNKNOWN, table=table, region=SPACE, reasons=(reason,))


def _why_not_comparable(own: Sequence[Table], ruleset: LiveRuleset) -> str:
    """Return why our table cannot be compared, "" when it can."""
    if not own:
        return dict(ruleset.unread).get(TABLE_TEXT, "there is no such table")
    if own[0].dormant:
        return "it is dormant: nf_tables sends it no packets"
    chains = own[0].chains_at(HOOK)
    return "" if len(chains) == 1 else f"it has {len(chains)} chains at the hook {HOOK} instead of one"


def _why_not_modelled(table: Table) -> str:
    """Return what is not known about a table that acts on packets, "" where all of its chains can be walked."""
    hooks = unknown_hooks(table)
    return f"a chain of the family {table.family} at the hook {', '.join(hooks)}" if hooks else ""


def _rejected_output(policy: ResolvedPolicy, reach: Reach, ruleset: LiveRuleset, table: Table) -> Iterator[Difference]:
    """Yield what another table rejects, or may reject, of what the host itself may send. Raises NotModelled."""
    name = f"{table.family} {table.name}"
    owners, labels = _owners([table], policy, ruleset.users)
    for chain in (chain for hook in hooks.OUTPUT for chain in table.chains_at(hook)):
        live, reasons = _walk(table, chain.name, Situation(owners, UNNAMED_PORT, ruleset.now), ALL_FLOWS)
        rejected, unknown = reach - live.may, reach & live.unknown
        for user, cgroup, label in labels if rejected or unknown else ():
            if region := rejected.at(user, cgroup):
                yield Difference(kind=TOO_LITTLE, table=name, users=(label,), region=region)
            if region := unknown.at(user, cgroup):
                yield Difference(kind=UNKNOWN, table=name, users=(label,), region=region, reasons=reasons)


def _output_differences(policy: ResolvedPolicy, ruleset: LiveRuleset, table: Table) -> list[Difference]:
    """Return how our table differs about what the host itself sends. Raises NotModelled.

    Also about what leaves by lo for elsewhere: its destination was rewritten after it was routed to the host itself.
    """
    (chain,) = table.chains_at(HOOK)
    written, policy = policy, _for_uids(policy, ruleset.users)
    temporary = temporary_allow(table)
    owners, labels = _owners([table], policy, ruleset.users)
    policy = by_level(policy)
    collector = DifferenceCollector(TABLE_TEXT)
    for port in source_ports([table], (*from_ports(), *connection_ports(policy))):
        floor = FloorScope(source_port=port)
        must, may = passing(policy, floor=floor), passing(policy, floor=floor, may=True)
        asked = Bounds(must, may | temporary)
        # Their rules ask for no user, so they are there also for users that the host does not have.
        of_closed = [of_closed_sockets(written, floor=floor, may=may) for may in (False, True)]
        for kind, (rejecting, extra) in product(kinds(table), questions(policy)):
            # Only protocols with ports have a source port; one walk is enough for all others.
            incoming = Reach.of_region(kind.packets if port == 0 else kind.packets & PORTED)
            situation = Situation(owners, port, ruleset.now, kind=kind)
            live, reasons = _walk(table, chain.name, situation, incoming, rejecting)
            # What comes back to the host itself passes, whatever connection tracking says of it.
            opened = asked | Bounds(*of_closed) if is_of_closed_socket(policy, kind) else asked
            desired = desired_of(policy, kind, opened, port).with_region(extra | _LOOPBACK) & incoming
            collector.compare(labels, port, live, desired, reasons, way=str(kind))
            redirected = ChainWalk(table, replace(situation, interface="lo"), rejecting)
            live, away = redirected.base(chain, incoming - _LOOPBACK), desired & (incoming - _LOOPBACK)
            way = f"redirected from lo {kind}".rstrip()
            collector.compare(labels, port, live, away, tuple(redirected.reasons), way=way)
    return collector.differences


def _temporary_differences(table: Table, reach: Reach) -> Iterator[Difference]:
    try:
        region = temporary_allow(table) - reach.others
    except NotModelled as error:
        yield _unknown(TABLE_TEXT, str(error))
        return
    if region:
        reasons = ("allowed temporarily by an operator",)
        yield Difference(kind=TOO_MUCH, table=TABLE_TEXT, region=region, reasons=reasons)


def temporary_allow(table: Table) -> Region:
    """Return what an operator allowed temporarily: neither an edit by hand nor the policy's. Raises NotModelled.

    Also what is allowed to a unit alone: which of the units of the policy a cgroup is, only the host knows.
    """
    boxes = []
    kinds = {TEMPORARY_ALLOW_SET: (), TEMPORARY_ALLOW_UNIT_SET: (Cgroup(0),)}
    for (family, version), (name, unit) in product((("ip", 4), ("ip6", 6)), kinds.items()):
        named_set = table.sets.get(of_version(name, version))
        key = Concatenation((Payload(family, "daddr"), Meta("l4proto"), Payload("th", "dport"), *unit))
        for element in named_set.elements if named_set else ():
            of_element = boxes_of_key(table, Situation(Owners(), 0, 0), key, element)
            boxes += [(box.addresses, box.services) for box in of_element]
    return of_boxes(boxes)


def _walk(
    table: Table, chain: str, situation: Situation, incoming: Reach, rejecting: frozenset[str] = frozenset()
) -> tuple[Bounds, tuple[str, ...]]:
    """Return what passes, to loopback addresses over loopback and elsewhere over another interface; and the reasons."""
    outside = ChainWalk(table, situation, rejecting)
    inside = ChainWalk(table, replace(situation, interface="lo", delivered=True), rejecting)
    far = outside.base(table.chains[chain], incoming - _LOOPBACK)
    near = inside.base(table.chains[chain], incoming & _LOOPBACK)
    return far | near, tuple({**outside.reasons, **inside.reasons})


def _owners(tables: Sequence[Table], policy: ResolvedPolicy, users: Mapping[str, int]) -> tuple[Owners, Labels]:
    """Return the owners that tables or the policy with uids tell apart, and their labels, no socket first.

    users: uid by name. Where a policy names units, also where sockets are.
    """
    names = {uid: name for name, uid in users.items()}
    numbers = [*(entry.users or () for entry in policy.entries), *(never.except_users for never in policy.never)]
    numbers.append(policy.dns_users or ())
    classes = uids(tables, {int(user) for several in numbers for user in several})
    others = ~number([None, *(str(uid) for uid, named in classes if named)])
    lists = policy.units()
    whose = [(uid, number([str(uid)]) if named else others) for uid, named in sorted(classes)]
    labels = [(str(uid), names.get(uid, f"uid {uid}")) if named else ("", OTHER_USERS) for uid, named in classes]
    places = units.places("", {unit for of_set in by_level(policy).units() for unit in of_set})
    return Owners(whose, lists), [
        (None, ELSEWHERE, NO_SOCKET),
        *(
            (user, cgroup, label if cgroup == ELSEWHERE else f"{label} in {without_level(cgroup)}")
            for cgroup in places
            for user, label in labels
        ),
    ]


def _for_uids(policy: ResolvedPolicy, users: Mapping[str, int]) -> ResolvedPolicy:
    """Return the policy with uids in the place of names, without the users that the host does not have.

    Also without the host's own addresses: the inventory's word for them may be an address of a router before the host,
    and what a rule says of packets that leave must be right for those, too.
    """

    def numbered(names: tuple[str, ...]) -> tuple[str, ...]:
        numbers = (users.get(name, int(name) if name.isdigit() else None) for name in names)
        return tuple(sorted({str(number) for number in numbers if number is not None}))

    def numbered_entries(entries: Sequence[ResolvedEntry]) -> tuple[ResolvedEntry, ...]:
        changed = (entry if entry.users is None else replace(entry, users=numbered(entry.users)) for entry in entries)
        return tuple(entry for entry in changed if entry.users is None or entry.users)

    never = tuple(replace(never, except_users=numbered(never.except_users)) for never in policy.never)
    dns_users = None if policy.dns_users is None else numbered(policy.dns_users)
    return replace(policy, entries=numbered_entries(policy.entries), never=never, dns_users=dns_users, own=NOTHING)
