# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever rule nft accepts is changed once: the second run, check mode and another spelling find nothing to do.

nft alone is the judge: what it accepts the engine accepts, and the kernel then has what nft alone would have made.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs import table_info
from ansible_collections.tidegate.nftables.tests.effort import SEED, times
from ansible_collections.tidegate.nftables.tests.integration.nft.conftest import Lab

from .compose import CHAINS, Rule, rules, with_rules

SENTENCES = times(80, 4000)
AT_ONCE = 1000
"""Rules of one run."""

ACCEPTED = {"inet": 0.97, "ip": 0.97, "ip6": 0.97, "arp": 0.9, "bridge": 0.9, "netdev": 0.9}
"""The least share of the grammar that each nft must accept for the test to say something."""


@pytest.mark.parametrize("family", CHAINS)
def test_every_rule_is_changed_once(lab: Lab, family: str) -> None:
    generated = rules(family, SENTENCES, SEED)
    accepted: list[Rule] = []
    for start in range(0, len(generated), AT_ONCE):
        some = told_apart(lab, family, Judge(lab, family).accepted(generated[start : start + AT_ONCE]))
        once(lab, family, some)
        spelled_otherwise(lab, family, some)
        accepted += some
    refused_alike(lab, family, [rule for rule in generated if rule not in set(accepted)])
    assert len(accepted) >= ACCEPTED[family] * len(generated), [
        rule.text for rule in generated if rule not in set(accepted)
    ]


def told_apart(lab: Lab, family: str, some: list[Rule]) -> list[Rule]:
    """The rules without those that this nft lists as other ones, of which the engine has to say so."""
    left = list(some)
    while True:
        error = refusal(lab, with_rules(family, left))
        if error is None:
            return left
        place = re.search(r"chains\[(\d+)\]\.rules\[(\d+)\]$", error.where)
        lost = re.search(r"lists this rule as `(.*)`, without `(.*)`, so", str(error))
        assert place, str(error)
        chain = with_rules(family, left)["chains"][int(place.group(1))]
        text = chain["rules"][int(place.group(2))]
        if lost:
            lab.load(plain(family, [(chain["name"], text)]))
            assert lost.group(2) in text
            assert lost.group(2) not in lab.listing()
        else:
            assert "cannot read its own listing of this rule" in str(error), str(error)
            assert not read_alike(lab, family, chain["name"], text)
        lab.load("flush ruleset")
        left = [rule for rule in left if text != rule.text]


def read_alike(lab: Lab, family: str, chain: str, text: str) -> bool:
    """Whether nft alone reads its listing of a rule as the rule that it listed."""
    lab.load(f"flush ruleset\n{plain(family, [(chain, text)])}")
    listed = lab.listing(options=("-s",))
    return Nft(lab.path).load(f"flush ruleset\n{listed}").code == 0 and lab.listing(options=("-s",)) == listed


def refusal(lab: Lab, table: dict[str, Any]) -> EngineError | None:
    """Why check mode refuses a table, None when it does not."""
    try:
        lab.run(table, check=True)
    except EngineError as error:
        return error
    return None


def once(lab: Lab, family: str, some: list[Rule]) -> None:
    """The first run makes what nft alone makes, as check mode said; after it, and a boot, there is nothing to do."""
    desired = with_rules(family, some)
    lab.load("flush ruleset")
    lab.load(plain(family, [(rule.chain, rule.text) for rule in some]))
    alone = lab.listing("table", family, "t", options=("-s",))
    lab.load("flush ruleset")
    result = lab.predicted(desired)
    assert result.changed
    assert lines(lab.listing("table", family, "t", options=("-s",))) == lines(alone)
    saved = lab.run_dir.with_name("saved.nft")
    lab.run(desired, save=saved)
    lab.load(f"flush ruleset\n{saved.read_text()}")
    lab.forget()
    again = lab.run(desired)
    assert not again.changed, again.transaction
    assert not lab.run(table_info.written(lab.table("t", family))).changed


def spelled_otherwise(lab: Lab, family: str, some: list[Rule]) -> None:
    """In another spelling, where this nft knows it, everything is still right."""
    judge = Judge(lab, family)
    both = told_apart(lab, family, judge.accepted([Rule(rule.other, rule.text, rule.chain) for rule in some]))
    same = [Rule(rule.other, rule.text, rule.chain) for rule in both]
    assert len(same) >= 0.97 * len(some)
    lab.run(with_rules(family, same))
    respelled = lab.run(with_rules(family, same, other=True))
    assert not respelled.changed, respelled.transaction


def refused_alike(lab: Lab, family: str, refused: list[Rule]) -> None:
    """What nft rejects is refused with its place and leaves everything as it is."""
    lab.load("flush ruleset")
    for rule in refused[: times(10, 1000)]:
        with pytest.raises(EngineError) as error:
            lab.run(with_rules(family, [rule]))
        assert error.value.reason in ("rejected_by_nft", "nft_crashed", "bad_spec"), str(error.value)
        assert ".rules[0]" in error.value.where or error.value.reason == "nft_crashed", str(error.value)
        assert lab.listing() == ""


class Judge:
    """nft without the engine: which rules it takes."""

    def __init__(self, lab: Lab, family: str) -> None:
        self.nft = Nft(lab.path)
        self.family = family

    def accepted(self, some: list[Rule]) -> list[Rule]:
        """Those that nft loads; where it does not say which ones it refuses, they are tried by halves."""
        left = list(some)
        while left:
            script = plain(self.family, [(rule.chain, rule.text) for rule in left])
            try:
                outcome = self.nft.load(f"flush ruleset\n{script}")
            except EngineError:
                break
            if outcome.code == 0:
                self.nft.load("flush ruleset\n")
                return left
            start = script.count("\n") + 2 - len(left)
            bad = {line - start for line, _said in outcome.errors() if line >= start}
            if not bad:
                break
            left = [rule for number, rule in enumerate(left) if number not in bad]
        if len(left) < 2:
            return []
        half = len(left) // 2
        return self.accepted(left[:half]) + self.accepted(left[half:])


def plain(family: str, texts: list[tuple[str, str]]) -> str:
    """The table in nft's own language, one line for each rule at the end."""
    address = "ipv6_addr" if family == "ip6" else "ipv4_addr"
    head = [
        f"table {family} t {{",
        "counter hits {\n}\nquota daily {\nover 10 mbytes\n}\nlimit calm {\nrate 10/second\n}",
        f"set networks {{\ntype {address}; flags interval;\n}}",
        f"set seen {{\ntype {address}; flags dynamic,timeout; timeout 1h; size 1000;\n}}",
        "chain other {\n}",
        "map verdicts {\ntype inet_service : verdict; elements = { 22 : accept }\n}",
    ]
    for name, declared in CHAINS[family].items():
        devices = "".join(f" device {device}" for device in declared.get("devices", []))
        hook = f"type {declared['type']} hook {declared['hook']}{devices} priority {declared['priority']}"
        head.append(f"chain {name} {{\n{hook}; policy accept;\n}}")
    return "".join(
        f"{line}\n" for line in [*head, "}", *(f"add rule {family} t {chain} {text}" for chain, text in texts)]
    )


def lines(listing: str) -> list[str]:
    """A listing without the order of its blocks, and with the time zone's and counters' state left out."""
    blocks = re.split(r"\n\n", listing.strip().removesuffix("}"))
    return sorted(block.strip() for block in (blocks[0].partition("{\n")[2], *blocks[1:]))
