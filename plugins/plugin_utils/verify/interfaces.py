# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of interfaces between which a table or the policy differs, each class of interfaces by one example."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import Meta, NotModelled, Table

from .matches import is_named
from .situations import MAX_CLASSES, values

OTHER = "other interfaces"
_KEYS = ("iifname", "oifname", "iif", "oif")
# A device's name in Linux has 15 characters (IFNAMSIZ less the byte that ends it).
_LONGEST = 15
_LETTERS = string.ascii_letters + string.digits + string.punctuation


@dataclass(frozen=True)
class InterfacePair:
    """From one interface to another, each the example of its class. filtered: whether the policy is about it."""

    incoming: str
    outgoing: str
    label: str
    filtered: bool


def interface_pairs(table: Table, bridges: Sequence[str]) -> Iterator[InterfacePair]:
    """Yield a pair for each two classes of interfaces. Raises NotModelled.

    bridges: the interfaces of containers as the policy names them, with * at the end for all that begin so.
    """
    patterns = tuple(dict.fromkeys([*bridges, *_named(table)]))
    examples = dict(_examples(patterns))
    if len(examples) > MAX_CLASSES:
        raise NotModelled(f"{len(examples)} classes of interfaces, more than {MAX_CLASSES}")
    for incoming, source in examples.items():
        for outgoing, target in examples.items():
            from_containers, to_containers = (
                any(is_named(name, bridge) for bridge in bridges) for name in (incoming, outgoing)
            )
            filtered = from_containers and not to_containers
            label = f"packets forwarded from {source} to {target}"
            if filtered:
                label = f"containers behind {source}" + (f" to {target}" if target != OTHER else "")
            yield InterfacePair(incoming, outgoing, label, filtered)


def _named(table: Table) -> Iterator[str]:
    for key in _KEYS:
        for value in values([table], Meta(key)):
            # Nothing is forwarded to or from lo. What is no name here is not modelled where it is compared.
            if isinstance(value, str) and value not in ("0", "lo"):
                yield value


def _examples(patterns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (an example, its class): a name is in the class of the longest pattern that it matches.

    All other patterns that the example matches are the beginning of that one, so it stands for all of its class.
    """
    used = "".join(patterns)
    unused = min(set(_LETTERS) - set(used), key=_LETTERS.index)
    yield unused, OTHER
    for pattern in patterns:
        yield (pattern[:-1] + unused)[:_LONGEST] if pattern.endswith("*") else pattern, pattern
