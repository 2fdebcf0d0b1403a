# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnsmasq: fills the sets of the host's table with the addresses of domain names, as a file for its conf-dir."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names, table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyError, PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import (
    Capabilities,
    RenderedFile,
    Target,
    Unit,
)


def render(unit: Unit) -> RenderedFile:
    """Return the file. Raises PolicyErrors for names in an entry itself, which have no set."""
    names: dict[str, set[str]] = {}
    for opening in unit.openings:
        if opening.names and not opening.prefix_list:
            cause = (
                f"{opening.entry} names {opening.names[0]} itself, but dnsmasq can only fill the sets of prefix lists"
            )
            fix = "write prefix_list:NAME and declare NAME: {fed_by: external, names: […]}"
            raise PolicyErrors((PolicyError(opening.entry, cause, fix),))
        if opening.names:
            names.setdefault(opening.prefix_list, set()).update(opening.names)
    lines = nftset_lines({prefix_list: sorted(names[prefix_list]) for prefix_list in sorted(names)})
    head = "# Fills sets of the host's table. Generated from its policy: edits are overwritten."
    return RenderedFile("\n".join([head, *lines]) + "\n", {"lines": lines})


def nftset_lines(names: Mapping[str, Iterable[str]]) -> list[str]:
    """Return one line for each domain name, with the sets of all lists that it is in. names: patterns by prefix list.

    A line means the name and all below; a star in it matches nothing, and dnsmasq does not say so. It uses only the
    most specific line for a name (its manual, --nftset), so all sets stand in one line. IPv4 answers go to the list's
    set for IPv4, IPv6 answers to the other.
    """
    sets: dict[str, list[str]] = {}
    for prefix_list, domains in names.items():
        pair = table_names.external_set(prefix_list)
        for domain in sorted({domain_names.parse(text).name for text in domains}):
            sets.setdefault(domain, []).extend(
                "#".join((str(version), *table_names.TABLE, table_names.of_version(pair, version)))
                for version in (4, 6)
            )
    return [f"nftset=/{domain}/{','.join(sets[domain])}" for domain in sorted(sets)]


TARGET = Target(
    name="dnsmasq",
    about="dnsmasq, which fills sets of the host's table with the addresses of names",
    can=Capabilities(
        user=True, unit=True, containers=True, names="below", log="log-queries", floor=(), expiry="itself"
    ),
    suffix=".dnsmasq.conf",
    render=render,
)
