# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look-up costs with the host's resolver, beside plain unbound and beside dnsmasq, printed; in turn in one run.

With and without an interval set of 100,000 elements of somebody else in the same namespace. Takes a minute.
"""

from __future__ import annotations

import socket
import statistics
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import RESOLVER_ADDRESS
from ansible_collections.tidegate.nftables.tests.bench.summary import ROWS, Row
from ansible_collections.tidegate.nftables.tests.support import authority, resolver
from ansible_collections.tidegate.nftables.tests.support.authority import Authority
from ansible_collections.tidegate.nftables.tests.support.namespaces import own_namespace
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.waiting import end, wait_for

OURS, PLAIN, DNSMASQ, NFTSET = "resolver", "plain unbound", "plain dnsmasq", "dnsmasq with nftset"
ADDRESSES = {OURS: RESOLVER_ADDRESS, PLAIN: "127.0.53.2", DNSMASQ: "127.0.53.3", NFTSET: "127.0.53.4"}
TURNS, FRESH, CACHED = 10, 50, 200
NAMES = 10_000
LIMIT = 4.0
"""Times what plain unbound takes, where the name server answers at once."""
FLOOR = "an answer waits for a second process, which writes the sets, and both have to be woken"
_ALONE = (
    *("--no-daemon", "--no-resolv", "--no-hosts", "--bind-interfaces", "--user=root", "--conf-file=/dev/null"),
    *(f"--server={authority.ADDRESS}", "--cache-size=10000"),
)
_numbers = count(1)


@pytest.mark.parametrize("version", resolver.VERSIONS)
def test_look_ups(version: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(own_namespace())
        stack.enter_context(Authority().running())
        world = stack.enter_context(resolver.running(version))
        stack.enter_context(plain_unbound(version, world.paths.resolver / "unbound.conf", tmp_path))
        for name, more in ((DNSMASQ, ()), (NFTSET, ("--nftset=/example.net/4#inet#tidegate#names_api4",))):
            command = [
                str(CHECKOUT / "build/dnsmasq/2.91/dnsmasq"),
                *_ALONE,
                f"--listen-address={ADDRESSES[name]}",
                *more,
            ]
            stack.enter_context(running(name, command))
        alone = measured()
        resolver.add_huge_set(world.nft)
        beside = measured(fewer={NFTSET: 1})
    print(f"\nunbound {version}: median of a look-up in ms: fresh, cached; the same beside 100,000 intervals")
    for name in ADDRESSES:
        figures = [*alone[name], *beside[name]]
        print(f"{name:22}" + "".join(f"{figure * 1000:10.3f}" for figure in figures))
    for number, what in enumerate(("fresh", "cached")):
        ours, plain = alone[OURS][number], alone[PLAIN][number]
        named = f"look-up of a {what} name, unbound {version}"
        reached = ours <= 2 * plain
        ROWS.append(
            Row(
                named,
                f"{1000 * ours:.2f} ms",
                f"{PLAIN} {1000 * plain:.2f} ms",
                ours / plain,
                "2 times",
                reached,
                FLOOR,
            )
        )
    assert alone[OURS][0] < LIMIT * alone[PLAIN][0]
    assert alone[OURS][1] < LIMIT * alone[PLAIN][1]


@pytest.mark.parametrize("version", resolver.VERSIONS)
def test_ten_thousand_fresh_names(version: str) -> None:
    """Each is followed at once by a connection, beside all that could come between."""
    with own_namespace(), Authority().running(), resolver.listener(), resolver.running(version) as world:
        resolver.add_huge_set(world.nft)
        resolver.fill_ledger()
        with resolver.policy_changing(world.nft):
            refused = resolver.refused(world, (f"n{number}.example.net" for number in range(NAMES)))
    print(f"\nunbound {version}: {len(refused)} of {NAMES} fresh names were refused")
    assert not refused


def measured(fewer: Mapping[str, int] | None = None) -> dict[str, tuple[float, float]]:
    """Return the medians of a fresh and of a cached look-up by each program, in seconds. fewer: turns for some."""
    fresh: dict[str, list[float]] = {name: [] for name in ADDRESSES}
    cached: dict[str, list[float]] = {name: [] for name in ADDRESSES}
    for turn in range(TURNS):
        for name, address in ADDRESSES.items():
            if turn >= (fewer or {}).get(name, TURNS):
                continue
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(60)
                sock.connect((address, 53))
                number = next(_numbers)
                for each in range(FRESH if not fewer or name not in fewer else 3):
                    fresh[name].append(look_up(sock, f"n{number * 100 + each}.example.net"))
                cached[name] += [look_up(sock, f"n{number * 100}.example.net") for _again in range(CACHED)]
    return {name: (statistics.median(fresh[name]), statistics.median(cached[name])) for name in ADDRESSES}


def look_up(sock: socket.socket, name: str) -> float:
    """Return the seconds that a question takes."""
    query = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + authority.wire(name) + struct.pack("!2H", 1, 1)
    begin = time.perf_counter()
    sock.send(query)
    answer = sock.recv(4096)
    took = time.perf_counter() - begin
    assert answer[7] == 1, f"{name}: {answer!r}"
    return took


@contextmanager
def plain_unbound(version: str, ours: Path, folder: Path) -> Iterator[None]:
    """Run unbound with the configuration of the resolver and without its module."""
    text = ours.read_text().replace(RESOLVER_ADDRESS, ADDRESSES[PLAIN])
    text = text.replace('module-config: "python iterator"', 'module-config: "iterator"')
    file = folder / "plain.conf"
    file.write_text("".join(line for line in text.splitlines(keepends=True) if "python" not in line))
    command = [str(CHECKOUT / "build" / "unbound" / version / "unbound"), "-d", "-p", "-c", str(file)]
    with running(PLAIN, command):
        yield


@contextmanager
def running(name: str, command: list[str]) -> Iterator[None]:
    """Run a program until the body ends."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: listens(ADDRESSES[name]), name, process=process)
            yield
        finally:
            end(process)


def listens(address: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, 53)) == 0
