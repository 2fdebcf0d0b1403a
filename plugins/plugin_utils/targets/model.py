# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets: what an enforcement point can express, a policy fitted to that, and the registry row of a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

Direction = Literal["wider", "narrower"]
WIDER: Direction = "wider"
NARROWER: Direction = "narrower"
ALL_PROTOCOLS = frozenset(range(256))


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What an enforcement point can express. A policy that needs more is fitted to it, or is an error.

    Every field is a row of the table in docs/targets.md. The evaluator in the tests of each target holds it to what is
    written here.

    user: distinguishes the sockets of users.
    unit: distinguishes the sockets of systemd units.
    containers: distinguishes packets of containers from the host's own.
    names: domain names: "no", "exact", or "below" where a name always includes every name below it.
    deny: can close part of what is open. Needed for egress_never beside domain names.
    log: where people see denied flows, "no" for nowhere.
    protocols: numbers of the protocols that can be opened as a whole.
    ported: numbers of the protocols of which single ports and ranges can be opened.
    any: can open every protocol at once.
    widens: how `approximate: wider` opens a service that cannot be expressed: "protocol" opens all of its protocol,
        "any" every protocol, "" means that it cannot.
    families: IP versions.
    filled: knows the content of prefix lists that others fill.
    references: the kind of destinations that it knows by names of its own, "" for none.
    observe: can count without rejecting.
    floor: the parts of the policy's floor that have to be rendered: "dns", "ntp".
    limit: the highest number of entries, as text for people.
    expiry: when an entry with `expires` ends: "itself" without any run, else "the next run".
    """

    user: bool = False
    unit: bool = False
    containers: bool = False
    names: Literal["no", "exact", "below"] = "no"
    deny: bool = False
    log: str = "no"
    protocols: frozenset[int] = ALL_PROTOCOLS
    ported: frozenset[int] = ALL_PROTOCOLS
    any: bool = True
    widens: Literal["", "protocol", "any"] = ""
    families: tuple[int, ...] = (4, 6)
    filled: bool = False
    references: str = ""
    observe: bool = False
    floor: tuple[str, ...] = ("dns", "ntp")
    limit: str = "none"
    expiry: Literal["itself", "the next run"] = "the next run"

    @property
    def icmp(self) -> bool:
        """Return whether ICMP and ICMPv6 can be opened without other protocols."""
        return {services.ICMP, services.ICMPV6} <= self.protocols


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What one entry opens to everybody: all combinations of its destinations and its services.

    The destinations are addresses, names (domain names) and references (texts of `to` that the target knows by names
    of its own); at least one of them is not empty. approximate: the entry's, "" for none. prefix_list: the list that
    the names fill, "" for names of the entry itself.
    """

    entry: str
    addresses: AddressSet
    services: ServiceSet
    names: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    reason: str = ""
    owner: str = ""
    approximate: str = ""
    prefix_list: str = ""


@dataclass(frozen=True, kw_only=True)
class Closing:
    """What is closed before any opening is considered; only for targets that can deny."""

    addresses: AddressSet
    services: ServiceSet


@dataclass(frozen=True, kw_only=True)
class TargetDifference:
    """Flows by which a rendered policy differs: `wider` opens exactly these, `narrower` does not open them.

    why: a clause for people. users: whose flows, None for everybody's.
    """

    entry: str
    direction: Direction
    why: str
    addresses: AddressSet = NOTHING
    services: ServiceSet = services.NONE
    names: tuple[str, ...] = ()
    users: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class FittedPolicy:
    """A host's policy as far as a target can express it.

    never: addresses that egress_never closes. protected: private networks and metadata services, which no approximation
    opens to say `internet`.
    """

    openings: tuple[Opening, ...] = ()
    closings: tuple[Closing, ...] = ()
    differences: tuple[TargetDifference, ...] = ()
    notices: tuple[str, ...] = ()
    never: AddressSet = NOTHING
    protected: AddressSet = NOTHING


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What becomes one security group, network policy or file: the hosts of one unit mean the same.

    name: the unit's. sources: the addresses of its hosts. floor: the parts of the floor that the policy has. settings:
    the target's variable, read. never, protected: addresses that joining networks may not open.
    """

    name: str
    openings: tuple[Opening, ...] = ()
    closings: tuple[Closing, ...] = ()
    sources: AddressSet = NOTHING
    floor: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    never: AddressSet = NOTHING
    protected: AddressSet = NOTHING


@dataclass(frozen=True)
class RenderedFile:
    """A file of a unit.

    text: the file. data: the same for modules that apply it. differences: those that rendering itself makes. notices:
    what a person has to know to use it.
    """

    text: str
    data: Any = None
    differences: tuple[TargetDifference, ...] = ()
    notices: tuple[str, ...] = ()


ReadSettings = Callable[[ErrorReport, Place, Any], dict[str, Any]]
"""Reads a target's variable; every error goes to the report."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One enforcement point, as a row of the registry.

    name: in `egress_target`, and of its page docs/targets/NAME.md.
    about: a phrase for people.
    can: what it can express.
    suffix: of its files, after the name of the unit.
    render: makes the file of a unit. Raises PolicyErrors for problems of the whole file, such as too many rules.
    compile_policy: takes the place of render where the target enforces a host's policy as it is.
    variable: the name of its settings, "" for none. read_settings: reads them.
    """

    name: str
    about: str
    can: Capabilities
    suffix: str
    render: Callable[[Unit], RenderedFile] | None = None
    compile_policy: Callable[[ResolvedPolicy], Any] | None = None
    variable: str = ""
    read_settings: ReadSettings | None = None
