# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of others, of nft and of iptables, keep their handles and bytes, wherever a task puts a rule of its own."""

from __future__ import annotations

import random
import subprocess
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import tables as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.tests.effort import SEED, times

from .conftest import Lab

CHAIN = "DOCKER-USER"
OF_NFT = (
    "accept",
    "counter",
    "tcp dport 22 counter accept",
    'ip saddr 10.0.0.0/8 drop comment "theirs"',
    "ip daddr { 10.0.0.0/9, 10.128.0.0/9 } counter",
)
OF_IPTABLES = (
    "-p tcp --dport 22 -j ACCEPT",
    "-p tcp --dport 22 -m comment --comment words -j ACCEPT",
    "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
    "-m string --string words --algo bm -j DROP",
    "-m addrtype --dst-type LOCAL -j RETURN",
    "-m statistic --mode random --probability 0.5 -j RETURN",
    "-m mark --mark 7 -j CONNMARK --save-mark",
    "-s 10.0.0.0/8 -j REJECT",
    "-j RETURN",
)
CRASH_1_1_3 = (
    "-m limit --limit 5/min -j LOG --log-prefix seen",
    "-m recent --set --name seen",
    "-p udp -m multiport --dports 53,123 -j DROP",
)
"""nft 1.1.3 crashes when it lists these with the extensions of another release of iptables."""

OWN = (
    'ip saddr 192.0.2.0/24 counter packets 0 bytes 0 return comment "own"',
    'ip saddr 192.0.2.1 return comment "own"',
    'tcp dport 22 counter packets 0 bytes 0 accept comment "own"',
)


