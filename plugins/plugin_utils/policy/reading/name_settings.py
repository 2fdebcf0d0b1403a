# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host opens domain names: who fills their sets, how long an address stays, which names resolve at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Approximation
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

from . import destinations, names, values
from .context import Context
from .entries import KEEP

Feeder = Literal["none", "resolver", "periodic", "proxy"]
FEEDERS: tuple[Feeder, ...] = ("none", "resolver", "periodic", "proxy")
Resolving = Literal["any", "observe", "only"]
RESOLVING: tuple[Resolving, ...] = ("any", "observe", "only")
_FLOOR, _GRACE = 3600, 120
_MOST = 7 * 86400


@dataclass(frozen=True)
class NameSettings:
    """How a host opens names.

    feeder: who fills their sets on the host; none: nobody; proxy: nobody, since a proxy opens the names.
    floor, grace: seconds; an address stays for its TTL, at least floor, and grace.
    keep: whether new connections renew it. resolving: which names the host resolves.
    allow: patterns that resolve though no entry names them. inside: (pattern, networks) that may lead inside.
    left_out: whether entries leave out their names on a host where nobody fills sets. approximate: what becomes of what
    a proxy cannot say, "" for an error.
    """

    feeder: Feeder = "none"
    floor: int = _FLOOR
    grace: int = _GRACE
    keep: str = "used"
    resolving: Resolving = "any"
    allow: tuple[str, ...] = ()
    inside: tuple[tuple[str, AddressSet], ...] = ()
    left_out: bool = False
    approximate: Approximation = ""

    def leaves_out(self, approximate: str) -> bool:
        """Return whether a host leaves out the names of an entry. approximate: the entry's, "" for none."""
        narrower = approximate == "narrower" or (not approximate and self.left_out)
        return self.feeder == "none" and narrower

    @property
    def filled(self) -> bool:
        """Whether somebody on the host fills the sets of names."""
        return self.feeder in ("resolver", "periodic")

    @property
    def by_proxy(self) -> bool:
        """Whether names are open through a proxy only."""
        return self.feeder == "proxy"

    @property
    def by_resolver(self) -> bool:
        """Whether a resolver of ours answers the host's questions, so that nobody else sends any."""
        return self.feeder == "resolver"


def read(context: Context, variables: Mapping[str, Any], *, has_servers: bool) -> NameSettings:
    """Read egress_names*, egress_dns_names, _allow and _inside. has_servers: whether egress_dns_servers names any."""
    report = context.report
    approximate = variables.get("egress_approximate")
    settings = NameSettings(
        feeder=_choice(context, variables, "egress_names", FEEDERS),
        floor=_seconds(context, variables, "egress_names_floor", _FLOOR, 60),
        grace=_seconds(context, variables, "egress_names_grace", _GRACE, 0),
        keep=_choice(context, variables, "egress_names_keep", KEEP),
        resolving=_choice(context, variables, "egress_dns_names", RESOLVING),
        allow=_allow(context, variables.get("egress_dns_allow")),
        inside=_inside(context, variables.get("egress_dns_inside")),
        left_out=isinstance(approximate, Mapping) and approximate.get("nftables") == "narrower",
        approximate=_approximate(approximate),
    )
    if settings.filled and not has_servers:
        cause = f"{settings.feeder} asks the servers in egress_dns_servers, and none are named"
        report.error(variable("egress_names"), cause, "set egress_dns_servers, or [auto] for those that the host uses")
    for name, is_set in (
        ("egress_dns_names", settings.resolving != "any"),
        ("egress_dns_allow", bool(settings.allow)),
        ("egress_dns_inside", bool(settings.inside)),
    ):
        if is_set and not settings.by_resolver:
            report.error(variable(name), "is for the resolver of the host", "set egress_names: resolver")
    return settings


def _approximate(value: Any) -> Approximation:
    """Return the word for Squid; targets/fitting/approximate.py reports what is wrong with the variable."""
    word = value.get("squid") if isinstance(value, Mapping) else None
    return "wider" if word == "wider" else "narrower" if word == "narrower" else ""


def _choice(
    context: Context, variables: Mapping[str, Any], name: str, choices: tuple[values.Choice, ...]
) -> values.Choice:
    value = variables.get(name)
    return choices[0] if value is None else values.choice(context.report, variable(name), value, choices) or choices[0]


def _seconds(context: Context, variables: Mapping[str, Any], name: str, default: int, least: int) -> int:
    value = variables.get(name)
    if value is None:
        return default
    seconds = values.seconds(value)
    if seconds is not None and least <= seconds <= _MOST:
        return seconds
    cause = f"{values.show(value)} is not a length of time from {least} s to 7 days"
    context.report.error(variable(name), cause, "write seconds, or a number with s, m, h or d, such as 1h")
    return default


def _allow(context: Context, value: Any) -> tuple[str, ...]:
    if value is None or value == []:
        return ()
    elements = values.items(context.report, variable("egress_dns_allow"), value) or []
    texts = [(place, values.text(context.report, place, item)) for place, item in elements]
    read = [names.pattern(context.report, place, text) for place, text in texts if text is not None]
    return tuple(sorted({str(pattern) for pattern in read if pattern is not None}))


def _inside(context: Context, value: Any) -> tuple[tuple[str, AddressSet], ...]:
    place = variable("egress_dns_inside")
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        context.report.error(place, "is not a mapping", 'write NAME: [NETWORK], such as ".corp.example": [10.0.0.0/8]')
        return ()
    inside = {}
    for name, networks in value.items():
        key_place = place.key(str(name))
        pattern = names.pattern(context.report, key_place, str(name))
        read = destinations.parse_all(context.report, context.inventory, key_place, networks) or ()
        for network in read:
            if network.kind != "literal":
                context.report.error(network.place, f'"{network.text}" is not a network', "write 10.0.0.0/8")
        if pattern is not None:
            inside[str(pattern)] = addresses.union(network.addresses for network in read)
    return tuple(sorted(inside.items(), key=lambda row: row[0]))
