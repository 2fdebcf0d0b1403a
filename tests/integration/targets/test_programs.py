# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid and dnsmasq themselves decide by what is rendered for them, and it is what the policy says."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds, policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, registry, render_units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.integration.targets.programs import OTHER_HOST, PROGRAMS
from ansible_collections.tidegate.nftables.tests.support import dnsmasq, name_table
from ansible_collections.tidegate.nftables.tests.support.namespaces import own_namespace
from ansible_collections.tidegate.nftables.tests.support.squid import VERSIONS, Squid
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import INVENTORY, build, entry
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.evaluators import (
    lets_through_what_the_policy_does,
    opening_everything_is_caught,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.random_units import (
    EXAMPLES,
    SOURCE,
    policies,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.test_names import LISTS, NAME
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.test_property import (
    ADDRESSES,
    policy_of,
)

# The edges of what Squid reads otherwise than written: halves of IPv4, around ::ffff:0:0/96, the first and the last.
WIDE = ("0.0.0.0/0", "::/0", "::/1", "128.0.0.0/1", "::/80", "8000::/1")
EDGES = ("0.0.0.0", "127.255.255.255", "128.0.0.0", "255.255.255.255", "::", "::1", "::fffe:ffff:ffff", "::1:0:0:0")
requests = st.lists(
    st.builds(
        policy.Flow,
        st.sampled_from([*ADDRESSES, *EDGES]),
        st.just("tcp"),
        st.sampled_from([52, 53, 60, 80, 88, 90, 443, 853, 65535]),
    ),
    min_size=8,
    max_size=24,
    unique=True,
)


@pytest.fixture(autouse=True, scope="module")
def namespace() -> Iterator[None]:
    """Run in a network namespace without routes, in which the unit's host and another one have their addresses."""
    with own_namespace():
        for address in (SOURCE, OTHER_HOST):
            subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
        yield


@pytest.mark.parametrize("program", PROGRAMS, ids="-".join)
@settings(max_examples=25, deadline=None)
@given(data=st.data(), variables=policies, flows=requests)
def test_programs_let_through_what_the_policy_does(
    program: tuple[str, str], data: st.DataObject, variables: Any, flows: list[policy.Flow]
) -> None:
    evaluator = PROGRAMS[program]
    approximate = data.draw(st.sampled_from(evaluator.approximations))
    lets_through_what_the_policy_does(registry.TARGETS[program[0]], evaluator, variables, approximate, flows)


@pytest.mark.parametrize("network", WIDE)
@pytest.mark.parametrize("version", VERSIONS)
def test_squid_reads_a_wide_network_as_it_is_written(version: str, network: str) -> None:
    variables = policy_of("enforce", [{"to": [network], "services": ["https"]}], [], [])
    flows = [policy.Flow(address, "tcp", 443) for address in (*ADDRESSES, *EDGES)]
    lets_through_what_the_policy_does(registry.TARGETS["squid"], PROGRAMS["squid", version], variables, "", flows)


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("program", PROGRAMS, ids="-".join)
def test_policies_that_were_wrong_once(program: tuple[str, str], example: tuple[Any, str, list[policy.Flow]]) -> None:
    variables, approximate, flows = example
    if approximate in PROGRAMS[program].approximations:
        target = registry.TARGETS[program[0]]
        lets_through_what_the_policy_does(target, PROGRAMS[program], variables, approximate, flows)


@pytest.mark.parametrize("program", PROGRAMS, ids="-".join)
def test_a_program_that_opens_everything_is_caught(program: tuple[str, str]) -> None:
    opening_everything_is_caught(registry.TARGETS[program[0]], PROGRAMS[program])


def rendered(target: str, unit: str = "app", **changes: Any) -> str:
    variables = {"egress_approximate": {"dnsmasq": "wider", "squid": "narrower"}, "egress_unit": unit}
    data = host_contribution.contribution(build(**changes), registry.target(target), variables, addresses.parse(SOURCE))
    (built,) = render_units.render_units([data])
    return str(built.text)


LOOPBACK = ("127.255.255.255", "::1")
NAMES = {
    f"a{number}.example": address for number, address in enumerate((*ADDRESSES, *EDGES)) if address not in LOOPBACK
}
"""A name for each address that is tried; egress_never is not about a host's own loopback."""
nevers = st.lists(
    st.fixed_dictionaries(
        {"to": st.lists(st.sampled_from(["internet", "internal", "cloud-metadata", *WIDE, *ADDRESSES]), min_size=1)},
        optional={"services": st.just(["https"])},
    ),
    max_size=3,
)


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=25, deadline=None)
@given(never=nevers)
def test_squid_opens_exactly_the_names_but_for_what_never_closes(version: str, never: list[Any]) -> None:
    """Never counts for a name, too: by its address."""
    written = entry(to=list(NAMES), services=["https"])
    closed = build(egress_never=never)
    with tempfile.TemporaryDirectory() as folder:
        squid = Squid(version, Path(folder))
        text = rendered("squid", egress_allow_app=[written], egress_never=never)
        assert squid.complaints(text) == []
        below = {f"x.{name}": address for name, address in NAMES.items()}
        with squid.running(text, {**NAMES, **below}) as answers:
            for name, address in NAMES.items():
                opened = policy.decide(closed, policy.Flow(address, "tcp", 443)).cause != "never"
                assert answers(SOURCE, name, 443) is opened, (name, address)
                assert answers(SOURCE, name, 80) is False
                assert answers(SOURCE, f"x.{name}", 443) is False
                assert answers(SOURCE, address, 443) is False


@pytest.mark.parametrize("version", VERSIONS)
def test_squid_opens_the_names_that_patterns_mean(version: str, tmp_path: Path) -> None:
    """Each pattern for a unit's port of its own, and all of them together, of which some include others."""
    ports = {written: 9000 + number for number, written in enumerate(name_table.NAMES)}
    entries = [entry(name=f"e{port}", to=[to], services=[f"tcp/{port}"]) for to, port in ports.items()]
    text = rendered("squid", egress_allow_app=[*entries, entry(to=list(ports), services=["https"])])
    squid = Squid(version, tmp_path)
    assert squid.complaints(text) == []
    asked = name_table.asked()
    with squid.running(text, dict.fromkeys(asked, "198.51.100.7")) as answers:
        for written, port in ports.items():
            assert {name for name in asked if answers(SOURCE, name, port)} == name_table.NAMES[written], written
        assert {name for name in asked if answers(SOURCE, name, 443)} == set().union(*name_table.NAMES.values())


@pytest.mark.parametrize("version", VERSIONS)
def test_squid_reads_the_longest_names_and_lines(version: str, tmp_path: Path) -> None:
    ports = [f"tcp/{port}" for port in range(10001, 19999, 2)]
    many = [{"to": [f"203.0.113.{number}"]} for number in range(1, 121)]
    entries = [entry(to=[NAME], services=ports), entry(name="by-address", to=["198.51.100.7"], services=ports)]
    text = rendered("squid", "u" * 41, egress_allow_app=entries, egress_never=many)
    squid = Squid(version, tmp_path)
    assert squid.complaints(text) == []
    with squid.running(text, {NAME: "203.0.113.200"}) as answers:
        for to in (NAME, "198.51.100.7"):
            opened = [port for port in (10001, 10002, 14999, 15000, 19997) if answers(SOURCE, to, port)]
            assert opened == [10001, 14999, 19997]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("good", "bad"),
    [("tidegate_app_1_to tidegate", "tidegate_app_9_to tidegate"), ("http_access deny", "http_acess deny")],
)
def test_squid_complains_about_a_damaged_file(version: str, tmp_path: Path, good: str, bad: str) -> None:
    text = rendered("squid", egress_allow_app=[entry(to=["203.0.113.0/24"])])
    assert good in text
    assert Squid(version, tmp_path).complaints(text.replace(good, bad))


