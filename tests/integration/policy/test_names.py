# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of names in the kernel, whoever fills them: what they open, what bounds them, and that no run touches them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Flow
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.compare import own_differences
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.difference import UNKNOWN
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import (
    BINARIES,
    TABLE,
    counters,
    elements,
    nft,
    send,
    uid,
)
from ansible_collections.tidegate.nftables.tests.integration.policy.live_rulesets import held
from ansible_collections.tidegate.nftables.tests.integration.policy.test_applied import run
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

pytestmark = pytest.mark.usefixtures("network")
RELEASES = pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
NEWEST = BINARIES[-1]
API: dict[str, Any] = {"name": "api", "to": ["api.example.com", "*.example.net"], "services": ["https"]}
INSIDE: dict[str, Any] = {"name": "db", "to": ["db.corp.example"], "within": ["10.0.0.0/8"], "services": ["https"]}


def resolved(*entries: dict[str, Any], **changes: Any) -> policy.ResolvedPolicy:
    variables = {
        "egress_mode": "enforce",
        "egress_tier": "app",
        "egress_internal_networks": ["10.0.0.0/8"],
        "egress_dns_servers": ["10.0.0.53"],
        "egress_names": "resolver",
        "egress_never": [{"to": ["9.9.9.9", "10.66.0.0/16"]}],
        "egress_allow_app": list(entries),
        **changes,
    }
    return policy.build(variables, FixedInventory())


def compiled(table: policy.ResolvedPolicy) -> dict[str, Any]:
    """Return its table with a number for the user whom the guard makes on a host: the engine finds users by name."""
    spec = compile_table(table)
    for rule in (rule for chain in spec["chains"] for rule in chain["rules"] if isinstance(rule, dict)):
        rule["users"] = [uid(user) for user in rule["users"]]
    return spec


def answered(name: str, *addresses: str, binary: Path = NEWEST, timeout: str = "1h") -> None:
    """What a resolver does with an answer, or somebody who owns it."""
    written = ", ".join(f"{address} timeout {timeout}" for address in addresses)
    nft("add", "element", *TABLE.split(), name, f"{{ {written} }}", binary=binary)


def passes(address: str, port: int = 443, user: str = "www-data", protocol: str = "tcp", binary: Path = NEWEST) -> bool:
    before = counters(binary)["denied"]
    send(Flow(address, protocol, port, user))
    return counters(binary)["denied"] == before


def expires(name: str, binary: Path) -> dict[str, int]:
    """The seconds that each element of a set still has."""
    listing = json.loads(nft("-j", "list", "set", *TABLE.split(), name, binary=binary))["nftables"]
    elements = next(item["set"]["elem"] for item in listing if "set" in item)
    return {element["elem"]["val"]: element["elem"]["expires"] for element in elements}


@RELEASES
def test_what_is_answered_is_open_and_no_run_takes_it_away(binary: Path, tmp_path: Path) -> None:
    assert run(compiled(resolved(API, INSIDE)), binary, tmp_path)
    assert not passes("1.1.1.1", binary=binary)
    answered("names_api4", "1.1.1.1", binary=binary)
    answered("names_api6", "2606:4700::1", binary=binary)
    answered("names_db4", "10.1.2.3", binary=binary)
    assert passes("1.1.1.1", binary=binary)
    assert passes("2606:4700::1", binary=binary)
    assert passes("10.1.2.3", binary=binary)
    assert not passes("1.1.1.1", 80, binary=binary)
    assert not run(compiled(resolved(API, INSIDE)), binary, tmp_path)
    # Another name, another keep, another floor, an entry more: rules change, and the answers stay.
    more = {**API, "to": [*API["to"], "203.0.113.7", "b.example.com"], "services": ["https", "tcp/8443"], "keep": "ttl"}
    assert run(compiled(resolved(more, INSIDE, egress_names_floor="2h")), binary, tmp_path)
    assert elements("names_api4", binary) == ["1.1.1.1"]
    assert elements("names_api6", binary) == ["2606:4700::1"]
    assert elements("names_db4", binary) == ["10.1.2.3"]
    assert passes("1.1.1.1", 8443, binary=binary)


