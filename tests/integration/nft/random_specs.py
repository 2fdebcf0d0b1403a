# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random table specs: small, varied, always valid."""

from __future__ import annotations

import random
from typing import Any

ADDRESSES = ["10.0.0.0/8", "10.1.2.3", "192.0.2.0/25", "192.0.2.128/25", "198.51.100.1-198.51.100.9", "203.0.113.7"]
SINGLES = ["10.1.2.3", "192.0.2.1", "192.0.2.2", "203.0.113.7", "198.51.100.250"]
PORTS = ["1-10", "11-20", "22", "80", "400-500", "600"]
ADDRESSES6 = ["2001:DB8::/48", "2001:db8:1::1", "fd00::1-fd00::9", "fe80::/10"]


def table(rng: random.Random) -> dict[str, Any]:
    """Return a random spec of table inet t."""
    sets = [item for item in SETS if rng.random() < 0.6]
    chains = [f"c{number}" for number in range(4) if rng.random() < 0.7]
    objects = [name for name in ("k1", "k2") if rng.random() < 0.7]
    spec: dict[str, Any] = {
        "name": "t",
        "counters": [{"name": name} for name in objects],
        "quotas": [{"name": "q", "quota": f"over {rng.choice((1, 5))} mbytes"}] if rng.random() < 0.5 else [],
        "limits": [{"name": "l", "limit": f"rate {rng.choice((1, 5))}/second"}] if rng.random() < 0.5 else [],
        "sets": [_set(rng, name) for name in sets],
        "maps": [_map(rng, chains)] if rng.random() < 0.6 else [],
    }
    if rng.random() < 0.3:
        spec["comment"] = rng.choice(("one", "two"))
    if rng.random() < 0.15:
        spec["flags"] = ["dormant"]
    if rng.random() < 0.4:
        spec["others"] = [{"kind": "ct helper", "name": "h", "text": f'type "ftp" protocol tcp; l3proto ip{family}'}
                          for family in (rng.choice(("", "6")),)]  # fmt: skip
    rules = _rules(spec, chains)
    spec["chains"] = [_chain(rng, name, rules, leaf=name in ("c2", "c3")) for name in chains]
    return spec


def _chain(rng: random.Random, name: str, rules: list[str], *, leaf: bool) -> dict[str, Any]:
    # Chains that are jumped to jump no further, so there is no loop.
    usable = [rule for rule in rules if not leaf or ("jump" not in rule and "vmap" not in rule)]
    chain: dict[str, Any] = {"name": name, "rules": [rng.choice(usable) for _time in range(rng.randint(0, 9))]}
    if not leaf and rng.random() < 0.8:
        chain.update(type="filter", hook=rng.choice(("input", "output")), priority=rng.choice(("filter", "-5")))
        chain["policy"] = rng.choice(("accept", "drop"))
    if rng.random() < 0.2:
        chain["comment"] = rng.choice(("first", "second"))
    return chain


SETS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "hash4": ({"type": "ipv4_addr"}, SINGLES),
    "tree4": ({"type": "ipv4_addr", "flags": ["interval"]}, ADDRESSES[2:]),
    "merged4": ({"type": "ipv4_addr", "flags": ["interval"], "auto_merge": True}, ADDRESSES),
    "tree6": ({"type": "ipv6_addr", "flags": ["interval"]}, ADDRESSES6),
    "ports": ({"type": "inet_service", "flags": ["interval"]}, PORTS),
    "merged": ({"type": "inet_service", "flags": ["interval"], "auto_merge": True}, [*PORTS, "5-15"]),
    "pairs": ({"type": "ipv4_addr . inet_service"}, ["10.0.0.1 . 80", "10.0.0.1 . https", "10.0.0.2 . 443"]),
    "wide": (
        {"type": "ipv4_addr . inet_service", "flags": ["interval"]},
        ["10.0.0.0/8 . 80", "192.0.2.0/24 . 1-100", "198.51.100.1 . 443", "10.0.0.0/8 . 443"],
    ),
    "names": ({"type": "ifname"}, ["eth0", "wg0", "lo"]),
    "metered": ({"type": "ipv4_addr", "statements": "counter quota over 500 bytes"}, SINGLES),
}


def _set(rng: random.Random, name: str) -> dict[str, Any]:
    declared, pool = SETS[name]
    spec: dict[str, Any] = {"name": name, **declared}
    if rng.random() < 0.25:
        spec["size"] = rng.choice((100, 200))
    if rng.random() < 0.25:
        spec["comment"] = rng.choice(("a set", "the set"))
    if rng.random() < 0.8:
        chosen = rng.sample(pool, rng.randint(0, len(pool)))
        spec["elements"] = [_element(rng, text, declared) for text in chosen]
    return spec


def _element(rng: random.Random, text: str, declared: dict[str, Any]) -> Any:
    if rng.random() < 0.2 and not declared.get("auto_merge"):
        return {"value": text, "comment": rng.choice(("here", "there"))}
    return text


def _map(rng: random.Random, chains: list[str]) -> dict[str, Any]:
    verdicts = ["accept", "drop", *(f"jump {name}" for name in chains if name in ("c2", "c3"))]
    ports = rng.sample(["22", "80", "443", "8080"], rng.randint(0, 4))
    elements: list[Any] = [f"{port} : {rng.choice(verdicts)}" for port in ports]
    return {"name": "m", "type": "inet_service : verdict", "elements": elements}


def _rules(spec: dict[str, Any], chains: list[str]) -> list[str]:
    rules = [
        "accept",
        "counter",
        "tcp dport { 443, 80 } counter accept",
        "ct state related,established accept",
        'udp dport 53 counter drop comment "dns"',
        "ip saddr 10.1.2.3/8 drop",
        "limit rate 5/second accept",
        "tcp dport 22 ct state new counter accept",
        "meta l4proto tcp reject with tcp reset",
    ]
    rules += [f"jump {name}" for name in chains if name in ("c2", "c3")]
    rules += [f"counter name {item['name']}" for item in spec["counters"]]
    rules += ["quota name q drop" for _found in spec["quotas"]] + ["limit name l accept" for _found in spec["limits"]]
    uses = {
        "hash4": "ip daddr @hash4 counter accept",
        "tree4": "ip daddr @tree4 counter accept",
        "merged4": "ip saddr @merged4 counter drop",
        "tree6": "ip6 daddr @tree6 counter accept",
        "ports": "tcp dport @ports counter",
        "merged": "udp dport @merged counter",
        "pairs": "ip daddr . tcp dport @pairs counter",
        "wide": "ip daddr . tcp dport @wide counter",
        "names": "oifname @names accept",
        "metered": "ip daddr @metered drop",
    }
    rules += [uses[item["name"]] for item in spec["sets"]]
    rules += ['tcp dport 21 ct helper set "h"' for _found in spec.get("others", [])]
    rules += ["tcp dport vmap @m" for _found in spec["maps"]]
    return rules