names = st.lists(
    st.sampled_from(["a.example", "b.example", "x.a.example", "y.x.a.example", "a.test"]), unique=True, max_size=3
)


@pytest.mark.parametrize("version", dnsmasq.VERSIONS)
@settings(max_examples=15, deadline=None)
@given(fed=st.fixed_dictionaries({"one": names, "two": names}), asked=names)
def test_dnsmasq_fills_the_sets_of_the_names(version: str, fed: dict[str, list[str]], asked: list[str]) -> None:
    """A name fills the set of every list that has the name, or one above it: of those, the longest counts."""
    lists = {name: feeds.PrefixListResult(name, external=True, names=tuple(domains)) for name, domains in fed.items()}
    entries = [entry(name=name, to=[f"prefix_list:{name}"]) for name in lists]
    changes: dict[str, Any] = {**LISTS, "egress_prefix_lists": {name: {} for name in lists}}
    resolved_in = {"inventory": replace(INVENTORY, lists=lists), "egress_allow_app": entries, **changes}
    sets = [each for each in compile_table(build(**resolved_in))["sets"] if each["name"].startswith("external_")]
    with tempfile.TemporaryDirectory() as folder:
        program = dnsmasq.Dnsmasq(version, Path(folder))
        text = rendered("dnsmasq", **resolved_in)
        assert program.complaints(text) == ""
        filled = program.filled(text, sets, asked, ["198.51.100.7", "2001:db8::7"])
    all_names = {name for domains in fed.values() for name in domains}
    longest = [
        max((name for name in all_names if f".{each}".endswith(f".{name}")), key=len, default="") for each in asked
    ]
    for name, domains in fed.items():
        expected = bool(set(longest) & set(domains))
        assert filled[f"external_{name}4"] == (["198.51.100.7"] if expected else [])
        assert filled[f"external_{name}6"] == (["2001:db8::7"] if expected else [])