@RELEASES
def test_whatever_is_in_a_set_opens_no_more_than_its_bound(binary: Path, tmp_path: Path) -> None:
    poison = ["10.1.2.3", "127.0.0.9", "169.254.169.254", "168.63.129.16", "100.100.100.200", "203.0.113.7", "9.9.9.9"]
    poison6 = ["fd00::1", "64:ff9b::a01:203", "2002:a01:203::1", "fe80::1", "2001:db8::1"]
    table = resolved(API, INSIDE)
    run(compiled(table), binary, tmp_path)
    answered("names_api4", *poison, "1.1.1.1", binary=binary)
    answered("names_api6", *poison6, "2606:4700::1", binary=binary)
    answered("names_db4", "1.1.1.2", "10.66.0.1", "10.1.2.4", binary=binary)
    open_addresses = ("1.1.1.1", "2606:4700::1", "10.1.2.4")
    for address in [*poison, *poison6, "1.1.1.2", "10.66.0.1", *open_addresses]:
        if address not in ("127.0.0.9", "fe80::1"):  # those never leave by an interface
            assert passes(address, binary=binary) == (address in open_addresses), address
    # So verify needs not to know who wrote what: more than the policy may open cannot be open.
    assert own_differences(table, held(binary)) == []


@RELEASES
def test_a_rule_that_forgets_the_bound_is_never_proven_equal(binary: Path, tmp_path: Path) -> None:
    table = resolved(API)
    run(compiled(table), binary, tmp_path)
    answered("names_api4", "1.1.1.1", binary=binary)
    rule = "insert rule inet tidegate egress_allow tcp dport 443 ip daddr @names_api4 accept"
    nft(*rule.split(), binary=binary)
    assert {difference.kind for difference in own_differences(table, held(binary))} == {UNKNOWN}


@RELEASES
def test_a_new_connection_renews_an_address_unless_only_answers_do(binary: Path, tmp_path: Path) -> None:
    ttl = {**API, "name": "ttl", "services": ["tcp/8443"], "keep": "ttl"}
    run(compiled(resolved(API, ttl)), binary, tmp_path)
    for name in ("names_api4", "names_ttl4"):
        answered(name, "1.1.1.1", "1.1.1.2", timeout="500s", binary=binary)
    assert passes("1.1.1.1", binary=binary)
    assert passes("1.1.1.1", 8443, binary=binary)
    assert not passes("1.1.1.3", binary=binary)
    left = expires("names_api4", binary)
    assert set(left) == {"1.1.1.1", "1.1.1.2"}
    # The floor of an hour and the grace of two minutes, less what a busy machine takes.
    assert 3600 < left["1.1.1.1"] <= 3720
    assert left["1.1.1.2"] <= 500
    assert all(seconds <= 500 for seconds in expires("names_ttl4", binary).values())


@RELEASES
def test_a_client_that_looks_up_once_and_connects_again_much_later(binary: Path, tmp_path: Path) -> None:
    """As JVMs and pools do: an address in use outlives its answer, an idle one comes back with the next."""
    run(compiled(resolved(API)), binary, tmp_path)
    answered("names_api4", "1.1.1.1", timeout="100s", binary=binary)
    answered("names_api4", "1.1.1.2", timeout="1s", binary=binary)
    assert passes("1.1.1.1", binary=binary)
    wait_for(lambda: elements("names_api4", binary) == ["1.1.1.1"], "the end of the idle address")
    assert expires("names_api4", binary)["1.1.1.1"] > 100
    assert not passes("1.1.1.2", binary=binary)
    answered("names_api4", "1.1.1.2", binary=binary)
    assert passes("1.1.1.2", binary=binary)


@RELEASES
def test_only_the_resolver_asks_servers(binary: Path, tmp_path: Path) -> None:
    run(compiled(resolved(API)), binary, tmp_path)
    for protocol in ("tcp", "udp"):
        assert passes("10.0.0.53", 53, "tidegate-dns", protocol, binary)
        for user in ("root", "www-data"):
            assert not passes("10.0.0.53", 53, user, protocol, binary)
    assert not passes("10.0.0.54", 53, "tidegate-dns", "udp", binary)
    for user in ("root", "www-data"):  # DNS over TLS
        assert not passes("10.0.0.53", 853, user, "tcp", binary)
        assert not passes("9.9.9.10", 853, user, "tcp", binary)


@RELEASES
def test_a_set_that_is_full_opens_nothing_else_and_keeps_what_it_has(binary: Path, tmp_path: Path) -> None:
    spec = compiled(resolved(API))
    for each in spec["sets"]:
        if each["name"] == "names_api4":
            each["size"] = 2
    run(spec, binary, tmp_path)
    answered("names_api4", "1.1.1.1", "1.1.1.2", binary=binary)
    with pytest.raises(AssertionError):
        answered("names_api4", "1.1.1.3", binary=binary)
    assert [passes(f"1.1.1.{number}", binary=binary) for number in (1, 2, 3)] == [True, True, False]
