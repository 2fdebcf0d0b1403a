# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that the real programs wrote, and the entries that are drafted from them: what they open and nothing more."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.adopt import page
from ansible_collections.tidegate.nftables.plugins.plugin_utils.adopt.draft import UNBOUND, Draft, draft
from ansible_collections.tidegate.nftables.plugins.plugin_utils.adopt.firewall import firewall
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build

SAMPLES = Path(__file__).parent / "samples"


def iptables(text: str, family: str = "ip", *tables: str) -> dict[str, Any]:
    return {"kind": "iptables", "where": "iptables", "family": family, "text": text, "tables": list(tables)}


def sample(name: str) -> dict[str, Any]:
    return iptables((SAMPLES / name).read_text(), "ip" if name.endswith("v4") else "ip6")


def nft(*objects: dict[str, Any], family: str = "inet") -> dict[str, Any]:
    return {"kind": "nft", "where": f"table {family} t", "family": family, "name": "t", "objects": list(objects)}


def drafted(*live: dict[str, Any], stored: tuple[dict[str, Any], ...] = ()) -> Draft:
    return draft(firewall({"live": live, "stored": stored, "unread": []}).tables)


def entries(result: Draft) -> list[tuple[Any, ...]]:
    """Each entry as (to, except, services, users)."""
    return [
        (entry["to"], entry.get("except", []), entry["services"], entry.get("users", [])) for entry in result.entries
    ]


def simple(*rules: str, policy_: str = "DROP", chains: tuple[str, ...] = ()) -> Draft:
    """The draft of one filter table of iptables."""
    head = ["*filter", f":OUTPUT {policy_} [0:0]", *(f":{chain} - [0:0]" for chain in chains)]
    return drafted(iptables("\n".join([*head, *rules, "COMMIT", ""])))


def passes(result: Draft, address: str, service: str, user: str | None = None) -> bool:
    """Whether a policy of the drafted entries lets a flow out."""
    resolved = build(**{**UNBOUND, "egress_mode": "enforce", "egress_allow_adopted": list(result.entries)})
    protocol, _slash, port = service.partition("/")
    flow = policy.Flow(address, protocol, int(port), user)
    return policy.decide(resolved, flow).allowed


def test_iptables() -> None:
    result = drafted(sample("iptables-1.8.9.v4"), sample("iptables-1.8.9.v6"))
    assert entries(result) == [
        (["203.0.113.0/24"], ["203.0.113.13"], ["http", "https"], []),
        (["0.0.0.0/0"], ["203.0.113.13"], ["http", "https"], ["42"]),
        (["10.10.0.10"], [], ["udp/53"], []),
        (["10.10.5.0/24"], [], ["tcp/5432-5433"], []),
        (["192.0.2.10-192.0.2.20"], [], ["ssh"], []),
        (["0.0.0.0/0"], ["10.0.0.0/8"], ["proto/47"], []),
        (["2001:db8::/48"], [], ["http", "https"], []),
        (["::/0"], [], ["icmp"], []),
    ]
    assert result.entries[0]["name"] == "payments"
    assert [why for _entry, why in result.held] == [
        "the rule asks for interface eth0",
        "the rule asks for --limit 5/sec",
    ]
    assert any("icmp as a whole" in sentence and "--icmp-type 8" in sentence for sentence in result.sentences)


UFW: list[tuple[Any, ...]] = [
    (["10.10.0.10"], [], ["udp/53"], []),
    (["203.0.113.0/24"], [], ["https"], []),
    (["0.0.0.0/0"], [], ["ssh"], []),
    (["::/0"], [], ["ssh"], []),
    (["2001:db8::/48"], [], ["tcp/8000-8100"], []),
]


def test_ufw_as_it_runs() -> None:
    result = drafted(sample("ufw-0.36.2.v4"), sample("ufw-0.36.2.v6"))
    assert entries(result) == UFW
    assert len(result.unknown) == 1
    assert "--hitcount 6" in result.unknown[0]


