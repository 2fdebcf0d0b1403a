# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries, tests and tiers as they are written, typed: before groups, words and prefix lists are looked up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from .errors import Notice, Place

Mode = Literal["observe", "enforce", "absent"]
MODES: tuple[Mode, ...] = ("observe", "enforce", "absent")
HostKind = Literal["hosts", "group", "tier"]
HOST_KINDS: tuple[HostKind, ...] = ("hosts", "group", "tier")
"""The kinds of destinations that name hosts of the inventory."""
DestinationKind = Literal["literal", "word", "hosts", "group", "tier", "prefix_list", "name", "known"]
EntryKind = Literal["base", "tier", "allow", "raise", "inbound", "floor"]
"""What an entry is from: egress_allow_base, its tier, egress_allow_TOPIC, egress_ceiling_raise_TOPIC, …"""
Sender = Literal["host", "containers"]
"""Who sends the packets that an entry allows: the host itself, or its containers."""
MissingUsers = Literal["skip", "error"]
Drift = Literal["report", "repair"]
Approximation = Literal["", "wider", "narrower"]
"""What to do where an enforcement point cannot say all of an entry; "" is an error there."""


class PrefixListContent(Protocol):
    """The content of a prefix list, whoever looked it up."""

    @property
    def addresses(self) -> AddressSet:
        """The networks; empty only when external."""

    @property
    def external(self) -> bool:
        """Whether it is a set on the host that others fill, so that its content is not known here."""

    @property
    def names(self) -> tuple[str, ...]:
        """The domain names whose addresses fill it, where it is external and they are known."""

    @property
    def shared(self) -> bool:
        """Whether it names a platform on which anyone can host a service."""

    @property
    def fetched_at(self) -> dt.datetime | None:
        """When its content was fetched; None for networks that are written in the policy itself."""

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Notices about it, such as that it is an old copy."""


class Inventory(Protocol):
    """What only the inventory knows."""

    @property
    def host(self) -> str:
        """The host that the policy is for."""

    def hosts(self, pattern: str) -> list[str]:
        """Return the hosts of an Ansible host pattern; [] when nothing matches."""

    @property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """Every group of the inventory, with its hosts."""

    @property
    def tiers(self) -> Mapping[str, Sequence[str]]:
        """The hosts of the inventory by their egress_tier, whatever a play sets. Raises PolicyErrors."""

    def addresses(self, host: str) -> list[str]:
        """Return egress_addresses of a host, else its ansible_host when that is an address, else [].

        Raise AddressError for a value that cannot be read at all.
        """

    def prefix_list(self, name: str) -> PrefixListContent:
        """Return a declared prefix list. Raise PolicyErrors when there is no content to use."""


@dataclass(frozen=True, kw_only=True)
class Destination:
    """One element of a `to`, `from` or `except`.

    kind: what it names. text: as it is written.
    value: the word, host pattern, group, tier, list, bundle or pattern of domain names (in its one form, see
    domain_names.py). What a bundle stands for has its text, and a kind of its own.
    place: where it is written. addresses: set for the kind "literal" only.
    """

    kind: DestinationKind
    text: str
    value: str
    place: Place
    addresses: AddressSet = NOTHING


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that is allowed, as it is written.

    name: unique on the host. kind: where it comes from. place: where it is written.
    to, except_: destinations, for kind "inbound" the sources. services: what may be spoken; service_texts: as written.
    users: names or uids whose sockets only; None for everybody. units: systemd units whose sockets only, in order; None
    for any.
    reason, owner: texts for people, "" when not set. expires, review_by: the last day, None when not set.
    optional: whether it may match no host. for_: whose packets. approximate: for enforcement points that cannot say it.
    within: the networks that names may lead to; () for the internet. keep: whether new connections renew an address of
    a name; "" for what the host does.
    raw: the data as it was written, to compare two entries of one name.
    """

    name: str
    kind: EntryKind
    place: Place
    to: tuple[Destination, ...]
    except_: tuple[Destination, ...] = ()
    services: ServiceSet
    service_texts: tuple[str, ...]
    users: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None
    reason: str = ""
    owner: str = ""
    expires: dt.date | None = None
    review_by: dt.date | None = None
    optional: bool = False
    for_: tuple[Sender, ...] = ("host",)
    approximate: Approximation = ""
    within: tuple[Destination, ...] = ()
    keep: str = ""
    raw: object = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class NeverEntry:
    """What is subtracted from every entry, or is kept out of the ledger: egress_never and egress_deny_quietly.

    place: where it is written. to, except_: destinations. services: all of them when not set.
    except_users: names or uids that it does not apply to; except_units: systemd units. Of both it does not apply to the
    sockets of such a user in such a unit. reason: a text for people, "" when not set.
    """

    place: Place
    to: tuple[Destination, ...]
    except_: tuple[Destination, ...]
    services: ServiceSet
    except_users: tuple[str, ...] = ()
    except_units: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class PolicyTest:
    """A sentence that must be true of the policy: the destinations can be reached with the services, or cannot.

    name: unique on the host. place: where it is written. reach: whether they must be reached, or must not.
    to: destinations. except_: what is taken out of them. services: every one of them. user: a name or uid; None for
    everybody. unit: a systemd unit; None for any.
    raw: the data as it was written, to compare two tests of one name.
    """

    name: str
    place: Place
    reach: bool
    to: tuple[Destination, ...]
    except_: tuple[Destination, ...] = ()
    services: ServiceSet
    user: str | None = None
    unit: str | None = None
    raw: object = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class CeilingSide:
    """One side of a tier's ceiling, inside or outside egress_internal_networks.

    services: what may be spoken there at all; None: the tier reaches nothing there.
    whole: whether an entry may cover all of the side.
    widest: where whole is false, the shortest prefix lengths (IPv4, IPv6) of a network that counts as named.
    most: where whole is false, the prefix lengths (IPv4, IPv6) of a network that has as many addresses as all entries
    may have together.
    never: classes of services that are above the ceiling although services has them.
    wildcards: whether a destination may be every name below another.
    """

    services: ServiceSet | None = None
    whole: bool = False
    widest: tuple[int, int] = (32, 128)
    most: tuple[int, int] = (32, 128)
    never: tuple[str, ...] = ()
    wildcards: bool = True


@dataclass(frozen=True, kw_only=True)
class Tier:
    """A tier profile.

    internal_services: texts of the services of its entry to `internal`; () for no such entry.
    allow: its own entries. inside, outside: the two sides of its ceiling.
    """

    name: str
    internal_services: tuple[str, ...] = ()
    allow: tuple[Entry, ...] = ()
    inside: CeilingSide = CeilingSide()
    outside: CeilingSide = CeilingSide()