def iptables(*words: str) -> str:
    done = subprocess.run(["iptables-nft", "-w", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def rules(lab: Lab) -> list[netlink.Rule]:
    return netlink.table_rules("ip", lab.table_name)


def own(lab: Lab) -> list[int | None]:
    """The handles of the rules with our comment."""
    chain = lab.table(lab.table_name, "ip").chain(CHAIN)
    assert chain is not None
    return [rule.handle for rule in chain.rules if 'comment "own"' in rule.canon]


def places(rng: random.Random) -> list[dict[str, Any]]:
    """Where a rule goes, in turn."""
    kinds: tuple[dict[str, Any], ...] = (
        {"position": "first"}, {"position": "last"}, {}, {"before": "anchor"}, {"after": "anchor"},
    )  # fmt: skip
    return [rng.choice(kinds) for _turn in range(times(6, 30))]


def put_everywhere(lab: Lab, rng: random.Random) -> None:
    """Put our rule into places of the chain; no other rule changes, and the order of theirs neither."""
    before = rules(lab)
    for place in places(rng):
        arguments = {"family": "ip", "table": lab.table_name, "chain": CHAIN, "rule": rng.choice(OWN), **place}
        lab.single("rule", **arguments)
        assert not lab.single("rule", check=True, **arguments).changed
        handles = own(lab)
        assert len(handles) == 1
        assert [rule for rule in rules(lab) if rule.handle not in handles] == before
        where = [rule.handle for rule in rules(lab) if rule.chain == CHAIN]
        if place.get("position"):
            assert where[0 if place["position"] == "first" else -1] == handles[0]
    lab.single_predicted("rule", family="ip", table=lab.table_name, chain=CHAIN, comment="own", state="absent")
    assert rules(lab) == before


@pytest.mark.parametrize("seed", range(times(8, 100)))
def test_rules_of_nft_stay_as_they_are(lab: Lab, seed: int) -> None:
    rng = random.Random(f"{SEED} {seed}")
    texts = rng.choices(OF_NFT, k=rng.randrange(8))
    texts.insert(rng.randint(0, len(texts)), 'counter comment "anchor"')
    lab.load(f"table ip t {{\nchain {CHAIN} {{\n" + "\n".join(texts) + "\n}\n}")
    put_everywhere(lab, rng)


@pytest.mark.parametrize("seed", range(times(4, 50)))
def test_rules_of_iptables_stay_as_they_are_and_iptables_reads_them(lab: Lab, seed: int) -> None:
    rng = random.Random(f"{SEED} {seed}")
    lab.table_name = "filter"
    iptables("-N", CHAIN)
    iptables("-A", "FORWARD", "-j", CHAIN)
    known = OF_IPTABLES if lab.version >= (1, 1) else (*OF_IPTABLES, *CRASH_1_1_3)
    theirs = rng.sample(known, k=rng.randint(2, len(known)))
    for rule in theirs:
        iptables("-A", CHAIN, *rule.split())
    anchor = rng.randint(0, len(theirs))
    lab.load(f'add rule ip filter {CHAIN} counter comment "anchor"')
    listing = iptables("-S")
    put_everywhere(lab, rng)
    assert iptables("-S") == listing
    lab.single("rule", family="ip", table="filter", chain=CHAIN, rule=OWN[0], position="first")
    for rule in theirs[:anchor]:
        iptables("-C", CHAIN, *rule.split())
        iptables("-D", CHAIN, *rule.split())
    assert len(iptables("-S", CHAIN).splitlines()) == 1 + 2 + len(theirs[anchor:])


SHOWN = {
    'iifname "eth0" ip saddr 192.0.2.1 counter drop': "-A DOCKER-USER -s 192.0.2.1/32 -i eth0 -j DROP",
    'oifname "eth0" ip daddr != 10.0.0.0/8 accept': "-A DOCKER-USER ! -d 10.0.0.0/8 -o eth0 -j ACCEPT",
    "tcp dport 8000-8100 return": "-A DOCKER-USER -p tcp -m tcp --dport 8000:8100 -j RETURN",
    "icmp type echo-request drop": "-A DOCKER-USER -p icmp -m icmp --icmp-type 8 -j DROP",
    "meta mark 5 limit rate 5/second accept": "-A DOCKER-USER -m mark --mark 0x5 -m limit --limit 5/sec -j ACCEPT",
    "tcp dport { 22, 80 } drop": "-A DOCKER-USER -p tcp -j DROP",
    "ct state established,related accept": "",
    "ct original ip daddr 10.0.0.1 drop": "",
    'log prefix "x "': "",
    "reject": "",
    "fib daddr type local drop": "",
    "meta mark set 5": "",
}
"""A rule of nft -> how iptables 1.8.9 shows it, "" where it calls the whole chain incompatible (docs/modules.md)."""


@pytest.mark.parametrize("rule", SHOWN)
def test_what_iptables_reads_of_a_rule_is_as_the_page_has_it(lab: Lab, rule: str) -> None:
    if "1.8.9" not in iptables("--version"):
        pytest.skip("the page is about iptables 1.8.9")
    iptables("-N", CHAIN)
    lab.single("rule", family="ip", table="filter", chain=CHAIN, rule=rule)
    shown = subprocess.run(["iptables-nft", "-S", CHAIN], capture_output=True, text=True, check=False)
    if SHOWN[rule]:
        assert (shown.returncode, shown.stdout) == (0, f"-N {CHAIN}\n{SHOWN[rule]}\n")
    else:
        assert shown.returncode != 0


def test_a_chain_with_extensions_of_iptables_is_not_made_anew(lab: Lab) -> None:
    """nft lists some of them as less than they are."""
    lab.table_name = "filter"
    iptables("-N", CHAIN)
    iptables("-A", CHAIN, "-m", "string", "--string", "words", "--algo", "bm", "-j", "DROP")
    before, listing = rules(lab), iptables("-S")
    tasks: tuple[tuple[str, dict[str, Any]], ...] = (
        ("chain", {"table": "filter", "name": CHAIN}),
        ("table", {"name": "filter"}),
    )
    for kind, arguments in tasks:
        with pytest.raises(EngineError, match="rules of iptables with extensions, which nft can list but not write"):
            lab.single(kind, family="ip", comment="words", **arguments)
    assert (rules(lab), iptables("-S")) == (before, listing)