def test_ufw_before_it_is_switched_on() -> None:
    rules = [
        {
            "kind": "ufw",
            "where": name,
            "family": family,
            "policy": "DROP",
            "text": (SAMPLES / f"ufw-0.36.2-{name}").read_text(),
        }
        for family, name in (("ip", "user.rules"), ("ip6", "user6.rules"))
    ]
    assert entries(drafted(stored=tuple(rules))) == UFW


def test_firewalld_rejects_what_its_direct_rule_accepts_and_so_does_the_draft() -> None:
    objects = json.loads((SAMPLES / "firewalld-1.3.3.json").read_text())["nftables"]
    result = drafted(nft(*objects), sample("firewalld-1.3.3-direct.v4"))
    assert [entry["services"] for entry in result.entries] == [["tcp/53"], ["udp/53"], ["https"], ["https-alt"]]
    assert passes(result, "203.0.113.9", "tcp/443")
    assert passes(result, "192.0.2.53", "udp/53")
    # firewalld rejects 6to4 addresses of networks that are not global.
    assert not passes(result, "2002:a00:1::1", "udp/53")
    assert not passes(result, "198.51.100.7", "tcp/25")


def test_firewalld_direct_rules_in_a_file() -> None:
    text = (SAMPLES / "firewalld-1.3.3-direct.xml").read_text()
    result = drafted(stored=({"kind": "direct", "where": "direct.xml", "text": text},))
    assert entries(result) == [(["198.51.100.7"], [], ["smtp"], [])]
    assert [sentence for sentence in result.sentences if "passes, because of" in sentence]


@pytest.mark.parametrize(
    ("rules", "address", "service", "passing"),
    [
        # the first rule that decides does
        (["-A OUTPUT -d 192.0.2.1 -j DROP", "-A OUTPUT -d 192.0.2.0/24 -j ACCEPT"], "192.0.2.1", "tcp/80", False),
        (["-A OUTPUT -d 192.0.2.0/24 -j ACCEPT", "-A OUTPUT -d 192.0.2.1 -j DROP"], "192.0.2.1", "tcp/80", True),
        # what is rejected under a condition that is not modelled counts as rejected
        (["-A OUTPUT -m mark --mark 1 -j DROP", "-A OUTPUT -d 192.0.2.0/24 -j ACCEPT"], "192.0.2.1", "tcp/80", False),
        (
            ["-A OUTPUT -d 192.0.2.9 -m owner --uid-owner 5 -j DROP", "-A OUTPUT -d 192.0.2.0/24 -j ACCEPT"],
            "192.0.2.9",
            "tcp/80",
            False,
        ),
        # what it accepts counts as not accepted
        (["-A OUTPUT -d 192.0.2.0/24 -m mark --mark 1 -j ACCEPT"], "192.0.2.1", "tcp/80", False),
        (["-A OUTPUT -d 192.0.2.0/24 -o eth0 -j ACCEPT"], "192.0.2.1", "tcp/80", False),
        (["-A OUTPUT -d 192.0.2.0/24 ! -o lo -j ACCEPT"], "192.0.2.1", "tcp/80", True),
        (["-A OUTPUT -o lo -j ACCEPT"], "192.0.2.1", "tcp/80", False),
        (["-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"], "192.0.2.1", "tcp/80", False),
        (["-A OUTPUT -m conntrack --ctstate NEW -d 192.0.2.0/24 -j ACCEPT"], "192.0.2.1", "tcp/80", True),
        (["-A OUTPUT ! -d 192.0.2.0/24 -p tcp -m tcp --dport 80 -j ACCEPT"], "192.0.2.1", "tcp/80", False),
        (["-A OUTPUT -p tcp -m tcp ! --dport 80 -j ACCEPT"], "192.0.2.1", "tcp/80", False),
        (["-A OUTPUT -p tcp -m tcp ! --dport 80 -j ACCEPT"], "192.0.2.1", "tcp/81", True),
        (["-A OUTPUT -d 192.0.2.0/24 -j LOG", "-A OUTPUT -d 192.0.2.0/24 -j ACCEPT"], "192.0.2.1", "tcp/80", True),
        # an unknown target counts as a rejection
        (["-A OUTPUT -d 192.0.2.0/24 -j NEWTARGET", "-A OUTPUT -j ACCEPT"], "192.0.2.1", "tcp/80", False),
        (["-A OUTPUT -d names.example -j ACCEPT"], "192.0.2.1", "tcp/80", False),
        (['-A OUTPUT -d 192.0.2.0/24 -m comment --comment "x', "-A OUTPUT -j ACCEPT"], "192.0.2.1", "tcp/80", False),
    ],
)
def test_one_rule_or_two(rules: list[str], address: str, service: str, passing: bool) -> None:
    assert passes(simple(*rules), address, service) == passing


