# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `tidegate why` says of a connection is what the policy says, for every golden policy and every nft."""

from __future__ import annotations

import ipaddress
import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import evaluate
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.explain import Explanation, why
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.tests.golden.cases import Case, cases, readable
from ansible_collections.tidegate.nftables.tests.golden.render import render

from .conftest import BINARIES

NOW = 1_795_000_000.0
"""2026-11-18: between the days on which the golden policies' entries end."""
UIDS = {"root": 0, "www-data": 33}
PORTS = (22, 53, 123, 443, 5353, 5432)
PLAIN = ("1.1.1.1", "10.1.2.3", "127.0.0.1", "169.254.169.254", "224.0.0.251", "2600::1", "::1", "ff02::fb")
PRESENT = [case for case in cases() if case.spec().get("state") != "absent"]


def uid(user: str) -> int:
    """A number for every user: the real ones of every system, made up ones for the others."""
    if user.isdigit():
        return int(user)
    return UIDS.get(user, 20000 + sum(user.encode()))


def addresses(resolved: policy.ResolvedPolicy) -> list[str]:
    """Addresses at and just beyond the edges of what the policy names."""
    named = [grant.addresses for entry in resolved.entries for grant in entry.grants]
    named += [never.addresses for never in resolved.never] + [resolved.dns, resolved.ntp]
    edges: set[str] = set(PLAIN)
    for addresses_of in named:
        for version, kind in ((4, ipaddress.IPv4Address), (6, ipaddress.IPv6Address)):
            top = 2 ** (32 if version == 4 else 128) - 1
            for first, last in list(addresses_of.family(version))[:2]:
                edges |= {str(kind(value)) for value in (first - 1, first, last, last + 1) if 0 < value < top}
    return sorted(edges)


def flows(resolved: policy.ResolvedPolicy) -> Iterator[tuple[policy.Flow, evaluate.Packet]]:
    users = sorted({"root", "www-data", *(user for entry in resolved.entries for user in entry.users or ())})
    for text in addresses(resolved):
        address = ipaddress.ip_address(text)
        for protocol in ("tcp", "udp"):
            for port in PORTS:
                for user in users:
                    local = address.is_loopback or text in resolved.own
                    yield (
                        policy.Flow(text, protocol, port, user),
                        evaluate.Packet(address, protocol, port, uid(user), NOW, local),
                    )


def disagreement(resolved: policy.ResolvedPolicy, flow: policy.Flow, answer: Explanation) -> str:
    """What the two say differently, "" when they agree."""
    expected = policy.decide(resolved, flow)
    if answer.doubts:
        return f"{flow}: not evaluated {answer.doubts}"
    rejected = answer.verdict != "accept" or answer.only_observed
    if rejected != expected.rejected:
        return f"{flow}: {answer}, expected {expected}"
    if expected.cause == "entry" and answer.rule != expected.entry:
        return f"{flow}: decided by {answer.rule}, expected {expected.entry}"
    return ""


@pytest.mark.parametrize("binary", BINARIES.values(), ids=BINARIES)
def test_every_golden_policy_is_read_as_it_was_meant(binary: Path, tmp_path: Path) -> None:
    # What differs from release to release is how rules are listed: every sixth flow passes all of them.
    every = 1 if binary == BINARIES["1.0.6"] else 6
    compared = 0
    for case in readable(PRESENT, binary):
        objects = loaded(case, binary, tmp_path)
        resolved = case.resolved()
        for flow, packet in itertools.islice(flows(resolved), 0, None, every):
            problem = disagreement(resolved, flow, why(objects, packet))
            assert not problem, f"{case}: {problem}"
            compared += 1
    assert compared > 5_000 // every


def loaded(case: Case, binary: Path, tmp_path: Path) -> list[evaluate.Json]:
    """The objects of a case's table as this nft lists them."""
    file = tmp_path / "table.nft"
    file.write_text(render(case.spec(), uid=lambda user: str(uid(user))), encoding="utf-8")
    subprocess.run([str(binary), "-f", str(file)], check=True)
    done = subprocess.run([str(binary), "-j", "list", "table", "inet", "tidegate"], capture_output=True, check=True)
    subprocess.run([str(binary), "delete", "table", "inet", "tidegate"], check=True)
    objects: list[evaluate.Json] = json.loads(done.stdout)["nftables"]
    return objects
