# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The larger example of the documentation: each host gets the table its reader expects, packets go as they should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.render import render
from ansible_collections.tidegate.nftables.tests.integration.policy import example
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import counters, load, nft, send
from ansible_collections.tidegate.nftables.tests.integration.policy.test_packets import REFUSED, WATCH, flows
from ansible_collections.tidegate.nftables.tests.support.golden import Golden

TABLES = example.EXAMPLE / "tables"
HOSTS = sorted(path.stem for path in TABLES.glob("*.nft"))
MIRROR, LOGS = "10.40.0.30 tcp/443", "10.40.0.40 tcp/6514"
METADATA, WAREHOUSE = "169.254.169.254 tcp/80", "10.43.99.1 tcp/443"
OUTSIDE = "1.1.1.1 tcp/443"
# host -> user -> (what a reader expects to leave, and what not)
EXPECTED: dict[str, dict[str, tuple[list[str], list[str]]]] = {
    "north-db1": {
        "postgres": (
            [MIRROR, LOGS, "198.51.100.7 tcp/443", "2001:db8:53::1 tcp/443", "10.42.3.11 tcp/5432"],
            [OUTSIDE, METADATA, WAREHOUSE, "198.51.100.40 tcp/443", "203.0.113.130 tcp/443", "10.41.2.11 tcp/5432"],
        ),
        "www-data": ([MIRROR, "10.42.3.11 tcp/2380"], ["198.51.100.7 tcp/443", "10.40.0.41 tcp/443"]),
        "prometheus": (["10.40.0.41 tcp/443"], []),
        "_chrony": (["1.1.1.1 udp/123", "2606:4700::1 udp/123"], ["1.1.1.1 udp/53", "10.41.1.11 udp/123"]),
        "root": (["10.40.0.10 udp/53", "224.0.0.18 112"], ["1.1.1.1 udp/123", "10.41.1.11 udp/53", METADATA]),
    },
    "build1": {
        "root": ([OUTSIDE, "1.1.1.1 tcp/9418", "2606:4700::1 tcp/22", MIRROR, LOGS], ["1.1.1.1 tcp/25", METADATA]),
        "www-data": (["1.1.1.1 tcp/80"], ["10.41.1.11 tcp/443", "fd00:ec2::254 tcp/80", WAREHOUSE]),
    },
    "relay1": {
        "postfix": (
            ["1.1.1.1 tcp/25", "10.40.1.10 tcp/636", "10.40.1.20 tcp/25", MIRROR],
            [OUTSIDE, "10.41.1.11 tcp/25"],
        ),
        "root": ([LOGS], ["1.1.1.1 tcp/25", "10.40.1.10 tcp/636"]),
    },
    "six-app1": {
        "www-data": (
            # Mirror, a courier, the region's database and a shelf, each over IPv6 or behind the translation.
            [
                "fd5c:91e2:7a00::30 tcp/443",
                "64:ff9b::c000:281 tcp/443",
                "2001:db8:9005::1 tcp/443",
                "fd5c:91e2:7a00:41::31 tcp/5432",
                "64:ff9b::a29:30b tcp/5432",
                "64:ff9b::a29:101 tcp/7405",
            ],
            # The other region's database, the warehouse, metadata and the internet in translation.
            [
                "64:ff9b::a2a:30b tcp/5432",
                "64:ff9b::a2b:6301 tcp/7405",
                "64:ff9b::a9fe:a9fe tcp/80",
                "64:ff9b::101:101 tcp/443",
                "2606:4700::1 tcp/443",
            ],
        ),
        "_chrony": (["64:ff9b::101:101 udp/123"], ["64:ff9b::a29:101 udp/123"]),
    },
}
PACKETS = [
    (host, user, text, expected)
    for host, users in EXPECTED.items()
    for user, sides in users.items()
    for expected, texts in zip((True, False), sides, strict=True)
    for text in texts
]


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, policy.ResolvedPolicy]:
    return example.read(example.EXAMPLE, tmp_path_factory.mktemp("example"))


def flow(text: str, user: str) -> policy.Flow:
    address, service = text.split()
    protocol, _slash, port = service.partition("/")
    return policy.Flow(address, int(protocol) if protocol.isdigit() else protocol, int(port) if port else None, user)


def test_every_host_has_the_table_that_is_written_beside_the_example(
    policies: dict[str, policy.ResolvedPolicy], golden: Golden
) -> None:
    assert sorted(policies) == HOSTS
    for host, resolved in policies.items():
        golden.check(TABLES / f"{host}.nft", render(compile_table(resolved)))


def test_the_policy_says_what_a_reader_expects(policies: dict[str, policy.ResolvedPolicy]) -> None:
    wrong = [
        (host, user, text)
        for host, user, text, expected in PACKETS
        if policy.decide(policies[host], flow(text, user)).allowed != expected
    ]
    assert wrong == []


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("host", list(EXPECTED))
def test_packets_go_as_a_reader_expects(host: str, policies: dict[str, policy.ResolvedPolicy], tmp_path: Path) -> None:
    # The namespace has no address of the host's own, so packets to one leave here.
    resolved = replace(policies[host], own=NOTHING)
    load(compile_table(resolved), tmp_path)
    nft("-f", "-", given=WATCH)
    # Beside what is written above, everything around the borders of what the policy names.
    tried = [(flow(text, user), expected) for at, user, text, expected in PACKETS if at == host]
    tried += [(one, policy.decide(resolved, one).allowed) for one in flows(resolved)]
    before, wrong = counters(), []
    for one, expected in tried:
        send(one)
        after = counters()
        met = {name for name, packets in after.items() if packets > before[name]}
        before = after
        got = "refused" if met & REFUSED else "sent" if "sent" in met else "never tried"
        if got != ("sent" if expected else "refused"):
            wrong.append((one, expected, got))
    assert wrong == []


def test_nobody_is_told_that_the_base_is_superfluous(policies: dict[str, policy.ResolvedPolicy]) -> None:
    kinds = {host: sorted({notice.kind for notice in resolved.notices}) for host, resolved in policies.items()}
    assert {host: said for host, said in kinds.items() if said} == {
        host: ["shared"] for host in ("cloud-app1", "north-app1", "six-app1", "south-app1")
    }
