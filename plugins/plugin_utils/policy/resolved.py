# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy with nothing left to look up: what the targets compile and what the proofs calculate with."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.commit_confirm import CommitConfirm
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.enforcement import Enforcement
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.name_settings import NameSettings
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.sight import Sight
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Sockets
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from .errors import Notice
from .model import Approximation, CeilingSide, Drift, EntryKind, MissingUsers, Mode, Sender


@dataclass(frozen=True)
class Grant:
    """Every combination of these addresses and these services. Neither is ever empty.

    part: a word that tells the grants of an entry apart: "" for the first, "dns", "names", or a prefix list's name.
    """

    addresses: AddressSet
    services: ServiceSet
    part: str = ""


@dataclass(frozen=True)
class DomainName:
    """A domain name in the `to` of an entry.

    name: a pattern in its one form, see domain_names.py. where: the place in the variables, with file and line.
    """

    name: str
    where: str = field(compare=False)


@dataclass(frozen=True)
class ResolvedDestination:
    """One destination of an entry.

    text: as it is written. addresses: what it opens, without `except`. whole: whether `except` takes nothing out of it.
    """

    text: str
    addresses: AddressSet
    whole: bool = True


@dataclass(frozen=True, kw_only=True)
class ResolvedEntry:
    """One entry with its destinations as addresses.

    name: unique on the host. kind: where it comes from.
    grants: what it certainly opens. to, service_texts: as written, for people.
    where: the place in the variables. origin: file, line and column of it, "" where they are not known.
    users: names or uids whose sockets only; None for everybody, never an empty tuple.
    units: systemd units whose sockets only, in order; None for any, never an empty tuple.
    rank: 0 for named destinations, else that of the widest word in it; sorts entries.
    reason, owner: texts for people, "" when not set. expires, review_by: the last day (UTC), None when not set.
    external: for each prefix list that others fill, the most that it can open; part is the list's name.
    feeding_names: for each list in external, the domain names that fill it.
    shared: the destinations that are platforms on which anyone can host a service.
    for_: whose packets. names: the domain names among the destinations, which only some enforcement points know.
    by_name: the most that names can open, since the owner of the zone decides: on a host that fills their sets the word
    internet, or `within`; elsewhere every address. Surely they open nothing.
    within: whether the names are bound to networks of their own. keep: whether new connections renew their addresses.
    destinations: each destination whose addresses are known here, for enforcement points that have names for some.
    approximate: what to do where an enforcement point cannot say all of it.
    """

    name: str
    kind: EntryKind
    grants: tuple[Grant, ...]
    to: tuple[str, ...]
    service_texts: tuple[str, ...]
    where: str
    origin: str = field(default="", compare=False)
    users: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None
    rank: int = 0
    reason: str = ""
    owner: str = ""
    expires: dt.date | None = None
    review_by: dt.date | None = None
    external: tuple[Grant, ...] = ()
    feeding_names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    shared: tuple[str, ...] = ()
    for_: tuple[Sender, ...] = ("host",)
    names: tuple[DomainName, ...] = ()
    by_name: tuple[Grant, ...] = ()
    within: bool = False
    keep: str = "used"
    destinations: tuple[ResolvedDestination, ...] = ()
    approximate: Approximation = ""

    @property
    def sockets(self) -> Sockets:
        """Whose sockets it opens something to."""
        return Sockets(self.users, self.units)

    @property
    def by_socket(self) -> bool:
        """Whether it is for some sockets only, so that packets without one are not among them."""
        return self.users is not None or self.units is not None

    @property
    def by_address(self) -> tuple[Grant, ...]:
        """What it can open by address, whatever others fill in."""
        return (*self.grants, *self.external)

    @property
    def direct(self) -> bool:
        """Whether it names its addresses and hosts itself, without a word or anything that others maintain."""
        maintained = any(text.startswith(("prefix_list:", "known:")) for text in self.to)
        return self.rank == 0 and not (maintained or self.external or self.names)

    @property
    def may(self) -> tuple[Grant, ...]:
        """Everything that it may ever open, domain names included: what proofs of absence look at."""
        return (*self.by_address, *self.by_name)

    @property
    def addresses(self) -> AddressSet:
        """Every address that it may ever open."""
        return addresses.union(grant.addresses for grant in self.may)