WEB = ("-A WEB -d 192.0.2.1 -j RETURN", "-A WEB -d 192.0.2.0/24 -j ACCEPT", "-A WEB -d 198.51.100.0/24 -j DROP")


@pytest.mark.parametrize(
    ("jump", "address", "passing"),
    [
        ("-j WEB", "192.0.2.2", True),
        ("-j WEB", "192.0.2.1", True),  # comes back, and the last rule accepts it
        ("-j WEB", "198.51.100.1", False),
        ("-g WEB", "192.0.2.2", True),
        ("-g WEB", "192.0.2.1", False),  # comes back to nobody but the policy
        ("-m mark --mark 1 -j WEB", "192.0.2.2", True),  # marked or not, it is accepted
        ("-m mark --mark 1 -j WEB", "198.51.100.1", False),
        ("-m mark --mark 1 -g WEB", "192.0.2.1", False),
    ],
)
def test_chains_below_chains(jump: str, address: str, passing: bool) -> None:
    result = simple(f"-A OUTPUT {jump}", *WEB, "-A OUTPUT -p tcp -j ACCEPT", chains=("WEB",))
    assert passes(result, address, "tcp/80") == passing


def test_rules_that_accept_everything_are_named_and_not_drafted() -> None:
    result = simple("-A OUTPUT -d 192.0.2.1/32 -p tcp -m tcp --dport 80 -j ACCEPT", policy_="ACCEPT")
    assert [
        sentence
        for sentence in result.sentences
        if "everything over IPv4 passes" in sentence and "policy accept" in sentence
    ]
    assert [sentence for sentence in result.sentences if "everything over IPv6 passes" in sentence]
    assert entries(result) == [(["192.0.2.1"], [], ["http"], [])]


def test_an_accepting_rule_in_the_middle_is_named() -> None:
    result = simple("-A OUTPUT -p tcp -m tcp --dport 80 -j ACCEPT", "-A OUTPUT -j ACCEPT")
    assert [sentence for sentence in result.sentences if "IPv4" in sentence and "-A OUTPUT -j ACCEPT" in sentence]


@pytest.mark.parametrize(
    ("own", "unread", "sentence"),
    [
        (False, [], "no rule filters what this host sends: it reaches everything"),
        (False, ["x"], "no rule that can be read filters what this host sends"),
        (True, [], "no rule beside the role's own table inet tidegate filters what this host sends"),
        (
            True,
            ["x"],
            "no rule that can be read beside the role's own table inet tidegate filters what this host sends",
        ),
    ],
)
def test_a_host_without_rules_of_others_reaches_everything_only_where_that_is_known(
    own: bool, unread: list[str], sentence: str
) -> None:
    loaded = firewall({"live": [], "stored": [], "unread": unread, "own": own})
    assert draft(loaded.tables, unread, own=loaded.own).sentences == (sentence,)


@pytest.mark.parametrize(
    "report",
    [
        nft(5),  # type: ignore[arg-type]
        {**nft(), "objects": 7},
        {**nft({"chain": {"name": "out", "type": "filter", "hook": "output", "policy": "drop"}}), "family": "bridge"},
        {"kind": "nft"},
        {"kind": "pf", "where": "pf.conf"},
        {**iptables("*filter\n:OUTPUT DROP [0:0]\n"), "family": 4},
        "iptables",
    ],
)
def test_rules_that_cannot_be_read_are_named_and_are_no_proof_of_anything(report: Any) -> None:
    result = drafted(report)
    assert not result.entries
    assert len(result.unknown) == 1
    assert not [sentence for sentence in result.sentences if "everything" in sentence]


