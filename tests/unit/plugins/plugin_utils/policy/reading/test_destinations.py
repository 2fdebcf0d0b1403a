# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Destinations: every form, and the messages about texts that are not one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    INVENTORY,
    allowed,
    build,
    entry,
    errors,
)


@pytest.mark.parametrize(
    ("to", "inside", "outside"),
    [
        ("10.1.1.1", ["10.1.1.1"], ["10.1.1.2"]),
        (["10.1.1.0/24", "fd12:3456:789a::/64"], ["10.1.1.9", "fd12:3456:789a::9"], ["10.1.2.1", "2001:db8::1"]),
        (["10.1.1.1-10.1.1.3"], ["10.1.1.1", "10.1.1.3"], ["10.1.1.4"]),
        ("hosts:mirror", ["10.10.0.30", "fd12:3456:789a::30"], ["10.10.0.31"]),
        ("hosts:database:&region_eu", ["10.20.0.1"], ["10.20.0.2"]),
        ("hosts:database:!db1", ["10.20.0.2"], ["10.20.0.1"]),
        ("internal", ["10.255.0.1", "fd12:3456:789a:9::1"], ["192.168.1.1", "fd00::1", "1.1.1.1"]),
        ("multicast", ["224.0.0.18", "ff02::12"], ["223.255.255.255"]),
    ],
)
def test_what_a_destination_opens(to: Any, inside: list[str], outside: list[str]) -> None:
    resolved = build(egress_allow_app=[entry(to=to)])
    assert all(allowed(resolved, address, "tcp/443") for address in inside)
    assert not any(allowed(resolved, address, "tcp/443") for address in outside)


def test_internet_and_any_open_what_they_say() -> None:
    raised = {"reason": "r", "owner": "o", "review_by": "2027-01-01"}
    resolved = build(egress_ceiling_raise_app=[entry(to="internet", **raised)])
    assert allowed(resolved, "1.1.1.1", "tcp/443")
    assert not allowed(resolved, "10.1.1.1", "tcp/443")
    assert not allowed(resolved, "169.254.169.254", "tcp/443")
    resolved = build(egress_ceiling_raise_app=[entry(to="any", **raised)])
    assert allowed(resolved, "169.254.169.254", "tcp/443")
    assert allowed(resolved, "ff02::1", "tcp/443")


def test_except_is_left_out() -> None:
    resolved = build(
        egress_allow_app=[entry(to=["10.1.0.0/16", "hosts:database"], **{"except": ["10.1.9.0/24", "hosts:db1"]})]
    )
    assert allowed(resolved, "10.1.1.1", "tcp/443")
    assert allowed(resolved, "10.20.0.2", "tcp/443")
    assert not allowed(resolved, "10.1.9.1", "tcp/443")
    assert not allowed(resolved, "10.20.0.1", "tcp/443")


def test_an_except_that_covers_everything_is_an_error_never_no_limit() -> None:
    (message,) = errors(egress_allow_app=[entry(to="10.1.1.1", **{"except": "10.0.0.0/8"})])
    assert message.startswith("egress_allow_app[api]: opens nothing: except covers everything in to")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("10.0.0.300", '"10.0.0.300" is not an IP address'),
        ("10.0.0.0/99", '"10.0.0.0/99" does not end with a prefix length from 0 to 32'),
        ("10.0.0.9-10.0.0.1", "ends before it begins. Fix: write 10.0.0.1-10.0.0.9"),
        ("intrenal", '"intrenal" is not a destination. Did you mean internal?'),
        ("all", '"all" is not a destination. Did you mean any?'),
        ("public", '"public" is not a destination. Did you mean internet?'),
        ("database", '"database" is not a destination. Fix: write group:database for the hosts of this group'),
        ("databse", '"databse" is not a destination. Did you mean hosts:database?'),
        ("groups['database']", "is not a destination. Fix: write group:database for the hosts of this group"),
        ("qwertz", "an address or hosts:PATTERN"),
        ("host:mirror", "Did you mean hosts:mirror?"),
        ("prefix-list:s3", "Did you mean prefix_list:s3?"),
        ("*.com", '"*.com" is every name of a top-level domain. Fix: name the domain: *.example.com'),
        ("https://api.example/v1", "is a URL. Fix: write the host (api.example) here and the service in services"),
        ("api.example:443", "has a port. Fix: write api.example here and the port in services"),
        ("10.1.1.1:443", "has a port. Fix: write 10.1.1.1 here and the port in services"),
        ("[2001:db8::1]:443", "has a port. Fix: write 2001:db8::1 here and the port in services"),
        ("10.1.1.1, 10.1.1.2", "is one text. Fix: write a list: [FIRST, SECOND]"),
        ("", '"" is not a destination'),
        (10.0, 'YAML reads "10.0" as a number. Fix: write it in quotes'),
        (False, 'YAML reads "False" as true or false. Fix: write it in quotes'),
        ({"fd00:": None}, 'YAML reads "fd00::" as a mapping. Fix: write it in quotes: "fd00::"'),
        ({"hosts": "mirror"}, 'YAML reads "hosts: mirror" as a mapping. Fix: write hosts:mirror without the space'),
        (None, 'YAML reads "None" as nothing'),
    ],
)
def test_what_is_no_destination_is_refused_with_its_fix(written: Any, message: str) -> None:
    (error,) = errors(egress_allow_app=[entry(to=["10.1.1.1", written])])
    assert error.startswith("egress_allow_app[api].to[1]: ")
    assert message in error