@dataclass(frozen=True)
class ResolvedNever:
    """Addresses and services that no entry opens.

    except_users: names or uids that it does not apply to; except_units: systemd units. Of both it does not apply to the
    sockets of such a user in such a unit. reason: a text for people, "" when not set.
    where: the place in the variables. origin: file, line and column of it.
    """

    addresses: AddressSet
    services: ServiceSet
    except_users: tuple[str, ...] = ()
    except_units: tuple[str, ...] = ()
    reason: str = ""
    where: str = field(default="", compare=False)
    origin: str = field(default="", compare=False)

    @property
    def excepts(self) -> bool:
        """Whether there are sockets that it does not apply to."""
        return bool(self.except_users or self.except_units)

    @property
    def excepted(self) -> Sockets:
        """The sockets that it does not apply to."""
        return Sockets(
            None if self.except_units and not self.except_users else self.except_users, self.except_units or None
        )


@dataclass(frozen=True)
class ResolvedProxy:
    """The proxies that open names to a host.

    addresses: the first is asked first. port: TCP. configured: whose configuration on the host names them, as in
    reading/proxy.py. direct: names, each with all below, that programs connect to themselves.
    """

    addresses: tuple[str, ...]
    port: int
    configured: tuple[str, ...] = ()
    direct: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ExpiredEntry:
    """An entry that is left out since its last day is over. inbound: whether it is about incoming packets."""

    name: str
    expires: dt.date
    inbound: bool = False
    origin: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class ResolvedTest:
    """A policy test with its destinations as addresses.

    name: unique on the host. where: the place in the variables. origin: file, line and column of it.
    reach: whether addresses must be reached with services, or must not.
    user: a name or uid; None for everybody. unit: a systemd unit; None for any.
    hosts: the addresses that are named as single machines, to which a packet can be sent.
    """

    name: str
    where: str
    reach: bool
    addresses: AddressSet
    services: ServiceSet
    user: str | None = None
    unit: str | None = None
    hosts: AddressSet = NOTHING
    origin: str = field(default="", compare=False)

    @property
    def sockets(self) -> Sockets:
        """Whose sockets it is about."""
        return Sockets(None if self.user is None else (self.user,), None if self.unit is None else (self.unit,))


