# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domain names that a change opens or closes. No address says so: who runs a zone decides where its names lead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedEntry, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Sockets
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from .settings import Sentence
from .wording import address_text, names_text, service_text


@dataclass(frozen=True)
class _Opening:
    """Patterns of names that an entry opens: with what, to whom, and its bound, None for the internet."""

    names: tuple[str, ...]
    services: ServiceSet
    bound: AddressSet | None
    sockets: Sockets
    variable: str

    def covers(self, name: str, other: _Opening) -> bool:
        """Return whether all of a name that another opens is open by this one."""
        pattern = domain_names.parse(name)
        as_far = self.bound == other.bound
        if self.bound is not None and other.bound is not None:
            as_far = not other.bound - self.bound
        return (
            any(domain_names.includes(domain_names.parse(own), pattern) for own in self.names)
            and other.services <= self.services
            and as_far
            and self.sockets in (other.sockets, Sockets())
        )


def opened_names(before: ResolvedPolicy | None, after: ResolvedPolicy | None) -> Iterator[Sentence]:
    """Yield the names that only one of two policies of a host opens. None is no policy."""
    old, new = list(_openings(before)), list(_openings(after))
    yield from (("opens", text, variable) for text, variable in _only(new, old))
    yield from (("closes", text, variable) for text, variable in _only(old, new))


def _openings(resolved: ResolvedPolicy | None) -> Iterator[_Opening]:
    if resolved is None or resolved.mode == "absent" or resolved.names.feeder == "none":
        return
    for entry in resolved.entries:
        for grant in entry.by_name:
            names, bound = tuple(name.name for name in entry.names), grant.addresses if entry.within else None
            yield _Opening(names, grant.services, bound, Sockets(entry.users, entry.units), _variable(entry))


def _only(these: list[_Opening], others: list[_Opening]) -> Iterator[tuple[str, str]]:
    """Yield a sentence for each opening with names that no other covers, and the variable that it is from."""
    for this in these:
        names = [name for name in this.names if not any(other.covers(name, this) for other in others)]
        if names:
            who = f" as {this.sockets}" if this.sockets != Sockets() else ""
            where = "the internet" if this.bound is None else address_text(this.bound)
            text = f"{names_text(names)} with {service_text(this.services)}{who}, wherever these names lead in {where}"
            yield text, this.variable


def _variable(entry: ResolvedEntry) -> str:
    return entry.where.partition("[")[0]
