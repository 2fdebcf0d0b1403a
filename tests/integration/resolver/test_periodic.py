# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`egress_names: periodic` with real servers and real sets: as a service, and turn by turn with a clock of the test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import document, question
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.kernel import SetWriter
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.periodic import Asker
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.record import Record
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.writer import Writer
from ansible_collections.tidegate.nftables.tests.support import resolver as resolvers
from ansible_collections.tidegate.nftables.tests.support.authority import (
    ADDRESS,
    CNAME,
    NXDOMAIN,
    SERVFAIL,
    A,
    Authority,
    Reply,
    addresses,
)
from ansible_collections.tidegate.nftables.tests.support.namespaces import own_namespace
from ansible_collections.tidegate.nftables.tests.support.nft import HOST, NftCommand
from ansible_collections.tidegate.nftables.tests.support.resolver import API, DOCUMENT, TABLE, connects, listener
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

NAME, OTHER, V4, V6 = "api.example.com", "web.example.com", "50.7.0.1", "2600::7:1"
SECOND = "127.0.2.53"
PERIODIC = {**DOCUMENT, "mode": "periodic", "sets": [{**API, "names": [NAME, OTHER]}]}


@dataclass
class World:
    """Two name servers and what asks them, by a clock that only the test moves."""

    servers: tuple[Authority, Authority]
    said: list[str] = field(default_factory=list)
    now: float = 1000.0

    def asker(self, stay: int = 3720) -> Asker:
        """Return what asks. stay: seconds that addresses stay, which a policy cannot have as short as a test."""
        parsed = document.parse({**PERIODIC, "servers": [ADDRESS, SECOND]})
        record = Record(Path("/nonexistent/record.json"), self.said.append)
        return Asker(parsed, Writer(parsed, SetWriter(*parsed.table, stay), record), lambda: self.now, _ask)

    def turn(self, asker: Asker) -> None:
        """Let as much time pass as the asker waits, and have it ask."""
        self.now += asker.round()
        asker.round()


def _ask(server: str, name: str, kind: int, _seconds: float) -> question.Answer:
    """Ask as the service does, and wait longer for an answer: none of these servers is silent."""
    return question.ask(server, name, kind, 60)


@pytest.fixture
def world() -> Iterator[World]:
    """Servers, a table, and addresses that lead to a listener."""
    servers = Authority(replies={NAME: addresses(V4, V6, ttl=60)}), Authority()
    with own_namespace(), servers[0].running(), servers[1].running(SECOND), listener():
        resolvers.take_addresses()
        NftCommand(HOST).load(TABLE)
        yield World(servers)


def test_the_service_opens_names_and_leaves_the_resolver_alone() -> None:
    servers = Authority(replies={NAME: addresses(V4, V6), OTHER: Reply(rcode=SERVFAIL)})
    changes = {key: PERIODIC[key] for key in ("mode", "sets")}
    with own_namespace(), servers.running(), listener(), resolvers.running("1.17.1", **changes) as resolver:
        assert connects(V4)
        assert connects(V6)
        with pytest.raises(OSError, match="refused"):
            resolvers.code_within(NAME, 1)
        servers.replies[OTHER] = addresses("50.7.0.2")
        resolver.reload()
        wait_for(lambda: connects("50.7.0.2"), "the name that failed at first")
        assert f"{OTHER}: {ADDRESS}: answer with code {SERVFAIL}" in resolver.stop()


def test_an_answer_earlier_than_the_table_is_in_it_without_a_second_question(world: World) -> None:
    NftCommand(HOST)("delete", "table", "inet", "tidegate")
    asker = world.asker()
    asker.round()
    NftCommand(HOST).load(TABLE)

    def is_open() -> bool:
        asker.round()
        return connects(V4) and connects(V6)

    wait_for(is_open, "the addresses from before the table")
    assert world.servers[0].asked[NAME, A] == 1


STAY, LEFT = 600, 30
"""Seconds that an address stays from an answer on, and that it has left when nearly all of them have passed."""


def age(address: str, seconds: int = LEFT) -> None:
    """Let so much time pass for an open address that it has so many seconds left."""
    element = f"element inet tidegate {set_of(address)} {{ {address}"
    NftCommand(HOST).load(f"delete {element} }}\nadd {element} timeout {seconds}s }}\n")


def left(address: str) -> float:
    """Return the seconds that an address has left."""
    return resolvers.elements(set_of(address))[address]


def set_of(address: str) -> str:
    return "names_api6" if ":" in address else "names_api4"


def test_failures_keep_the_last_good_answer(world: World) -> None:
    asker = world.asker(STAY)
    world.turn(asker)
    for failure in (Reply(rcode=SERVFAIL), Reply(rcode=5)):
        for server in world.servers:
            server.replies[NAME] = failure
        for address in (V4, V6):
            age(address)
        world.turn(asker)
        assert left(V4) > LEFT
        assert left(V6) > LEFT
    assert connects(V4)
    assert connects(V6)
    assert any(f"{NAME}: {SECOND}: answer with code" in line for line in world.said)


def test_a_name_that_is_gone_ages_out_and_the_other_version_stays(world: World) -> None:
    asker = world.asker(STAY)
    world.turn(asker)
    assert connects(V4)
    world.servers[0].replies[NAME] = addresses(V6)
    age(V4, 1)
    age(V6)

    def v4_is_gone() -> bool:
        world.turn(asker)
        assert connects(V6)
        return not connects(V4)

    wait_for(v4_is_gone, "the end of the IPv4 address")
    assert left(V6) > LEFT
    world.servers[0].replies[NAME] = Reply(rcode=NXDOMAIN)
    age(V6, 1)

    def v6_is_gone() -> bool:
        world.turn(asker)
        return not connects(V6)

    wait_for(v6_is_gone, "the end of the IPv6 address")
    assert not world.servers[1].asked


def test_the_second_server_is_asked_where_the_first_is_dead(world: World) -> None:
    world.servers[1].replies[NAME] = addresses(V4)
    world.servers[0].answer = lambda _name, _kind: Reply(rcode=SERVFAIL)
    del world.servers[0].replies[NAME]
    world.asker().round()
    assert connects(V4)


def test_a_chain_counts_for_its_shortest_time(world: World) -> None:
    world.servers[0].replies[NAME] = Reply([("", CNAME, "edge.cdn.example", 3600), ("edge.cdn.example", A, V4, 45)])
    world.servers[0].replies[OTHER] = addresses("50.7.0.3", ttl=3600)
    assert world.asker().round() == 45
    assert connects(V4)


def test_answers_inside_open_nothing(world: World) -> None:
    world.servers[0].replies[NAME] = addresses("50.7.0.4", "169.254.169.254")
    world.asker().round()
    assert not connects("50.7.0.4")
    assert any("169.254.169.254 is no address that it may lead to" in line for line in world.said)
