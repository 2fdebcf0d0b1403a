# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy with nothing left to look up: what the targets compile and what the proofs calculate with."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.commit_confirm import CommitConfirm
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.enforcement import Enforcement
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from .errors import Notice


@dataclass(frozen=True)
class Grant:
    """These addresses with these services, every combination. Neither is ever empty.

    part: "" or a word that tells the grants of an entry apart, such as "dns".
    """

    addresses: AddressSet
    services: ServiceSet
    part: str = ""


@dataclass(frozen=True)
class DomainName:
    """A name in the `to` of an entry, in small letters and without a point at the end. where: its place, for people."""

    name: str
    where: str = field(compare=False)


@dataclass(frozen=True)
class ResolvedDestination:
    """One destination of an entry as it is written, and the addresses that it opens there, `except` taken out.

    whole: whether `except` takes nothing out of it.
    """

    text: str
    addresses: AddressSet
    whole: bool = True


@dataclass(frozen=True)
class ResolvedEntry:
    """One entry with its destinations as addresses.

    kind: "base", "tier", "allow", "raise", "inbound" or "floor". users: None is everybody, never an empty tuple.
    to, service_texts: as written, for people. rank: 0 for named destinations, else that of the widest word in it.
    where: the place in the variables. external: for each list that others fill the most that it can open; part is the
    list's name. shared: the lists whose platform anybody can be a customer of. names: domain names among the
    destinations, which only some enforcement points can look up; named: the most that they can open, which is every
    address, since who runs their zone decides. parts: each destination by itself, for enforcement points that know
    some of them under names of their own. fed: for each list in external the domain names that fill it.
    approximate: "wider", "narrower" or "", what to do where an enforcement point cannot say all of it. origin: file,
    line and column where it was written, "" where that is not known.
    """

    name: str
    kind: str
    grants: tuple[Grant, ...]
    to: tuple[str, ...]
    service_texts: tuple[str, ...]
    where: str
    users: tuple[str, ...] | None = None
    rank: int = 0
    reason: str = ""
    owner: str = ""
    expires: dt.date | None = None
    review_by: dt.date | None = None
    external: tuple[Grant, ...] = ()
    shared: tuple[str, ...] = ()
    for_: tuple[str, ...] = ("host",)
    origin: str = field(default="", compare=False)
    names: tuple[DomainName, ...] = ()
    by_name: tuple[Grant, ...] = ()
    destinations: tuple[ResolvedDestination, ...] = ()
    feeding_names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    approximate: str = ""

    @property
    def by_address(self) -> tuple[Grant, ...]:
        """All that the entry can open by address, whatever others fill in."""
        return (*self.grants, *self.external)

    @property
    def direct(self) -> bool:
        """Does it name its addresses and hosts itself, without a word or anything that others maintain?"""
        maintained = any(text.startswith("prefix_list:") for text in self.to)
        return self.rank == 0 and not (maintained or self.external or self.names)

    @property
    def may(self) -> tuple[Grant, ...]:
        """All that the entry can ever open, domain names included: what proofs of absence look at."""
        return (*self.by_address, *self.by_name)

    @property
    def addresses(self) -> AddressSet:
        """All addresses that the entry can ever open."""
        return addresses.union(grant.addresses for grant in self.may)


@dataclass(frozen=True)
class ResolvedNever:
    """Addresses and services that no entry opens, but for these users (names or uids)."""

    addresses: AddressSet
    services: ServiceSet
    except_users: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class ResolvedTest:
    """A test with its destinations as addresses. user: None for nobody in particular.

    hosts: those of the addresses that were named as single machines, so that a packet to them means something. origin:
    as of an entry.
    """

    name: str
    where: str
    reach: bool
    addresses: AddressSet
    services: ServiceSet
    user: str | None = None
    hosts: AddressSet = NOTHING
    origin: str = field(default="", compare=False)


@dataclass(frozen=True)
class ResolvedPolicy:
    """The whole policy of one host.

    entries: in the order in which they are looked at, narrower first. quiet: refused like everything else, but kept out
    of the ledger. inbound: None when inbound traffic is not filtered. floor: the names of the parts of the floor that
    are there. internet: what the word stands for here. outside: what is neither internal nor on
    the host's own links.
    containers: what containers may reach, None when their traffic is not filtered; entries is about the host's own.
    container_interfaces: the bridges that containers are behind, with * at the end for all that begin so.
    host_dns: whether the host adds the name servers that it uses, which nobody knows here, to those of dns.
    enforcement: where enforcing only observes, and what becomes of open connections.
    missing_users: "skip" or "error". max_removed: percent of its destinations that one run may close.
    trial: how a change is tried on the host. notices: what is no error but should be said.
    """

    host: str
    mode: str
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
    ntp: AddressSet = NOTHING
    floor: tuple[str, ...] = ()
    internal: AddressSet = NOTHING
    internet: AddressSet = NOTHING
    outside: AddressSet = NOTHING
    missing_users: str = "skip"
    ansible_port: int = 22
    max_removed: int = 25
    commit_confirm: CommitConfirm = field(default_factory=CommitConfirm)
    enforcement: Enforcement = field(default_factory=Enforcement)
    drift: str = "report"
    root: str = ""
    notices: tuple[Notice, ...] = ()

    def observed(self) -> dict[str, AddressSet]:
        """What is only observed while the rest is enforced: word -> addresses."""
        known = {"internal": self.internal, "internet": self.internet}
        return {word: known[word] for word in self.enforcement.observe if known[word]}

    def reaching_internet(self) -> tuple[str, ...]:
        """The names of the entries that can reach anything outside, which people call reaching the internet."""
        return tuple(entry.name for entry in self.all_entries() if entry.addresses & self.outside)

    def all_entries(self) -> tuple[ResolvedEntry, ...]:
        """Every entry about what goes out, be it the host's own or of its containers, each once."""
        return (*self.entries, *(entry for entry in self.containers or () if "host" not in entry.for_))

    def named_users(self) -> frozenset[str]:
        """The users that somebody wrote down, and therefore expects on the host."""
        entries = (entry for entry in (*self.entries, *(self.inbound or ())) if entry.kind != "floor")
        return frozenset(
            {user for entry in entries for user in entry.users or ()}
            | {user for never in self.never for user in never.except_users}
        )
