# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of names that the grammar and every target are held by, through real unbound into real sets."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.tests.support import resolver as resolvers
from ansible_collections.tidegate.nftables.tests.support.authority import Authority, addresses
from ansible_collections.tidegate.nftables.tests.support.name_table import NAMES, asked
from ansible_collections.tidegate.nftables.tests.support.namespaces import own_namespace
from ansible_collections.tidegate.nftables.tests.support.resolver import API, VERSIONS

ADDRESSES = {name: f"50.8.0.{number}" for number, name in enumerate(asked(), 1)}
SETS = {pattern: f"names_p{number}" for number, pattern in enumerate(NAMES)}
TABLE = "".join(
    f"set {name}{version} {{ type {kind}; flags timeout; size 64; }}\n"
    for name in SETS.values()
    for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr"))
)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_pattern_opens_the_names_that_it_means_and_no_other(version: str) -> None:
    sets = [
        {**API, "entry": name, "names": [pattern], "set4": f"{name}4", "set6": f"{name}6"}
        for pattern, name in SETS.items()
    ]
    authority = Authority(replies={name: addresses(address) for name, address in ADDRESSES.items()})
    table = f"table inet tidegate {{\n{TABLE}}}\n"
    with own_namespace(), authority.running(), resolvers.running(version, table, sets=sets, inside={}) as resolver:
        for name, address in ADDRESSES.items():
            assert resolver.addresses(name) == [address]
        for pattern, means in NAMES.items():
            opened = resolver.elements(f"{SETS[pattern]}4")
            assert {name for name, address in ADDRESSES.items() if address in opened} == means, pattern
