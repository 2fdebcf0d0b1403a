# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an enforcement point can say, and a policy cut down to that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

WIDER, NARROWER = "wider", "narrower"
ALL_PROTOCOLS = frozenset(range(256))


@dataclass(frozen=True)
class Capabilities:
    """What an enforcement point can say.

    user: sockets of one user from those of another. containers: those of containers from the host's own. names:
    "no", "exact", or "below" where a name always stands for those below it, too. deny: something out of what is
    allowed. log: whether refusals can be seen there. protocols: those (numbers) that can be allowed as a whole.
    ported: those of which single ports and ranges can. any: whether "whatever protocol" can be said. widens: what a
    protocol or port that cannot be said is part of: "protocol" (all of it), "any" (everything) or "" (nothing).
    families: IP versions. filled: lists that others fill. references: destinations known there by names of their own.
    observe: whether it can count without refusing. floor: which parts of the policy's floor it needs to be told. limit:
    how many entries there may be, for people. expiry: "itself" when entries end with their day without any run.
    """

    user: bool = False
    containers: bool = False
    names: str = "no"
    deny: bool = False
    log: str = "no"
    protocols: frozenset[int] = ALL_PROTOCOLS
    ported: frozenset[int] = ALL_PROTOCOLS
    any: bool = True
    widens: str = ""
    families: tuple[int, ...] = (4, 6)
    filled: bool = False
    references: str = ""
    observe: bool = False
    floor: tuple[str, ...] = ("dns", "ntp")
    limit: str = "none"
    expiry: str = "the next run"

    @property
    def icmp(self) -> bool:
        """Can ICMP be allowed by itself?"""
        return {services.ICMP, services.ICMPV6} <= self.protocols


@dataclass(frozen=True)
class Opening:
    """What one entry opens: every combination of its destinations and its services, for everybody.

    destinations: addresses, names (domain names), and references (texts of `to` that the enforcement point knows by
    names of its own); never all of them empty. approximate: the entry's word. list: the one that the names fill.
    """

    entry: str
    addresses: AddressSet
    services: ServiceSet
    names: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    reason: str = ""
    owner: str = ""
    approximate: str = ""
    list: str = ""


@dataclass(frozen=True)
class Closing:
    """What is refused before any opening is looked at; only where the enforcement point can say so."""

    addresses: AddressSet
    services: ServiceSet


@dataclass(frozen=True)
class TargetDifference:
    """How what is rendered differs from the policy: `wider` opens more, `narrower` less. Exactly these flows.

    why: for people. users: whose flows, None for everybody's.
    """

    entry: str
    direction: str
    why: str
    addresses: AddressSet = NOTHING
    services: ServiceSet = services.NONE
    names: tuple[str, ...] = ()
    users: tuple[str, ...] | None = None


@dataclass(frozen=True)
class FittedPolicy:
    """A host's policy as far as an enforcement point can say it. never: what no approximation may open."""

    openings: tuple[Opening, ...] = ()
    closings: tuple[Closing, ...] = ()
    differences: tuple[TargetDifference, ...] = ()
    notices: tuple[str, ...] = ()
    never: AddressSet = NOTHING


@dataclass(frozen=True)
class Unit:
    """What one security group, network policy or the like is made of.

    name: the unit's. sources: the addresses of its hosts. floor: the parts of the floor that there are. settings: what
    the target read from its variable. never: what joining networks may not open.
    """

    name: str
    openings: tuple[Opening, ...] = ()
    closings: tuple[Closing, ...] = ()
    sources: AddressSet = NOTHING
    floor: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    never: AddressSet = NOTHING


@dataclass(frozen=True)
class RenderedFile:
    """text: the file. data: the same for modules that apply it. differences: those that only rendering showed."""

    text: str
    data: Any = None
    differences: tuple[TargetDifference, ...] = ()


ReadSettings = Callable[[ErrorReport, Place, Any], dict[str, Any]]


@dataclass(frozen=True)
class Target:
    """An enforcement point. variable: its settings, "" when there are none. suffix: of its files.

    render: raises PolicyErrors for what only shows when everything is together, such as too many rules. whole: instead
    of it, for an enforcement point that takes a host's policy as it is.
    """

    name: str
    about: str
    can: Capabilities
    suffix: str
    render: Callable[[Unit], RenderedFile] | None = None
    variable: str = ""
    read: ReadSettings | None = None
    whole: Callable[[ResolvedPolicy], Any] | None = None
