# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnsmasq: fills the sets of lists that name domains, in the host's own table, with the answers that it gives.

The table decides; dnsmasq only says which addresses the names have. So all but names is exact already, and left to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyError, PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import (
    Capabilities,
    RenderedFile,
    Target,
    Unit,
)


def render(unit: Unit) -> RenderedFile:
    """The file. Raises PolicyErrors for names in an entry itself, which have no set."""
    lists: dict[str, set[str]] = {}
    for opening in unit.openings:
        if opening.names and not opening.list:
            cause = f"{opening.entry} names {opening.names[0]} itself, and only lists have a set that dnsmasq can fill"
            cure = "write prefix_list:NAME and declare NAME: {fed_by: external, names: […]}"
            raise PolicyErrors((PolicyError(opening.entry, cause, cure),))
        if opening.names:
            lists.setdefault(opening.list, set()).update(opening.names)
    found = lines({name: sorted(names) for name, names in sorted(lists.items())})
    head = "# Fills sets of the host's table; made from its policy, edits are overwritten."
    return RenderedFile("\n".join([head, *found]) + "\n", {"lines": found})


def lines(lists: Mapping[str, Iterable[str]]) -> list[str]:
    """One line a name: its IPv4 and IPv6 answers go to the list's two sets. A name in several lists has one line.

    dnsmasq takes the most specific line for a name only (its manual, --nftset), so all sets stand in it.
    """
    sets: dict[str, list[str]] = {}
    for name, domains in lists.items():
        external = table_names.external_set(name)
        for domain in domains:
            sets.setdefault(domain, []).extend(
                "#".join((str(version), *table_names.TABLE, table_names.of_version(external, version)))
                for version in (4, 6)
            )
    return [f"nftset=/{domain}/{','.join(found)}" for domain, found in sorted(sets.items())]


TARGET = Target(
    name="dnsmasq",
    about="dnsmasq, which fills sets of the host's table with the addresses of names",
    can=Capabilities(user=True, containers=True, names="below", log="log-queries", floor=(), expiry="itself"),
    suffix=".dnsmasq.conf",
    render=render,
)
