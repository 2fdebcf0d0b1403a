# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words for destinations: which addresses each stands for on a host."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, datafiles
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

# A word's rank orders rules: what a person named comes before what a word covers, the wider word last.
RANKS: Mapping[str, int] = {"cloud-metadata": 1, "multicast": 1, "internal": 2, "internet": 3, "any": 4}


@cache
def table(name: str) -> AddressSet:
    """Return all networks of one table of data/words.yml."""
    return addresses.union(addresses.parse(row["network"]) for row in datafiles.load("words")[name])


@cache
def public() -> AddressSet:
    """Return every address that is routed in public: global unicast without special use and multicast."""
    special = (table("special_use") - table("globally_reachable")) | table("multicast")
    return table("global_unicast") - special


@cache
def never_public() -> AddressSet:
    """Return private networks, those of links and metadata services, whatever a policy calls internal."""
    tables = ("private_use", "shared_use", "link", "cloud_metadata")
    return addresses.union(map(table, tables))


def lookup(word: str, internal: AddressSet) -> AddressSet:
    """Return what a word stands for where these networks are the internal ones. Raise KeyError for another word."""
    meanings = {
        "internal": lambda: internal,
        "internet": lambda: public() - internal - table("cloud_metadata"),
        "multicast": lambda: table("multicast"),
        "cloud-metadata": lambda: table("cloud_metadata"),
        "any": lambda: addresses.EVERYTHING,
    }
    return meanings[word]()
