# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets at full rate while the policy changes: none of an allowed flow lost, none of a refused flow let through."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.engine import Engine
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.tests.effort import times

from .conftest import Host
from .flow import ADDRESS, Flow

CHANGES = times(15, 200)
"""Of each kind, of which there are six; in the long variant that makes over a thousand with each nft."""

ALLOWED, REFUSED = 7000, 7001
WITHIN = (f"{ADDRESS}/32", "127.0.0.0/29", "127.0.0.0/8")

Policy = Callable[[random.Random, int, Path], dict[str, Any]]


def some_networks(chance: random.Random, *more: str) -> list[str]:
    return [*(f"10.{number}.0.0/16" for number in chance.sample(range(200), 20)), *more]


def table(chance: random.Random, sets: list[dict[str, Any]], **chain: Any) -> dict[str, Any]:
    """A table that allows ALLOWED to what is in any of some sets; around that the rules change every time."""
    noise = [f"udp dport {number} counter accept" for number in chance.sample(range(1, 100), 3)]
    allowing = [f"ip daddr @{nft_set['name']} udp dport {ALLOWED} counter accept" for nft_set in sets]
    rules = [noise[0], *allowing, *noise[1:], f"udp dport {REFUSED} counter name refused drop"]
    hooked = {"name": "c", "type": "filter", "hook": "output", "priority": "filter", "policy": "drop"}
    return {
        "name": "t",
        "counters": [{"name": "refused"}],
        "sets": [{"type": "ipv4_addr", "flags": ["interval"], **nft_set} for nft_set in sets],
        "chains": [{**hooked, "rules": rules, **chain}],
    }


def other_rules_and_elements(chance: random.Random, number: int, folder: Path) -> dict[str, Any]:
    own = chance.choice(WITHIN)
    return table(chance, [{"name": "allowed", "elements": some_networks(chance, own)}])


def only_elements(chance: random.Random, number: int, folder: Path) -> dict[str, Any]:
    """The same rules every time, so that netlink may make the change."""
    elements = some_networks(chance, chance.choice(WITHIN))
    return table(random.Random(1), [{"name": "allowed", "elements": elements}])


def from_set_to_set(chance: random.Random, number: int, folder: Path) -> dict[str, Any]:
    """The address moves there and back, every other time together with other rules."""
    homes = ([WITHIN[0]], []) if number % 2 else ([], [WITHIN[0]])
    sets = [
        {"name": name, "elements": [*(f"10.{at // 200}.{at % 200}.0/24" for at in range(1000)), *own]}
        for name, own in zip("ab", homes, strict=True)
    ]
    return table(random.Random(number // 2), sets)


def other_names(chance: random.Random, number: int, folder: Path) -> dict[str, Any]:
    """The set has another name every time, and the rule refers to that."""
    return table(chance, [{"name": f"allowed{number}", "elements": some_networks(chance, WITHIN[0])}])


def other_names_and_files(chance: random.Random, number: int, folder: Path) -> dict[str, Any]:
    """The same with elements from a file, enough of them that to fill the set takes the kernel a while."""
    file = folder / f"elements.{number % 2}"
    file.write_text("".join(f"10.{at // 256}.{at % 256}.{number % 256}\n" for at in range(3000)) + f"{ADDRESS}\n")
    return table(chance, [{"name": f"allowed{number}", "elements_file": str(file)}])


@pytest.mark.parametrize("policy", [other_rules_and_elements, only_elements, other_names, other_names_and_files])
def test_no_packet_notices_a_change(host: Host, policy: Policy) -> None:
    allowed, refused = changed_under_packets(host, policy)
    assert allowed.refused == 0, f"{allowed.refused} of {allowed.sent} allowed packets were refused"
    # Every refused packet was counted by a counter that outlived all the changes.
    assert nf_tables.counters("inet", "t")["refused"]["packets"] == refused.refused


def test_no_packet_misses_an_address_that_moves(host: Host) -> None:
    """But for one that is just between the rules of both sets when it moves to the earlier: one in a thousand moves."""
    allowed, _refused = changed_under_packets(host, from_set_to_set)
    assert allowed.refused <= 1 + CHANGES // 100, f"{allowed.refused} of {allowed.sent} allowed packets were refused"


def made_anew(chance: random.Random, number: int, folder: Path) -> dict[str, Any]:
    """What cannot be changed where it is is another every time: the set's size, the chain's priority, all there is."""
    size = {"size": 1000 + number} if number % 3 == 0 else {}
    sets = [{"name": "allowed", **size, "elements": some_networks(chance, WITHIN[0])}]
    priority = "-5" if number % 3 == 1 else "filter"
    return {**table(chance, sets, priority=priority), "comment": str(number // 3)}


def test_what_is_made_anew_lets_nothing_through(host: Host) -> None:
    """And costs an allowed flow what it costs with nft alone: the microseconds from rules to elements, of many changes.

    Of how many packets these are the load of the machine decides; one in a hundred is a hundred times what was seen.
    """
    allowed, _refused = changed_under_packets(host, made_anew)
    assert allowed.refused * 100 <= allowed.sent, f"{allowed.refused} of {allowed.sent} allowed packets were refused"


def changed_under_packets(host: Host, policy: Policy) -> tuple[Flow, Flow]:
    """Change a policy CHANGES times while two flows are under way; return the one allowed and the one refused."""
    chance = random.Random(f"{policy.__name__} {host.nft.version()}")
    state = RunDirectory(str(host.run_dir))
    engine = Engine(host.nft, state=state)
    engine.run(parse.tables([policy(chance, 0, host.folder)]))
    with receiver() as closed:
        changed = 0
        with Flow(ALLOWED) as allowed, Flow(REFUSED) as refused:
            for number in range(1, CHANGES + 1):
                changed += engine.run(parse.tables([policy(chance, number, host.folder)])).changed
        assert changed > CHANGES * 0.9
        assert allowed.sent > 100 * changed
        assert refused.refused > 100 * changed
        assert refused.sent == 0, f"{refused.sent} of {refused.refused} refused packets were let through"
        closed.settimeout(0)
        with pytest.raises(BlockingIOError):
            closed.recv(1)
    return allowed, refused


def receiver() -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind((ADDRESS, REFUSED))
    return listening
