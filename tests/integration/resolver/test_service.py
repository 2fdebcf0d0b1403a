# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resolver as a service: privileges, modes, reload, crash, restart, a table that changes. With real unbound."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.support import resolver as resolvers
from ansible_collections.tidegate.nftables.tests.support.authority import (
    CNAME,
    NXDOMAIN,
    SERVFAIL,
    A,
    Authority,
    Reply,
    addresses,
    numbered,
)
from ansible_collections.tidegate.nftables.tests.support.namespaces import own_namespace
from ansible_collections.tidegate.nftables.tests.support.resolver import (
    API,
    CORP,
    EXACT,
    TABLE,
    UID,
    VERSIONS,
    connects,
    listener,
)
from ansible_collections.tidegate.nftables.tests.support.waiting import children, descendants, is_running, wait_for

from .conftest import World

NET_BIND_SERVICE = 1 << 10
NET_ADMIN = 1 << 12


@pytest.fixture(params=VERSIONS)
def each_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world of its own for each test, with each release."""
    yield from _world(request.param)


@pytest.fixture
def own_world() -> Iterator[World]:
    """A world of its own for each test, with one release."""
    yield from _world("1.17.1")


def _world(version: str) -> Iterator[World]:
    authority = Authority(replies=dict(EXACT))
    with own_namespace(), authority.running(), listener(), resolvers.running(version) as resolver:
        yield World(resolver, authority)


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _colon, value in (line.partition(":") for line in lines)}


def main_process(world: World) -> int:
    assert world.resolver.process is not None
    return world.resolver.process.pid


def test_a_service_from_start_to_end(each_world: World) -> None:
    """One test: starting one takes seconds on a busy machine."""
    resolver, authority = each_world.resolver, each_world.authority
    unbound_can_change_no_table(each_world)
    an_answer_earlier_than_its_set_is_in_it_before_the_next_leaves(each_world)
    an_answer_earlier_than_its_set_needs_no_second_question(each_world)
    a_reload_keeps_the_port_and_loses_nothing(each_world)
    only_names_of_the_policy_resolve(each_world)
    observe_says_what_would_not_resolve(each_world)
    a_document_that_cannot_be_read_changes_nothing(each_world)
    unbound_ends_with_the_writer(each_world)
    elements_outlive_a_crash(each_world)
    assert authority.asked
    assert "unbound_module.py" not in resolver.stop()


def unbound_can_change_no_table(world: World) -> None:
    (unbound,) = descendants(main_process(world))
    fields = status(unbound)
    assert fields["Uid"].split() == [str(UID)] * 4
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(fields[kind], 16) == NET_BIND_SERVICE
    assert int(status(main_process(world))["CapEff"], 16) == NET_BIND_SERVICE | NET_ADMIN


def an_answer_earlier_than_its_set_is_in_it_before_the_next_leaves(world: World) -> None:
    """A first run starts the resolver and loads the table after that, within the second of the answers to both."""
    resolver = world.resolver
    for number in range(500, 510):
        resolver.nft("delete", "table", "inet", "tidegate")
        assert resolver.addresses(f"n{number}.example.net") == [numbered(number)[0]]
        resolver.nft.load(TABLE)
        assert resolver.addresses(f"n{number}.example.net") == [numbered(number)[0]]
        assert connects(numbered(number)[0])


def an_answer_earlier_than_its_set_needs_no_second_question(world: World) -> None:
    """Applications keep an address for hours, so they do not ask when the table comes."""
    resolver = world.resolver
    resolver.nft("delete", "table", "inet", "tidegate")
    (address,) = resolver.addresses("n510.example.net")
    resolver.nft.load(TABLE)
    wait_for(lambda: connects(address), "the address from before the table")


def a_reload_keeps_the_port_and_loses_nothing(world: World) -> None:
    refused = []
    for number in range(300):
        if number % 100 == 50:
            world.resolver.reload()
        (address,) = patient(world, f"n{number}.example.net")
        if not connects(address):
            refused.append(number)
    assert not refused


def patient(world: World, name: str) -> list[str]:
    """Ask as a client does: a question under way when unbound reloads is lost, so it is sent again."""

    def asked() -> list[str]:
        try:
            return resolvers.addresses_within(name, 1.0)
        except TimeoutError:
            return []

    return wait_for(asked, f"an answer about {name}")


def only_names_of_the_policy_resolve(world: World) -> None:
    resolver, authority = world.resolver, world.authority
    resolver.write(dns_names="only", allow=["*.allowed.example"])
    resolver.reload()
    wait_for(lambda: patient_code(world, "n1.example.org") == NXDOMAIN, "mode only")
    authority.asked.clear()
    authority.replies["x.example.net"] = Reply([("", CNAME, "n7.cdn.example", 30)])
    assert resolver.addresses("x.example.net") == [numbered(7)[0]]
    assert resolver.addresses("n8.allowed.example") == [numbered(8)[0]]
    for name in ("secret-data.tunnel.example", "allowed.example", "sub.api.example.com"):
        assert resolver.ask(name).rcode == NXDOMAIN
    assert {name for name, _kind in authority.asked} <= {
        "x.example.net",
        "n7.cdn.example",
        "n8.allowed.example",
        *EXACT,
    }


def observe_says_what_would_not_resolve(world: World) -> None:
    resolver = world.resolver
    resolver.write(dns_names="observe")
    resolver.reload()
    wait_for(lambda: patient(world, "n11.tunnel.example"), "mode observe")
    unresolved = wait_for(lambda: resolver.record().get("unresolved"), "a record")
    assert unresolved["n11.tunnel.example"] >= 1
    assert not any(name.endswith("example.net") for name in unresolved)


def patient_code(world: World, name: str) -> int | None:
    try:
        return resolvers.code_within(name, 1.0)
    except TimeoutError:
        return None


def a_document_that_cannot_be_read_changes_nothing(world: World) -> None:
    resolver = world.resolver
    resolver.paths.names.write_text("{")
    resolver.reload()
    for number in range(400, 410):
        assert patient(world, f"n{number}.example.net")
    resolver.write(dns_names="any")
    resolver.reload()


def unbound_ends_with_the_writer(world: World) -> None:
    resolver = world.resolver
    # Beside it, unbound-checkconf may still run for the last reload.
    (unbound,) = [pid for pid in children(main_process(world)) if is_unbound(pid)]
    assert resolver.process is not None
    resolver.process.send_signal(signal.SIGKILL)
    resolver.process.wait()
    wait_for(lambda: not is_running(unbound), "the end of unbound")


def is_unbound(pid: int) -> bool:
    with suppress(OSError):
        return "-d" in Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return False


def elements_outlive_a_crash(world: World) -> None:
    resolver = world.resolver
    before = set(resolver.elements())
    resolver.start()
    (address,) = resolver.addresses("n77.example.net")
    resolver.kill()
    assert {*before, address} <= set(resolver.elements())
    assert connects(address)
    resolver.start()
    assert resolver.addresses("n77.example.net") == [address]


def test_exact_names_are_open_without_a_question(own_world: World) -> None:
    """And open again after somebody emptied the sets, since applications keep an address for hours."""
    resolver, authority = own_world.resolver, own_world.authority
    authority.replies["api.example.com"] = addresses("50.0.7.9", ttl=0)
    resolver.write(floor=0)
    resolver.reload()
    wait_for(lambda: connects("50.0.7.9"), "the element of an exact name")
    resolver.nft("flush", "set", "inet", "tidegate", API["set4"])
    resolver.nft("flush", "set", "inet", "tidegate", CORP["set4"])
    wait_for(lambda: connects("50.0.7.9"), "the element once more")


def test_an_exact_name_without_an_address_is_reported_and_stops_nothing(own_world: World) -> None:
    resolver = own_world.resolver
    resolver.write(sets=[{**API, "names": ["gone.example.com", "*.example.net"]}])
    resolver.reload()
    wait_for(lambda: resolver.record().get("last", {}).get("name") == "gone.example.com", "a record of it")
    assert resolver.record()["last"]["why"] == "it has no address, so none is open"
    assert resolver.record()["problems"] == 0
    assert connects(patient(own_world, "n9.example.net")[0])


def test_a_silent_upstream_closes_nothing_that_is_open(own_world: World) -> None:
    resolver, authority = own_world.resolver, own_world.authority
    # Cached for longer than a busy machine takes.
    authority.replies["n5.example.net"] = addresses(numbered(5)[0], ttl=3600)
    (address,) = resolver.addresses("n5.example.net")
    del authority.replies["n5.example.net"]
    authority.answer = lambda _name, _kind: Reply(rcode=SERVFAIL)
    assert resolver.ask("n6.example.net").rcode == SERVFAIL
    assert resolver.addresses("n5.example.net") == [address]
    assert connects(address)
    assert authority.asked["n6.example.net", A]


def test_names_below_zones_that_unbound_has_are_asked_for(own_world: World) -> None:
    resolver = own_world.resolver
    resolver.write(sets=[{**API, "names": ["*.corp.test", "*.example.net"]}])
    resolver.reload()
    wait_for(lambda: patient(own_world, "n3.corp.test"), "the new name")
    assert connects(numbered(3)[0])
    assert resolver.ask("n4.other.test").rcode == NXDOMAIN
