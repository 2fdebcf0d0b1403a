# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand random flows over random policies as real packets: kernel, oracle and algebra are of one mind."""

from __future__ import annotations

import ipaddress
import json
import os
import random
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import (
    AddressSet,
    parse_address,
    to_text,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import load, nft, send, uid
from ansible_collections.tidegate.nftables.tests.integration.policy.test_packets import borders, sendable
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets import (
    test_property as random_policies,
)

pytestmark = pytest.mark.usefixtures("network")

FLOWS = int(os.environ.get("TIDEGATE_FLOWS", "10000"))
PROTOCOLS: list[str | int] = ["tcp", "udp", "tcp", "udp", "icmp", 112]
EACH = 300
"""Flows of one policy."""
USERS = ["root", "payd", "1003", "www-data"]
# What came to the hook before our table, and what came out of it, by everything that tells one flow from another. The
# message type of a ping is the same for all, so that it need not be a part of the key.
WATCH = """table inet watch {{
{sets}
  chain before {{
    type filter hook output priority -400; policy accept;
{before}
  }}
  chain after {{
    type filter hook output priority 400; policy accept;
{after}
  }}
}}
"""
PORTED = "meta l4proto { tcp, udp, sctp }"


def watch() -> str:
    """The table that keeps all flows, sent and passed."""
    sets, rules = [], {"sent": [], "passed": []}  # type: tuple[list[str], dict[str, list[str]]]
    for name, lines in rules.items():
        for family in ("ip", "ip6"):
            for ports, match in (("ports", PORTED), ("others", PORTED.replace("l4proto", "l4proto !="))):
                key = f"{family} daddr . meta l4proto{' . th dport' if ports == 'ports' else ''} . meta skuid"
                one = f"{name}_{family}_{ports}"
                sets.append(f"  set {one} {{ typeof {key}; flags dynamic; size 65535; }}")
                nfproto = "ipv4" if family == "ip" else "ipv6"
                lines.append(f'    oifname "tgout" meta nfproto {nfproto} {match} update @{one} {{ {key} }}')
    parts = {"sets": "\n".join(sets), "before": "\n".join(rules["sent"]), "after": "\n".join(rules["passed"])}
    return WATCH.format(**parts)


Seen = tuple[str, int, int, int]
"""Destination, protocol, port (0 where there is none) and uid."""
NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": 1, "ipv6-icmp": 58, "icmpv6": 58, "vrrp": 112, "esp": 50}


def listed(prefix: str) -> Counter[Seen]:
    """The flows that one of the chains saw."""
    flows: Counter[Seen] = Counter()
    for family in ("ip", "ip6"):
        for ports in ("ports", "others"):
            answer = json.loads(nft("-nn", "-j", "list", "set", "inet", "watch", f"{prefix}_{family}_{ports}"))
            items = next(item["set"].get("elem", []) for item in answer["nftables"] if "set" in item)
            for item in items:
                address, protocol, *rest = (item["elem"]["val"] if "elem" in item else item)["concat"]
                number = NUMBERS[protocol] if isinstance(protocol, str) else protocol
                port, user = (rest[0], rest[1]) if len(rest) == 2 else (0, rest[0])
                flows[str(address), number, int(port), int(user)] += 1
    return flows


def number(flow: policy.Flow) -> int:
    if flow.protocol == "icmp":
        return 58 if ":" in flow.address else 1
    return flow.protocol if isinstance(flow.protocol, int) else NUMBERS[flow.protocol]


def key(flow: policy.Flow) -> Seen:
    version, value = parse_address(flow.address)
    port = 0 if flow.protocol == "icmp" else flow.port or 0
    return to_text(version, value), number(flow), port, int(uid(flow.user or "root"))


def flows(resolved: policy.ResolvedPolicy, chosen: random.Random) -> list[policy.Flow]:
    """Random flows, most of them at a border of something in the policy, no two of which look alike."""
    grants = [grant for entry in resolved.entries for grant in entry.grants]
    named: list[AddressSet] = [grant.addresses for grant in grants] + [one.addresses for one in resolved.never]
    places = sorted({text for first_flows in [*named, resolved.dns] for text in borders(first_flows) if sendable(text)})
    places += [text for text in random_policies.ADDRESSES if sendable(text)]
    ports = {443, 53, 853, 80, 1, 65535}
    for services in [grant.services for grant in grants] + [one.services for one in resolved.never]:
        ports |= {place % 65536 + step for ends in services.line for place in ends for step in (-1, 0, 1)}
    known = sorted(port for port in ports if 0 < port < 65536)
    first_flows: dict[Seen, policy.Flow] = {}
    for _time in range(EACH * 2):
        address = chosen.choice(places) if chosen.random() < 0.8 else anywhere(chosen)
        port = chosen.choice(known) if chosen.random() < 0.8 else chosen.randint(1, 65535)
        protocol = chosen.choice(PROTOCOLS)
        flow = policy.Flow(address, protocol, port if protocol in ("tcp", "udp") else None, chosen.choice(USERS))
        if protocol == "icmp":
            flow = replace(flow, port=128 if ":" in address else 8)
        if sendable(address) and not (protocol == "tcp" and ipaddress.ip_address(address).is_multicast):
            first_flows.setdefault(key(flow), flow)
    return list(first_flows.values())[:EACH]


def anywhere(chosen: random.Random) -> str:
    if chosen.random() < 0.5:
        return to_text(4, chosen.getrandbits(32))
    return to_text(6, (0x2 << 124) | chosen.getrandbits(124))


@pytest.fixture
def directory() -> Any:
    with tempfile.TemporaryDirectory(prefix="tg-flows-") as folder:
        yield Path(folder)


def test_ten_thousand_random_flows_meet_what_the_policy_says(directory: Path) -> None:
    tried = passed = 0
    nft("-f", "-", given=watch())

    @settings(
        max_examples=max(1, FLOWS // EACH * 3 // 2),
        deadline=None,
        # A smaller policy would be nicer to read, but takes minutes to find; the flow that differs is named anyway.
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(
        st.lists(random_policies.entries, min_size=1, max_size=6),
        st.lists(random_policies.entries, max_size=4),
        st.lists(random_policies.nevers, max_size=2),
        st.integers(0, 2**64 - 1),
    )
    def prove(allow: Any, base: Any, never: Any, seed: int) -> None:
        nonlocal tried, passed
        lists = {name: random_policies.listed(name) for name in random_policies.LISTS}
        inventory = FixedInventory("app1", random_policies.GROUPS, random_policies.HOSTS, lists)
        variables = random_policies.policy_of("enforce", allow, base, never)
        resolved, _errors = random_policies.attempt(variables, inventory)
        assume(resolved is not None)
        assert resolved is not None
        # The kernel's clock is today's, and the policies end on days of their own.
        resolved = replace(resolved, entries=tuple(replace(entry, expires=None) for entry in resolved.entries))
        reader = random_policies.reader(variables)
        nft("-f", "-", given="add table inet tidegate\ndelete table inet tidegate\n")
        load(compile_table(resolved), directory)
        nft("-f", "-", given="delete table inet watch\n" + watch())
        expected = flows(resolved, random.Random(seed))
        for flow in expected:
            send(flow)
        sent, through = listed("sent"), listed("passed")
        reached = policy.passing(resolved)
        for flow in expected:
            assert key(flow) in sent, f"{flow} was never sent"
            allowed = policy.decide(resolved, flow).allowed
            assert (key(flow) in through) == allowed, f"{flow}: the kernel disagrees with the oracle"
            region = reached.at(flow.user)
            assert region.contains(number(flow), flow.port or 0, flow.address) == allowed, f"{flow}: and the algebra"
            assert reader.leaves(random_policies.seen(flow)) == allowed, f"{flow}: and the page"
            passed += allowed
        tried += len(expected)

    prove()
    assert tried >= FLOWS
    # Neither of the two answers is a rare one, or there would be little to agree about.
    assert tried / 20 < passed < tried * 19 / 20
