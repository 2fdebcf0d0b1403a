# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Protocol numbers are written once, and are those of IANA as /etc/protocols has them."""

from __future__ import annotations

import ast
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols

PLUGINS = Path(__file__).parents[4] / "plugins"
ALIASES = {"icmpv6": "ipv6-icmp", "comp": "ipcomp", "ospfigp": "ospf"}
"""Names that /etc/protocols of Debian has under another one."""


def test_numbers_are_those_of_this_machine() -> None:
    known = {}
    for name in protocols.NUMBERS:
        try:
            known[name] = socket.getprotobyname(ALIASES.get(name, name))
        except OSError:
            continue
    assert {name: protocols.NUMBERS[name] for name in known} == known


def test_ipv6_icmp_has_one_number_under_each_of_its_names() -> None:
    """nft writes the first, conntrack and /etc/protocols the second; a policy has one service for it and for ICMP."""
    assert protocols.number("icmpv6") == protocols.number("ipv6-icmp") == protocols.ICMPV6


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("tcp", 6),
        ("TCP", 6),
        ("17", 17),
        ("255", 255),
        ("no-such-protocol", None),
        ("", None),
        ("²", None),
        ("a\0", None),
    ],
)
def test_a_protocol_by_name_or_number(text: str, number: int | None) -> None:
    assert protocols.number(text) == number


def test_a_name_of_etc_protocols_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getprotobyname", {"xns-idp": 22}.__getitem__)
    assert protocols.number("xns-idp") == 22


def tables(path: Path) -> Iterator[str]:
    """Every mapping in a file between names and numbers of at least two protocols, both written as constants."""
    numbers = {name.lower(): number for name, number in protocols.NUMBERS.items()}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Dict):
            pairs = [
                (key.value, value.value)
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
            ]
            both = [*pairs, *((value, key) for key, value in pairs)]
            if sum(isinstance(name, str) and numbers.get(name.lower(), -1) == number for name, number in both) > 1:
                yield f"{path}:{node.lineno}"


def test_no_other_file_has_numbers_of_protocols() -> None:
    files = [path for path in sorted(PLUGINS.rglob("*.py")) if path.name != "protocols.py"]
    assert [place for path in files for place in tables(path)] == []
