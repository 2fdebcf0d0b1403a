# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of the floor let through on one host: data/floor.yml with the policy's own addresses in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.protocols import NUMBERS
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, datafiles, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import EVERYTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import Pair
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

_SERVERS = ("dns", "ntp")
_FAMILIES = {4: AddressSet(v4=EVERYTHING.v4), 6: AddressSet(v6=EVERYTHING.v6)}


@dataclass(frozen=True, kw_only=True)
class FloorOpening:
    """One line of a part of the floor.

    part: its name. addresses: the destinations. named: whether they differ from policy to policy. by_host: whether the
    host adds name servers that only it knows. from_port: the source port, None for any. users: whose sockets only, None
    for everybody's; it is not about containers. containers: for packets of containers, too. below_never: whether
    egress_never applies. counted: whether its rules count.
    """

    part: str
    addresses: AddressSet
    services: ServiceSet
    named: bool = False
    by_host: bool = False
    from_port: int | None = None
    users: tuple[str, ...] | None = None
    containers: bool = False
    below_never: bool = False
    counted: bool = False

    @property
    def box(self) -> Pair:
        """Its destinations with its services."""
        return self.addresses, self.services

    @property
    def may(self) -> Pair:
        """The most that it can let through, wherever the host's own name servers are."""
        return EVERYTHING if self.by_host else self.addresses, self.services

    @property
    def to_servers(self) -> bool:
        """Whether it is about servers that the policy names."""
        return self.part in _SERVERS

    @property
    def variable(self) -> str:
        """The variable that names its servers."""
        return f"egress_{self.part}_servers"


def openings(resolved: ResolvedPolicy) -> list[FloorOpening]:
    """Return what the host's parts of the floor let through, in the order of the data."""
    lines = (_opening(resolved, part, line) for part in resolved.floor for line in _parts()[part].get("passes", ()))
    return [opening for opening in lines if opening.addresses or opening.by_host]


def heard(resolved: ResolvedPolicy) -> list[FloorOpening]:
    """Return what a host must hear to stay on its network, whatever its policy leaves out of the floor."""
    return [_opening(resolved, part, line) for part, row in _parts().items() for line in row.get("hears", ())]


def servers(resolved: ResolvedPolicy) -> Iterator[FloorOpening]:
    """Yield the openings to the named servers."""
    return (opening for opening in openings(resolved) if opening.to_servers)


def from_ports() -> list[int]:
    """Return every source port that the floor looks at."""
    return [line["from_port"] for part in _parts().values() for line in part.get("passes", ()) if "from_port" in line]


@cache
def services_of(*parts: str) -> ServiceSet:
    """Return every service of these parts of the floor."""
    return _services(text for part in parts for line in _parts()[part]["passes"] for text in line["services"])


def _parts() -> Mapping[str, Mapping[str, Any]]:
    parts: Mapping[str, Mapping[str, Any]] = datafiles.load("floor")
    return parts


def _opening(resolved: ResolvedPolicy, part: str, line: Mapping[str, Any]) -> FloorOpening:
    row, to = _parts()[part], line.get("to", ())
    named = {"dns": resolved.dns, "ntp": resolved.ntp, "internal": resolved.internal}
    destinations = addresses.union(named[text] if text in named else addresses.parse(text) for text in to)
    if not to:
        destinations = EVERYTHING
    if "version" in line:
        destinations &= _FAMILIES[line["version"]]
    only_by_resolver = part == "dns" and resolved.names.resolving == "only"
    return FloorOpening(
        part=part,
        addresses=destinations,
        services=_services(line["services"]),
        named=any(text in named for text in to),
        by_host=part == "dns" and resolved.host_dns,
        from_port=line.get("from_port"),
        users=resolved.dns_users if part == "dns" else None,
        # A container that asks servers itself would go around what decides which names resolve.
        containers=row.get("containers", False) and not only_by_resolver,
        below_never=row.get("below_never", False),
        counted=row.get("counted", False),
    )


def _services(texts: Iterable[str]) -> ServiceSet:
    """Return the services in texts; entries of policies know no types of ICMP, so these have a reader of their own."""
    union = services.NONE
    for text in texts:
        protocol, slash, port = text.partition("/")
        whole = services.of_protocol(NUMBERS[protocol])
        union |= services.of_protocol(NUMBERS[protocol], int(port), int(port)) if slash else whole
    return union