FILTER_RULES = "*filter\n:OUTPUT DROP [0:0]\n-A OUTPUT -d 192.0.2.1/32 -j ACCEPT\nCOMMIT\n"
MANGLE_RULES = "*mangle\n:OUTPUT DROP [0:0]\nCOMMIT\n"
NAT_RULES = "*nat\n:OUTPUT DROP [0:0]\n-A OUTPUT -d 192.0.2.2/32 -j ACCEPT\nCOMMIT\n"


def test_only_tables_that_can_reject_count_and_of_them_those_that_are_named() -> None:
    text = FILTER_RULES + NAT_RULES
    for names in ((), ("filter",), ("filter", "nat")):
        assert passes(drafted(iptables(text, "ip", *names)), "192.0.2.1", "tcp/80"), names
    assert not passes(drafted(iptables(text, "ip", "nat")), "192.0.2.2", "tcp/80")
    both = FILTER_RULES + MANGLE_RULES
    assert not passes(drafted(iptables(both)), "192.0.2.1", "tcp/80")
    # iptables-nft lists tables that nft lists as well: those are not read twice.
    assert passes(drafted(iptables(both, "ip", "filter")), "192.0.2.1", "tcp/80")


# nft: (statements of a rule, set and map objects, flow, passes)
DADDR = {"payload": {"protocol": "ip", "field": "daddr"}}
DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
NET = {"prefix": {"addr": "192.0.2.0", "len": 24}}


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


@pytest.mark.parametrize(
    ("statements", "address", "service", "passing"),
    [
        ([match(DADDR, NET), {"accept": None}], "192.0.2.1", "tcp/80", True),
        ([match(DADDR, {"set": ["198.51.100.1", NET]}), {"accept": None}], "192.0.2.1", "tcp/80", True),
        ([match(DADDR, NET, "!="), {"accept": None}], "192.0.2.1", "tcp/80", False),
        ([match(DADDR, NET, "!="), {"accept": None}], "2001:db8::1", "tcp/80", False),
        ([match(DADDR, {"range": ["192.0.2.5", "192.0.2.7"]}), {"accept": None}], "192.0.2.8", "tcp/80", False),
        ([match(DADDR, "@fixed"), {"accept": None}], "192.0.2.1", "tcp/80", True),
        ([match(DADDR, "@fed"), {"accept": None}], "192.0.2.1", "tcp/80", False),
        ([match(DADDR, "@unknown"), {"accept": None}], "192.0.2.1", "tcp/80", False),
        (
            [match({"concat": [DADDR, DPORT]}, {"set": [{"concat": ["192.0.2.1", 80]}]}), {"accept": None}],
            "192.0.2.1",
            "tcp/80",
            True,
        ),
        (
            [match({"concat": [DADDR, DPORT]}, {"set": [{"concat": ["192.0.2.1", 80]}]}), {"accept": None}],
            "192.0.2.1",
            "tcp/81",
            False,
        ),
        (
            [{"vmap": {"key": DPORT, "data": {"set": [[80, {"accept": None}], [81, {"drop": None}]]}}}],
            "192.0.2.1",
            "tcp/80",
            True,
        ),
        (
            [{"vmap": {"key": DPORT, "data": {"set": [[80, {"accept": None}], [81, {"drop": None}]]}}}],
            "192.0.2.1",
            "tcp/81",
            False,
        ),
        ([{"vmap": {"key": DPORT, "data": "@ports"}}], "192.0.2.1", "tcp/443", True),
        (
            [
                match(DADDR, NET),
                {
                    "vmap": {
                        "key": {"ct": {"key": "state"}},
                        "data": {"set": [["established", {"drop": None}], ["new", {"accept": None}]]},
                    }
                },
            ],
            "192.0.2.1",
            "tcp/80",
            True,
        ),
        ([match({"ct": {"key": "state"}}, ["established", "related"], "in"), {"accept": None}], "::9", "tcp/1", False),
        ([match({"meta": {"key": "l4proto"}}, "tcp"), {"accept": None}], "2001:db8::1", "tcp/9", True),
        ([match({"meta": {"key": "l4proto"}}, "tcp"), {"accept": None}], "2001:db8::1", "udp/9", False),
        ([match({"meta": {"key": "mark"}}, 1), {"accept": None}], "192.0.2.1", "tcp/80", False),
        ([{"limit": {"rate": 1, "per": "second"}}, {"accept": None}], "192.0.2.1", "tcp/80", False),
        ([{"xt": None}, {"accept": None}], "192.0.2.1", "tcp/80", False),
        ([{"quota": {"val": 5, "val_unit": "mbytes"}}, {"accept": None}], "192.0.2.1", "tcp/80", False),
        ([{"vmap": {"key": DPORT, "data": "@gone"}}], "192.0.2.1", "tcp/443", False),
        ([match(DADDR, NET), {"counter": {"packets": 1, "bytes": 1}}, {"queue": None}], "192.0.2.1", "tcp/80", False),
    ],
)
def test_nft_statements(statements: list[Any], address: str, service: str, passing: bool) -> None:
    result = drafted(
        nft(
            {"set": {"name": "fixed", "elem": [NET]}},
            {"set": {"name": "fed", "flags": ["dynamic", "timeout"], "elem": ["192.0.2.1"]}},
            {"map": {"name": "ports", "elem": [[443, {"accept": None}]]}},
            {"chain": {"name": "out", "type": "filter", "hook": "output", "prio": 0, "policy": "drop"}},
            {"rule": {"chain": "out", "handle": 1, "expr": statements}},
        )
    )
    assert passes(result, address, service) == passing