@pytest.mark.parametrize("written", [[], None, {"internal": None}])
def test_no_destinations_are_an_error_never_every_destination(written: Any) -> None:
    (message,) = errors(egress_allow_app=[entry(to=written)])
    assert message.startswith("egress_allow_app[api].to: is ")


def test_a_pattern_that_matches_nothing_is_an_error_unless_optional() -> None:
    (message,) = errors(egress_allow_app=[entry(to="hosts:cache")])
    assert message == (
        'egress_allow_app[api].to: "hosts:cache" matches no host. '
        "Fix: correct the pattern, or write optional: true if it may match no host"
    )
    resolved = build(egress_allow_app=[entry(to="hosts:cache", optional=True)])
    assert resolved.entries == ()
    assert [notice.kind for notice in resolved.notices] == ["optional"]


def test_an_optional_pattern_beside_others_opens_the_others() -> None:
    resolved = build(egress_allow_app=[entry(to=["hosts:cache", "10.1.1.1"], optional=True)])
    assert allowed(resolved, "10.1.1.1", "tcp/443")
    assert not allowed(resolved, "10.1.1.2", "tcp/443")


@pytest.mark.parametrize("optional", [True, False])
def test_a_host_without_an_address_is_named(optional: bool) -> None:
    (message,) = errors(egress_allow_app=[entry(to="hosts:nameless", optional=optional)])
    assert "the host cloud1 has no address. Fix: set egress_addresses for cloud1" in message


def test_an_address_of_a_host_that_is_none_is_named() -> None:
    inventory = FixedInventory("app1", {"mirror": ["mirror1"]}, {"mirror1": ["mirror1.example"]})
    (message,) = errors(inventory=inventory, egress_allow_app=[entry(to="hosts:mirror")])
    assert 'egress_addresses of the host mirror1: "mirror1.example" is not an IP address' in message


@pytest.mark.parametrize("to", ["hosts:mirror", "group:mirror"])
@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::"])
def test_a_forwarded_port_does_not_open_loopback(address: str, to: str) -> None:
    """Ansible reaches a host behind a forwarded port at an address that means another machine to everybody else."""
    inventory = FixedInventory("app1", {"mirror": ["mirror1"]}, {"mirror1": [address]})
    (message,) = errors(inventory=inventory, egress_allow_app=[entry(to=to)])
    assert f"egress_addresses of the host mirror1: {address} is " in message
    assert message.endswith("Fix: set egress_addresses of the host to the addresses it has in your network")


def test_internal_never_opens_dns() -> None:
    resolved = build(egress_allow_app=[entry(to="internal", services="any")])
    for service in ("tcp/53", "udp/53", "tcp/853", "udp/853"):
        assert not allowed(resolved, "10.1.1.1", service)
    for service in ("tcp/52", "tcp/54", "udp/852", "udp/854", "icmp", "112", "sctp/53"):
        assert allowed(resolved, "10.1.1.1", service)


def test_dns_to_internal_is_an_error_that_says_where_it_goes() -> None:
    (message,) = errors(egress_allow_app=[entry(to="internal", services=["dns"])])
    assert "internal never includes DNS (ports 53 and 853). Fix: name the servers in egress_dns_servers" in message


def test_a_named_server_beside_internal_keeps_its_dns() -> None:
    resolved = build(egress_allow_app=[entry(to=["internal", "10.1.1.53"], services=["dns", "https"])])
    assert allowed(resolved, "10.1.1.53", "udp/53")
    assert not allowed(resolved, "10.1.1.54", "udp/53")
    assert allowed(resolved, "10.1.1.54", "tcp/443")


def test_an_icmp_of_the_other_family_is_an_error_never_every_protocol() -> None:
    for to, service in (("fd12:3456:789a::1", "proto/1"), ("10.1.1.1", "proto/58")):
        (message,) = errors(egress_allow_app=[entry(to=to, services=[service])])
        assert message.startswith(f"egress_allow_app[api]: opens nothing: {service} cannot go to these addresses")


def test_the_world_is_asked_for_the_pattern_as_written() -> None:
    assert INVENTORY.hosts("database:&region_eu") == ["db1"]
