# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real packets against the compiled tables: the kernel lets through exactly what the oracle says."""

from __future__ import annotations

import datetime as dt
import ipaddress
import random
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import (
    NOTHING,
    AddressSet,
    to_text,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import Case, FixedInventory, cases
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import (
    UIDS,
    counters,
    elements,
    load,
    nft,
    send,
)
from ansible_collections.tidegate.nftables.tests.support.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.usefixtures("network")

# Their entries hold until a day that may be over on this machine's clock.
DATED = ("expiry", "inbound")
ENFORCED = [case for case in cases() if case.resolved().mode == "enforce" and str(case) not in DATED]
DISPATCHED = ("addresses", "app-enforce", "order", "prefix-lists", "service-shapes")
PORTS: list[tuple[str | int, int | None]] = [
    ("tcp", 22),
    ("tcp", 53),
    ("tcp", 80),
    ("tcp", 443),
    ("tcp", 5432),
    ("tcp", 8005),
    ("tcp", 8443),
]
PORTS += [("udp", 53), ("udp", 88), ("udp", 123), ("udp", 443), ("udp", 4505), ("udp", 5353)]
OTHERS: list[tuple[str | int, int | None]] = [("icmp", 8), (50, None), (112, None)]
REFUSED = {"denied", "chatter", "quiet"}
# Sees every packet before our table does, so that one that was never sent is not taken for one that was let out.
WATCH = """table inet watch {
  counter sent { }
  chain everything {
    type filter hook output priority -400;
    oifname != "lo" counter name "sent"
  }
}
"""
VARIABLES: dict[str, Any] = {
    "egress_mode": "enforce",
    "egress_tier": "app",
    "egress_internal_networks": ["10.0.0.0/8", "fd12:3456:789a::/48"],
}


def borders(reached: AddressSet) -> Iterator[str]:
    """The first and last address of each interval, and those beside it."""
    for version in (4, 6):
        for start, end in reached.family(version):
            for value in (start - 1, start, end, end + 1):
                if 0 <= value < 2 ** (32 if version == 4 else 128):
                    yield to_text(version, value)


def sendable(address: str) -> bool:
    """Can a program send there over a route? Not to this host, a whole network or another interface's link."""
    one = ipaddress.ip_address(address)
    if isinstance(one, ipaddress.IPv6Address) and one.ipv4_mapped is not None:
        return False  # the kernel sends it as IPv4
    special = one.is_loopback or one.is_unspecified or one.is_link_local or address == "255.255.255.255"
    narrow = one.version == 6 and (one.is_multicast or int(one) < 2**32)
    return not special and not narrow and (one.version == 6 or 2**24 <= int(one) < 0xF0000000)


def spoken(allowed: ServiceSet) -> Iterator[tuple[str | int, int | None]]:
    """The borders of each service's ports and what is beside them, of protocols that can be sent without a peer."""
    for number, ports in allowed.protocols().items():
        if number in (50, 112):
            yield number, None
        elif number in (1, 58):
            yield "icmp", 8
        elif number in (6, 17):
            for port in sorted({port for start, end in ports for port in (start - 1, start, end, end + 1)}):
                if 0 < port < 65536:
                    yield ("tcp" if number == 6 else "udp"), port


def around(entry: policy.ResolvedEntry) -> Iterator[policy.Flow]:
    """Flows on both sides of every border of an entry."""
    for grant in entry.grants:
        for address in filter(sendable, borders(grant.addresses)):
            for protocol, port in spoken(grant.services):
                for user in {*(entry.users or ("root",)), "www-data"}:
                    yield policy.Flow(address, protocol, port, user)


def flows(resolved: policy.ResolvedPolicy) -> list[policy.Flow]:
    """Flows around everything that the policy names, and some that it does not."""
    chosen = random.Random(20261120)
    closed = [one.addresses for one in resolved.never] + [grant.addresses for grant in resolved.quiet]
    named = {address for reached in [*closed, resolved.dns, resolved.ntp] for address in borders(reached)}
    addresses = sorted({"192.0.2.1", "1.1.1.1", "2606:4700::1", *filter(sendable, named)})
    chosen_flows = [
        policy.Flow(
            chosen.choice(addresses), *chosen.choice(PORTS + OTHERS), chosen.choice(["root", "payd", "postfix"])
        )
        for _time in range(30)
    ]
    for entry in resolved.entries:
        candidates = sorted(around(entry), key=str)
        chosen_flows += chosen.sample(candidates, min(len(candidates), 80 // len(resolved.entries)))
    return [
        _right(flow)
        for flow in chosen_flows
        if flow.protocol != "tcp" or not ipaddress.ip_address(flow.address).is_multicast
    ]


def _right(flow: policy.Flow) -> policy.Flow:
    """The echo request of the flow's family."""
    return replace(flow, port=128) if flow.protocol == "icmp" and ":" in flow.address else flow


@pytest.mark.parametrize("case", ENFORCED, ids=str)
def test_the_kernel_agrees_with_the_oracle(case: Case, tmp_path: Path) -> None:
    agree(case.resolved(), case.spec(), tmp_path)


@pytest.mark.parametrize("case", [case for case in ENFORCED if str(case) in DISPATCHED], ids=str)
def test_the_kernel_agrees_where_entries_are_found_by_address(case: Case, tmp_path: Path) -> None:
    resolved = case.resolved()
    agree(resolved, compile_table(resolved, in_a_row=0), tmp_path)


def agree(resolved: policy.ResolvedPolicy, spec: dict[str, Any], tmp_path: Path) -> None:
    """Each flow around the policy's borders goes as the oracle says."""
    # The namespace has no address of the host's own, so packets to one leave here.
    resolved = replace(resolved, own=NOTHING)
    load(spec, tmp_path)
    nft("-f", "-", given=WATCH)
    wrong, allowed = [], 0
    before = counters()
    for flow in flows(resolved):
        send(flow)
        after = counters()
        met = {name for name, packets in after.items() if packets > before[name]}
        before = after
        expected = "sent" if policy.decide(resolved, flow).allowed else "refused"
        allowed += expected == "sent"
        got = "refused" if met & REFUSED else "sent" if "sent" in met else "never tried"
        if expected != got:
            wrong.append((flow, expected, got))
    assert wrong == []
    # Where something is open, something open was tried.
    assert allowed or not resolved.entries


def built(**changes: Any) -> policy.ResolvedPolicy:
    return policy.build({**VARIABLES, **changes}, FixedInventory(), today=dt.datetime.now(dt.UTC).date())


def test_the_ledger_says_who_tried_what(tmp_path: Path) -> None:
    load(compile_table(built(egress_floor_without=["memberships"])), tmp_path)
    send(policy.Flow("192.0.2.1", "tcp", 443, "payd"))
    send(policy.Flow("192.0.2.1", "tcp", 443, "payd"))
    send(policy.Flow("2001:db8::1", "udp", 53, "www-data"))
    send(policy.Flow("192.0.2.1", "icmp", 8, "root"))
    send(policy.Flow("2001:db8::1", 112, None, "root"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        # The kernel itself now announces a membership: a packet without a socket.
        group = socket.inet_aton("239.1.2.3") + socket.inet_aton("198.18.0.1")
        one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        wait_for(lambda: elements("denied_nosocket_proto4"), "a packet without a socket")
    assert concatenated("denied4") == [["192.0.2.1", 6, 443, UIDS["payd"]]]
    assert concatenated("denied6") == [["2001:db8::1", 17, 53, UIDS["www-data"]]]
    assert concatenated("denied_proto4") == [["192.0.2.1", 1, 0]]
    assert concatenated("denied_proto6") == [["2001:db8::1", 112, 0]]
    assert ["224.0.0.22", 2] in concatenated("denied_nosocket_proto4")
    assert counters()["ledger_full"] == 0


def concatenated(name: str) -> list[list[Any]]:
    """The keys of a ledger set, protocols as numbers whatever nft calls them."""
    numbers = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "vrrp": 112}
    return [
        [numbers.get(part, part) if isinstance(part, str) else part for part in e["concat"]] for e in elements(name)
    ]


def test_a_full_ledger_refuses_all_the_same_and_counts_what_it_left_out(tmp_path: Path) -> None:
    spec = compile_table(built())
    for one in spec["sets"]:
        if one["name"] == "denied4":
            one["size"] = 4
    load(spec, tmp_path)
    for port in range(1, 11):
        send(policy.Flow("192.0.2.1", "udp", port, "payd"))
    assert len(elements("denied4")) == 4
    assert elements("denied_nosocket4") == []
    assert (counters()["denied"], counters()["ledger_full"]) == (10, 6)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, pytest.raises(PermissionError):
        one.sendto(b"x", ("192.0.2.1", 99))


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_refused_connections_fail_at_once(address: str, tmp_path: Path) -> None:
    load(compile_table(built()), tmp_path)
    for _time in range(400):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, 443), timeout=PATIENCE).close()
    # One packet each: a connection that waits sends its first packet again after a second.
    assert counters()["denied"] == 400


def test_observe_refuses_nothing_and_counts_the_same(tmp_path: Path) -> None:
    resolved = replace(built(), mode="observe")
    load(compile_table(resolved), tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("192.0.2.1", 99))
        one.send(b"x")
        one.send(b"x")
    send(policy.Flow("192.0.2.1", "tcp", 443, "payd"))
    # One each: the second datagram is of a new flow, since nothing answered the first.
    assert counters()["would_deny"] == 3
    assert len(elements("would_deny4")) == 2


def test_an_entry_closes_on_the_host_after_its_last_day(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    # Its last day is still on when the test ends, also just before midnight.
    today = (now + dt.timedelta(hours=1)).date()
    dated = {"to": ["192.0.2.1"], "services": ["https"]}
    resolved = built(egress_allow_x=[{"name": "today", "expires": today, **dated}])
    load(compile_table(resolved), tmp_path)
    send(policy.Flow("192.0.2.1", "tcp", 443))
    assert counters()["denied"] == 0
    yesterday = tuple(replace(entry, expires=now.date() - dt.timedelta(days=1)) for entry in resolved.entries)
    spec = compile_table(replace(resolved, entries=yesterday))
    spec["name"] = "tidegate_later"
    load(spec, tmp_path)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("192.0.2.1", 443), timeout=PATIENCE).close()


def test_loopback_stays_open_whatever_is_refused(tmp_path: Path) -> None:
    load(compile_table(built(egress_never=[{"to": "any"}])), tmp_path)
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "198.18.0.1")):
        with socket.socket(family) as server:
            server.bind((address, 0))
            server.listen()
            socket.create_connection(server.getsockname()[:2], timeout=PATIENCE).close()
