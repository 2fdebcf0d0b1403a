# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The levels of `socket cgroupv2 level N`, which nft's JSON leaves out (1.0.6 and 1.1.3): taken from its text."""

from __future__ import annotations

import re
from typing import Any, Iterator

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import listing

_QUOTED = re.compile(r'"[^"]*"')
_LEVEL = re.compile(r"\bsocket cgroupv2 level (\d+)")


def missing(objects: Any) -> bool:
    """Return whether nft's JSON has a match of a cgroup, so that levels are missing."""
    return any(True for _expression in _expressions(objects))


def add(objects: Any, text: str) -> None:
    """Add the level to each match of a cgroup in the JSON of a table. text: of `nft -a -y list table`."""
    levels = {
        (chain.name, rule.handle): [int(level) for level in _LEVEL.findall(_QUOTED.sub("", rule.text))]
        for table in listing.parse_tables(text)
        for chain in table.chains
        for rule in chain.rules
    }
    for item in objects["nftables"]:
        rule = item.get("rule", {})
        expressions = list(_expressions(rule.get("expr")))
        known = levels.get((rule.get("chain"), rule.get("handle")), [])
        for expression, level in zip(expressions, known if len(known) == len(expressions) else ()):
            expression["level"] = level


def _expressions(item: Any) -> Iterator[dict[str, Any]]:
    """Yield the body of each {"socket": {"key": "cgroupv2"}}, in the order of the text."""
    if isinstance(item, dict):
        if item.get("key") == "cgroupv2" and set(item) <= {"key", "level"}:
            yield item
        for each in item.values():
            yield from _expressions(each)
    elif isinstance(item, list):
        for each in item:
            yield from _expressions(each)
