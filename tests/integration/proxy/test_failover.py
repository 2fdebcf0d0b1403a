# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two proxies, one of which dies: the programs of a client go on, since the name that they have leads to both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import proxy_files
from ansible_collections.tidegate.nftables.tests.support import proxy
from ansible_collections.tidegate.nftables.tests.support.namespaces import own_namespace
from ansible_collections.tidegate.nftables.tests.support.proxy import PORT, PROXY, Proxy
from ansible_collections.tidegate.nftables.tests.support.waiting import end, wait_for

from .conftest import policy_of
from .test_programs import COMMANDS, program, publish

SECOND = "10.0.0.10"
NAME = "api.pay.example"
WITH_HOSTS = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"')


def curl(world: Proxy, host: str) -> list[str]:
    return ["curl", "--silent", "--show-error", "--fail", "--cacert", str(world.certificate), f"https://{host}/"]


PROGRAMS: Mapping[str, Callable[[Proxy, str], list[str]]] = {**COMMANDS, "curl": curl}


@dataclass
class Pair:
    """Two proxies with the same clients. hosts: what a client has as /etc/hosts; url: what its programs have."""

    proxies: tuple[Proxy, Proxy]
    hosts: Path
    url: str

    def need_all(self) -> None:
        """Have each program fetch through the proxies."""
        world = self.proxies[0]
        for command in PROGRAMS.values():
            done = program(world, [*WITH_HOSTS, str(self.hosts), *command(world, NAME)], self.url)
            assert done.returncode == 0, done.stdout + done.stderr

    def requests(self) -> list[int]:
        """Return how many requests each proxy has had."""
        return [len(each.log()) for each in self.proxies]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two proxies, and the files of a client that has both as the guard writes them."""
    resolved = policy_of(egress_proxies=[PROXY, SECOND])
    # On one machine a program comes from where it goes to.
    clients = [proxy.client(f"app{number}", resolved, own) for number, own in enumerate((PROXY, SECOND), 1)]
    (tmp_path / "etc/apt").mkdir(parents=True)
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n")
    document = {"configured": ["apt"], "addresses": [PROXY, SECOND], "port": PORT, "direct": []}
    texts = {path.name: text for path, text in proxy_files.texts(Paths(str(tmp_path)), document).items()}
    (tmp_path / "etc/hosts").write_text(texts["hosts"])
    url = texts["90tidegate-proxy"].partition('Proxy "')[2].partition('"')[0]
    with (
        own_namespace(),
        proxy.world("6.13", clients, address=PROXY) as first,
        proxy.another(first, clients, SECOND) as second,
    ):
        publish(first)
        yield Pair((first, second), tmp_path / "etc/hosts", url)


def test_each_program_goes_on_when_one_of_two_proxies_dies(pair: Pair) -> None:
    pair.need_all()
    # A request may be in the log only after its answer.
    wait_for(lambda: max(pair.requests()) >= len(PROGRAMS), "the log of one proxy", instead=pair.requests)
    # Which one a program asks first is the order in which the C library sorts addresses.
    asked = pair.requests().index(max(pair.requests()))
    process = pair.proxies[asked].process
    assert process is not None
    end(process)
    before = pair.requests()
    pair.need_all()
    more = before[1 - asked] + len(PROGRAMS)
    wait_for(lambda: pair.requests()[1 - asked] >= more, "the log of the other proxy", instead=pair.requests)
    assert pair.requests()[asked] == before[asked]