@dataclass(frozen=True, kw_only=True)
class ResolvedPolicy:
    """The whole policy of one host.

    host: its name in the inventory. mode: what happens to packets that nothing allows. tier: its name, "" for absent.
    entries: about the host's own packets, in the order in which they are looked at, narrower first.
    never: what no entry opens. quiet: rejected like everything else, but kept out of the ledger. tests: policy tests.
    inbound: what may come in; None when inbound traffic is not filtered.
    containers: what containers may reach; None when their traffic is not filtered.
    container_interfaces: the bridges that containers are behind; * at the end stands for any further characters.
    dns, ntp: the named servers. host_dns: whether the host adds the name servers that it uses itself.
    dns_users: whose sockets may send DNS to them; None for everybody's.
    floor: the parts of the floor that the host has.
    own: the host's own addresses as the inventory has them: packets to them stay on the host.
    internal, internet: what the words stand for here. outside: neither internal nor on the host's own links.
    internal_translated: internal, with its IPv4 addresses also as NAT64 translates them.
    missing_users: what becomes of users that the host does not have. ansible_port: of Ansible's connection, TCP.
    max_removed: percent of the host's destinations that one run may close.
    commit_confirm: how a change is committed. enforcement: what enforce leaves alone.
    drift: what becomes of edits by hand. names: how the host opens domain names. proxy: which proxies, None for none.
    root: the directory that holds the host's files, "" for none. sight: how the host shows what it rejects.
    expired: the entries that are left out since their last day is over.
    require: the keys that every entry must have. ceilings: the tier's ceiling inside and outside.
    list_options: (list, key, value) of the prefix lists' options; a value that may be secret is a digest.
    beside: (variable, value as JSON) of what only roles and playbooks read, and the plan compares.
    origins: (variable, file, line and column) of what is written.
    notices: what the authors of the policy should know.
    """

    host: str
    mode: Mode
    tier: str = ""
    entries: tuple[ResolvedEntry, ...] = ()
    never: tuple[ResolvedNever, ...] = ()
    quiet: tuple[Grant, ...] = ()
    tests: tuple[ResolvedTest, ...] = ()
    inbound: tuple[ResolvedEntry, ...] | None = None
    containers: tuple[ResolvedEntry, ...] | None = None
    container_interfaces: tuple[str, ...] = ()
    dns: AddressSet = NOTHING
    host_dns: bool = False
    dns_users: tuple[str, ...] | None = None
    ntp: AddressSet = NOTHING
    floor: tuple[str, ...] = ()
    own: AddressSet = NOTHING
    internal: AddressSet = NOTHING
    internal_translated: AddressSet = NOTHING
    internet: AddressSet = NOTHING
    outside: AddressSet = NOTHING
    missing_users: MissingUsers = "skip"
    ansible_port: int = 22
    max_removed: int = 25
    commit_confirm: CommitConfirm = field(default_factory=CommitConfirm)
    enforcement: Enforcement = field(default_factory=Enforcement)
    drift: Drift = "report"
    names: NameSettings = field(default_factory=NameSettings)
    proxy: ResolvedProxy | None = None
    root: str = ""
    sight: Sight = field(default_factory=Sight)
    expired: tuple[ExpiredEntry, ...] = ()
    require: tuple[str, ...] = ()
    ceilings: tuple[CeilingSide, CeilingSide] = (CeilingSide(), CeilingSide())
    list_options: tuple[tuple[str, str, str], ...] = ()
    beside: tuple[tuple[str, str], ...] = ()
    origins: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    notices: tuple[Notice, ...] = ()

    def origin(self, name: str) -> str:
        """Return file, line and column of a variable, "" where they are not known."""
        return dict(self.origins).get(name, "")

    def observed(self) -> dict[str, AddressSet]:
        """Return what is only observed while the rest is enforced: word -> addresses."""
        known = {"internal": self.internal_translated, "internet": self.internet}
        return {word: known[word] for word in self.enforcement.observe if known[word]}

    def reaching_internet(self) -> tuple[str, ...]:
        """Return the names of the entries that can reach anything outside, which people call reaching the internet."""
        return tuple(entry.name for entry in self.all_entries() if entry.addresses & self.outside)

    @property
    def is_bound_by_internet(self) -> bool:
        """Whether the host has sets that others fill, and that open no more than the word internet."""
        filled = self.names.filled
        return any(entry.external or (filled and entry.names and not entry.within) for entry in self.all_entries())

    def all_entries(self) -> tuple[ResolvedEntry, ...]:
        """Return every entry about outbound packets, of the host itself or of its containers, each once."""
        return (*self.entries, *(entry for entry in self.containers or () if "host" not in entry.for_))

    def named_users(self) -> frozenset[str]:
        """Return the users that somebody wrote down, and therefore expects on the host."""
        entries = (entry for entry in (*self.entries, *(self.inbound or ())) if entry.kind != "floor")
        return frozenset(
            {user for entry in entries for user in entry.users or ()}
            | {user for never in self.never for user in never.except_users}
            | set(self.dns_users or ())
        )

    def units(self) -> tuple[tuple[str, ...], ...]:
        """Return each list of systemd units that an entry or egress_never has, in order."""
        lists = {entry.units for entry in self.entries if entry.units is not None}
        return tuple(sorted(lists | {never.except_units for never in self.never if never.except_units}))
