# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way through a host that a table or the policy tells apart: from one class of interfaces to another."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .listing import Table
from .matches import Unreadable, is_named
from .situations import MOST, values

OTHER = "other interfaces"
_KEYS = ("iifname", "oifname", "iif", "oif")
# A device's name in Linux has 15 characters (IFNAMSIZ less the byte that ends it).
_LONGEST = 15


@dataclass(frozen=True)
class Way:
    """From one interface to another, each the example of its class. filtered: does the policy look at what goes so?"""

    incoming: str
    outgoing: str
    label: str
    filtered: bool


def ways(table: Table, bridges: Sequence[str]) -> Iterator[Way]:
    """One of each pair of classes that the table's rules and these names tell apart. Raises Unreadable.

    bridges: what containers are behind, as the policy names them, with * at the end for all that begin so.
    """
    patterns = tuple(dict.fromkeys([*bridges, *_named(table)]))
    kinds = dict(_classes(patterns))
    if len(kinds) > MOST:
        raise Unreadable(f"{len(kinds)} interfaces that are told apart")
    for incoming, source in kinds.items():
        for outgoing, target in kinds.items():
            behind = [any(is_named(name, bridge) for bridge in bridges) for name in (incoming, outgoing)]
            filtered = behind[0] and not behind[1]
            label = f"what is forwarded from {source} to {target}"
            if filtered:
                label = f"containers behind {source}" + (f" to {target}" if target != OTHER else "")
            yield Way(incoming, outgoing, label, filtered)


def _named(table: Table) -> Iterator[str]:
    for key in _KEYS:
        for value in values([table], {"meta": {"key": key}}):
            # Nothing is forwarded to or from lo. What is no name here is not modelled where it is compared.
            if isinstance(value, str) and value not in ("0", "lo"):
                yield value


def _classes(patterns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(a name, what its class is called): a name is in the class of the longest pattern that it matches.

    All other patterns that it matches are the beginning of that one, so that one name speaks for all of its class.
    """
    used = "".join(patterns)
    unused = next(letter for letter in string.ascii_letters + string.digits + string.punctuation if letter not in used)
    yield unused, OTHER
    for pattern in patterns:
        yield (pattern[:-1] + unused)[:_LONGEST] if pattern.endswith("*") else pattern, pattern
