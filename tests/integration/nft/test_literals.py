# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that we put into nft's words ourselves are in nft's words: nft is asked."""

from __future__ import annotations

import random
from dataclasses import replace
from ipaddress import ip_address

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical import scratch
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical.draft import (
    DraftLine,
    ScratchDraft,
    draft,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import SetSpec, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import literals
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

from .conftest import Lab

TYPES = {4: ("type ipv4_addr", 32), 6: ("type ipv6_addr", 128)}


def _random(rng: random.Random, version: int) -> list[str]:
    """Addresses, networks and ranges that do not overlap, from one end of the address space to the other."""
    bits = TYPES[version][1]
    borders = sorted({rng.randrange(1, 2 ** rng.choice((16, bits)) - 1) for _time in range(100)})[:90]
    borders = [0, *borders, 2**bits - 2]
    texts = []
    for first, last in zip(borders[::2], borders[1::2], strict=True):
        kind = rng.randrange(4)
        if kind == 0:
            texts.append(str(_address(first, version)))
        elif kind == 1:
            length = rng.randint(1, 16)
            start = (first + 2**length) >> length << length
            if start + 2**length - 1 <= last:
                texts.append(f"{_address(start, version)}/{bits - length}")
        else:
            texts.append(f"{_address(first, version)}-{_address(last, version)}")
    rng.shuffle(texts)
    return texts


def _address(value: int, version: int) -> str:
    text = str(ip_address(value)) if version == 4 else str(ip_address(value.to_bytes(16, "big")))
    return text.upper()


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("seed", range(4))
def test_words_are_nfts(lab: Lab, seed: int, version: int, merge: bool) -> None:
    texts = _random(random.Random(seed), version)
    if merge:
        texts += ["10.0.0.0/9", "10.128.0.0/9", "10.1.1.1"] if version == 4 else ["fd00::/9", "fd80::/9", "fd00::1"]
    lines = (TYPES[version][0], "flags interval", *(["auto-merge"] if merge else []))
    elements = tuple(parse_sets.element(text, "here", version=version) for text in texts)
    spec = SetSpec("set", "s", lines, elements=elements)
    ours = literals.canonical(spec, lines, version, ())
    assert ours is not None
    scratch_draft = draft(TableSpec("inet", "t", sets=(spec,)), None)
    assert scratch_draft.known == {"s": ours}
    block = (
        DraftLine("set s {"),
        *map(DraftLine, lines),
        DraftLine("elements = {"),
        *(DraftLine(f"{text},") for text in texts),
        DraftLine("}"),
        DraftLine("}"),
    )
    (table,) = scratch.canonical(lab.nft, [ScratchDraft("inet", block, ())], RunDirectory(str(lab.run_dir)))
    assert sorted(element.canon for element in ours) == sorted(element.canon for element in table.sets[0].elements)


@pytest.mark.parametrize("version", [4, 6])
def test_whole_space_and_its_ends(lab: Lab, version: int) -> None:
    whole = {4: ["0.0.0.0/0"], 6: ["::/0"]}[version]
    ends = {4: ["0.0.0.0", "240.0.0.0/4", "128.0.0.0/2"], 6: ["::", "ffff::/16", "::ffff:1.2.3.4"]}[version]
    kind = TYPES[version][0][len("type ") :]
    for elements in (whole, ends):
        lab.predicted({"name": "t", "sets": [{"name": "s", "type": kind, "flags": ["interval"], "elements": elements}]})


def test_ten_thousand_networks(lab: Lab) -> None:
    """Changed by delta, and a diff that shows what changes only."""
    networks = [f"10.{number >> 8}.{number & 255}.0/25" for number in range(10_000)]
    table = {"name": "t", "sets": [{"name": "s", "type": "ipv4_addr", "flags": ["interval"], "elements": networks}]}
    lab.run(table)
    fewer = {"name": "t", "sets": [{**table["sets"][0], "elements": [*networks[1:], "192.0.2.0/24"]}]}  # type: ignore[dict-item]
    result = lab.predicted(fewer)
    assert result.transaction.splitlines() == [
        "delete element inet t s { 10.0.0.0/25 }",
        "add element inet t s { 192.0.2.0/24 }",
    ]
    assert "10.0.0.0/25,\n\t\t\t# and 9999 that stay" in result.before
    assert "192.0.2.0/24,\n\t\t\t# and 9999 that stay" in result.after
    assert len(lab.elements("s")) == 10_000
    assert replace(result, path="fast").as_dict()["changes"][0]["count"] == 1
