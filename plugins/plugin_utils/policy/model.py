# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people mean, typed: entries as they are written, before groups and words are looked up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from .errors import Notice, Place

MODES = ("observe", "enforce", "absent")
HOST_KINDS = ("hosts", "group", "tier")
"""The kinds of destinations that name hosts of the inventory."""


class PrefixListContent(Protocol):
    """What a prefix list stands for, whoever looked it up."""

    @property
    def addresses(self) -> AddressSet:
        """Its networks; empty only when external."""

    @property
    def external(self) -> bool:
        """Is it a set on the host that others fill, so that nobody knows here what it holds?"""

    @property
    def names(self) -> tuple[str, ...]:
        """The domain names whose addresses fill it, where it is external and that is known."""

    @property
    def shared(self) -> bool:
        """Can anybody be a customer of what it names?"""

    @property
    def fetched_at(self) -> dt.datetime | None:
        """When its content was fetched from elsewhere; None for networks that are written in the policy itself."""

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What is no error but should be said, such as that it is an old copy."""


class Inventory(Protocol):
    """What only the inventory knows."""

    @property
    def host(self) -> str:
        """The host that the policy is for."""

    def hosts(self, pattern: str) -> list[str]:
        """The hosts of an Ansible host pattern; [] when nothing matches."""

    @property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """Every group of the inventory, with its hosts."""

    @property
    def tiers(self) -> Mapping[str, Sequence[str]]:
        """The hosts of the inventory by their egress_tier, whatever a play says. Raises PolicyErrors."""

    def addresses(self, host: str) -> list[str]:
        """egress_addresses of a host, else its ansible_host when that is an address, else [].

        Raises AddressError for what cannot be read at all.
        """

    def prefix_list(self, name: str) -> PrefixListContent:
        """A declared prefix list. Raises PolicyErrors when it cannot be had."""


@dataclass(frozen=True)
class Destination:
    """One element of a `to`, `from` or `except`.

    kind: "literal" (addresses is set), "word", "hosts", "group", "tier", "prefix_list" or "name" (value is the
    word, the pattern, the name of the group, tier or list, or the domain name in small letters).
    """

    kind: str
    text: str
    value: str
    place: Place
    addresses: AddressSet = NOTHING


@dataclass(frozen=True)
class Entry:
    """One thing that is allowed. kind: "base", "tier", "allow", "raise", "inbound" or "floor".

    users: names or uids whose sockets only; None: everybody. for_: whose traffic, "host", "containers" or both.
    approximate: "wider", "narrower" or "" for enforcement points that cannot say all of it.
    raw: what was written, to compare two of one name.
    """

    name: str
    kind: str
    place: Place
    to: tuple[Destination, ...]
    except_: tuple[Destination, ...]
    services: ServiceSet
    service_texts: tuple[str, ...]
    users: tuple[str, ...] | None = None
    reason: str = ""
    owner: str = ""
    expires: dt.date | None = None
    review_by: dt.date | None = None
    optional: bool = False
    for_: tuple[str, ...] = ("host",)
    approximate: str = ""
    raw: object = field(default=None, compare=False)


@dataclass(frozen=True)
class NeverEntry:
    """What is subtracted from every allow. except_users: whom it does not concern."""

    place: Place
    to: tuple[Destination, ...]
    except_: tuple[Destination, ...]
    services: ServiceSet
    except_users: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class PolicyTest:
    """A sentence that must be true of the policy: the destinations can be reached with the services, or cannot."""

    name: str
    place: Place
    reach: bool
    to: tuple[Destination, ...]
    services: ServiceSet
    user: str | None = None
    raw: object = field(default=None, compare=False)


@dataclass(frozen=True)
class CeilingSide:
    """One side of a ceiling, inside or outside.

    services: what may be spoken there at all, None: nothing goes there. whole: may an entry cover all of it.
    widest: where whole is false, the shortest prefix lengths (IPv4, IPv6) that count as a named destination.
    most: the same for everything together: no more addresses than one network of this length. never: classes
    of services that are refused although services would have them.
    """

    services: ServiceSet | None = None
    whole: bool = False
    widest: tuple[int, int] = (32, 128)
    most: tuple[int, int] = (32, 128)
    never: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tier:
    """A profile: the services of its entry to `internal`, its own entries, and what it can never exceed."""

    name: str
    internal_services: tuple[str, ...]
    allow: tuple[Entry, ...]
    inside: CeilingSide
    outside: CeilingSide
