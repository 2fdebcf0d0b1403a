# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets while policies change: nothing that both policies allow is lost, nothing that both refuse gets through."""

from __future__ import annotations

import random
import socket
import threading
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import kernel, parse
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.engine import Engine
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.tests.effort import times

from .conftest import Host

CHANGES = times(18, 170)
"""Of each nft, of which there are three, and of each kind of change, of which there are two."""

ALLOWED, REFUSED = 7000, 7001


def policy(chance: random.Random, *, remade: bool) -> dict[str, Any]:
    """Some policy that allows one port of 127.0.0.2 and refuses the other; everything beside that changes."""
    others = [f"10.{number}.0.0/16" for number in chance.sample(range(200), 20)]
    noise = [f"udp dport {number} counter accept" for number in chance.sample(range(1, 100), 3)]
    rules = [
        *noise[:1],
        f"ip daddr @allowed udp dport {ALLOWED} counter accept",
        *noise[1:],
        f"udp dport {REFUSED} counter name refused drop",
    ]
    chain = {
        "name": "c",
        "type": "filter",
        "hook": "output",
        "priority": chance.choice(("filter", "filter", "filter", "-5")),
        "policy": "drop",
        "rules": rules,
    }
    if chance.random() < 0.2:
        chain["comment"] = chance.choice("abc")
    networks: dict[str, Any] = {"name": "allowed", "type": "ipv4_addr", "flags": ["interval"]}
    if chance.random() < 0.3:
        networks["size"] = chance.choice((1000, 2000))
    own = chance.choice(("127.0.0.2", "127.0.0.0/29", "127.0.0.0/8"))
    return {
        "name": "t",
        "comment": chance.choice(("one", "two")) if remade else "one",
        "counters": [{"name": "refused"}],
        "sets": [{**networks, "elements": [*others, own]}],
        "chains": [chain],
    }


class Flow(threading.Thread):
    """Sends to a port as fast as it can until it is stopped; counts what was sent and what the kernel refused."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.sent = self.refused = 0
        self.going = True
        self.port = port

    def run(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while self.going:
                try:
                    sender.sendto(b"x", ("127.0.0.2", self.port))
                    self.sent += 1
                except PermissionError:  # what the output hook drops is told to the sender
                    self.refused += 1


@pytest.mark.parametrize("remade", [False, True], ids=["in place", "made anew"])
def test_flows_while_the_policy_changes(host: Host, remade: bool) -> None:
    chance = random.Random(host.nft.version())
    notes = RunDirectory(str(host.notes))
    Engine(host.nft, notes=notes).run(parse.tables([policy(chance, remade=remade)]))
    with _receiver(REFUSED) as closed:
        flows = [Flow(ALLOWED), Flow(REFUSED)]
        for flow in flows:
            flow.start()
        changed = 0
        try:
            for _change in range(CHANGES):
                changed += Engine(host.nft, notes=notes).run(parse.tables([policy(chance, remade=remade)])).changed
        finally:
            for flow in flows:
                flow.going = False
                flow.join()
        assert changed > CHANGES * 0.9
        allowed, refused = flows
        assert allowed.sent > 100 * changed
        # A packet that is being looked at when its set goes misses there: the kernel takes elements away at once, also
        # from rules of before. So of a flow at most the one packet under way at each change is refused.
        assert allowed.refused <= changed, f"{allowed.refused} of {allowed.sent} allowed packets were refused"
        assert refused.refused > 100 * changed
        assert refused.sent == 0, f"{refused.sent} of {refused.refused} refused packets were let through"
        closed.settimeout(0)
        with pytest.raises(BlockingIOError):
            closed.recv(1)
    if not remade:
        # Every refused packet was counted by a counter that outlived all the changes.
        assert kernel.counters("inet", "t")["refused"]["packets"] == refused.refused


def _receiver(port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.bind(("127.0.0.2", port))
    return found