@pytest.mark.parametrize(
    ("first", "passing"), [([{"xt": None}], False), ([{"limit": {"rate": 1, "per": "second"}}], True), (["x"], False)]
)
def test_a_statement_that_may_reject_rejects_what_later_rules_accept(first: list[Any], passing: bool) -> None:
    result = drafted(
        nft(
            {"chain": {"name": "out", "type": "filter", "hook": "output", "prio": 0, "policy": "drop"}},
            {"rule": {"chain": "out", "expr": first}},
            {"rule": {"chain": "out", "expr": [match(DADDR, NET), {"accept": None}]}},
        )
    )
    assert passes(result, "192.0.2.1", "tcp/80") == passing


def test_users() -> None:
    objects: list[dict[str, Any]] = [
        {"chain": {"name": "out", "type": "filter", "hook": "output", "prio": 0, "policy": "drop"}},
        {"rule": {"chain": "out", "expr": [match({"meta": {"key": "skuid"}}, 33), match(DPORT, 80), {"accept": None}]}},
    ]
    result = drafted(nft(*objects))
    assert passes(result, "192.0.2.1", "tcp/80", "33")
    assert not passes(result, "192.0.2.1", "tcp/80", "34")


def test_the_page_is_yaml_whose_comments_have_the_rest() -> None:
    result = drafted(sample("iptables-1.8.9.v4"), sample("iptables-1.8.9.v6"))
    text = page.text(result, "app1", "adopted", ["iptables"], live=True)
    assert yaml.safe_load(text) == {"egress_allow_adopted": list(result.entries)}
    assert "  # Held back: the rule asks for interface eth0.\n  # - name: smtp-198-51-100-7\n" in text
    assert yaml.safe_load(page.text(drafted(), "app1", "x", [], live=True)) == {"egress_allow_x": []}


def test_no_answer_of_a_host_becomes_live_yaml() -> None:
    evil = "x\negress_mode: absent\n\x1b[31m"
    report = {**iptables(FILTER_RULES), "where": evil}
    doubtful = f"-A OUTPUT -d 192.0.2.9/32 -m {evil} -j ACCEPT".replace("\n", "\r")
    result = drafted(report, iptables(f"*filter\n:OUTPUT DROP [0:0]\n{doubtful}\n-A OUTPUT -p tcp -j ACCEPT\n"))
    result = replace(result, unknown=(evil,), sentences=(evil,), held=((result.entries[0], evil),))
    text = page.text(result, "app1", "adopted", [evil], live=True)
    assert list(yaml.safe_load(text)) == ["egress_allow_adopted"]
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if line.startswith("egress_mode")]
