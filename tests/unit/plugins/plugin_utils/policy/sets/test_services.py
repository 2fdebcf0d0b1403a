# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services: the catalogue, the texts, names of one's own."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles, services
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    allowed,
    build,
    entry,
    errors,
)


def test_catalogue_has_at_least_eighty_services_and_each_can_be_read() -> None:
    assert len(services.catalogue()) >= 80
    for name in services.catalogue():
        assert services.NAME.fullmatch(name)
        assert services.expand(services.catalogue(), name)


def test_catalogue_is_sorted_and_says_class_and_meaning() -> None:
    rows = datafiles.load("services")
    assert list(rows) == sorted(rows)
    assert all(set(row) == {"is", "class", "about"} for row in rows.values())


def test_management_is_what_its_name_says_and_no_web_service() -> None:
    management = services.of_class("management")
    assert services.of_protocol(6, 22, 22) <= management
    assert services.of_protocol(6, 3389, 3389) <= management
    for name in ("http", "https", "smtp", "postgresql", "ntp", "prometheus"):
        assert not services.expand(services.catalogue(), name) & management


@pytest.mark.parametrize(
    ("written", "flows", "not_flows"),
    [
        ("https", ["tcp/443"], ["udp/443", "tcp/80"]),
        ("dns", ["tcp/53", "udp/53"], ["tcp/853"]),
        ("tcp/8443", ["tcp/8443"], ["udp/8443", "sctp/8443"]),
        ("udp/4500-4510", ["udp/4500", "udp/4505", "udp/4510"], ["udp/4499", "udp/4511", "tcp/4500"]),
        ("sctp/36412", ["sctp/36412"], ["tcp/36412"]),
        ("proto/112", ["112"], ["113", "tcp/112"]),
        ("proto/6", ["tcp/1", "tcp/65535"], ["udp/1"]),
        ("icmp", ["icmp", "icmp/8"], ["tcp/8"]),
        ("any", ["tcp/1", "udp/65535", "icmp", "112", "255"], []),
    ],
)
def test_an_entry_opens_its_services_and_no_others(written: str, flows: list[str], not_flows: list[str]) -> None:
    resolved = build(egress_allow_app=[entry(to="10.1.1.1", services=[written])])
    assert all(allowed(resolved, "10.1.1.1", flow) for flow in flows)
    assert not any(allowed(resolved, "10.1.1.1", flow) for flow in not_flows)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("htps", '"htps" is not a service. Did you mean https?'),
        ("postgres", '"postgres" is not a service. Did you mean postgresql?'),
        ("ping", '"ping" is not a service. Did you mean icmp?'),
        (
            "frobnicate",
            '"frobnicate" is not a service. Fix: write PROTOCOL/PORT, or define the name in egress_services',
        ),
        ("443", '"443" is not a service. Fix: write tcp/443 or udp/443'),
        (443, "443 is a number, not a service. Fix: write tcp/443 or udp/443"),
        (1343, "if you wrote 22:23, which YAML reads as 1343, write tcp/22-23"),
        (True, 'YAML reads "True" as true or false. Fix: write the service in quotes'),
        ({"tcp": 22}, 'YAML reads "tcp: 22" as a mapping. Fix: write tcp/22'),
        ("http,https", "write a list: [http, https]"),
        ("tcp/70000", '"tcp/70000" is not a service: ports end at 65535'),
        ("tcp/0", '"tcp/0" is not a service: ports begin at 1'),
        ("tcp/90-80", '"tcp/90-80" ends before it begins. Fix: write tcp/80-90'),
        ("tcp/http", '"tcp/http" is not a service. Fix: write PROTOCOL/PORT, such as tcp/8443 or udp/4500-4510'),
        ("gre/4", "gre has no ports here"),
        ("proto/300", '"proto/300" is not a service: protocol numbers end at 255'),
    ],
)
def test_what_is_no_service_is_refused_with_its_fix(written: Any, message: str) -> None:
    (error,) = errors(egress_allow_app=[entry(services=[written])])
    assert error.startswith("egress_allow_app[api].services[0]: ")
    assert message in error


@pytest.mark.parametrize("written", [[], None])
def test_no_services_are_an_error_never_all_services(written: Any) -> None:
    (message,) = errors(egress_allow_app=[entry(services=written)])
    assert message.startswith("egress_allow_app[api].services: is ")


def test_services_are_required() -> None:
    assert errors(egress_allow_app=[entry(services=...)]) == ["egress_allow_app[api]: services is missing"]


def test_own_services_and_bundles() -> None:
    resolved = build(
        egress_services={"erp": ["tcp/8000-8010"], "office": ["erp", "https", "ha"], "ha": "proto/112"},
        egress_allow_app=[entry(to="10.1.1.1", services=["office"])],
    )
    assert all(allowed(resolved, "10.1.1.1", flow) for flow in ("tcp/8005", "tcp/443", "112"))
    assert not allowed(resolved, "10.1.1.1", "tcp/8011")


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"erp": ["tcp/99999"]}, 'egress_services.erp[0]: "tcp/99999" is not a service: ports end at 65535'),
        ({"erp": {"tcp": 8000}}, "egress_services.erp: is a mapping where a list is needed"),
        ({"erp": []}, "egress_services.erp: is an empty list"),
        ({"erp": ["htps"]}, 'egress_services.erp[0]: "htps" is not a service. Did you mean https?'),
        ({"a": ["b"], "b": ["a"]}, '"a" is defined by itself'),
        ({"any": ["tcp/1"]}, 'egress_services.any: "any" is not a name for a service'),
        ({"a/b": ["tcp/1"]}, 'egress_services.a/b: "a/b" is not a name for a service'),
        (["tcp/1"], "egress_services: is not a mapping"),
    ],
)
def test_a_mistake_in_own_services_is_found_where_it_is_written(own: Any, message: str) -> None:
    messages = errors(egress_services=own)
    assert any(message in one for one in messages)
    assert len(messages) == len(set(messages))


@pytest.mark.parametrize("port", [None, 1, 443, 65535])
def test_a_service_as_reports_show_it_can_be_written_in_a_policy(port: int | None) -> None:
    """ICMPv6 above all: nft, conntrack and clouds have names for it that are not services of a policy."""
    for protocol in range(256):
        text = services.to_text(protocol, port)
        literal = services.parse_literal(text)
        assert literal is not None, text
        assert literal.contains(protocol, 443 if port is None else port), text
    assert errors(egress_allow_app=[entry(to="internal", services=[services.to_text(58, port)])]) == []


def test_icmp_of_both_families_is_one_service() -> None:
    assert services.to_text(1, 8) == services.to_text(58, 128) == services.to_text(58, None) == "icmp"


def test_own_service_wins_over_a_shipped_one_and_is_said() -> None:
    resolved = build(egress_services={"ssh": ["tcp/2222"]}, egress_allow_app=[entry(to="10.1.1.1", services=["ssh"])])
    assert allowed(resolved, "10.1.1.1", "tcp/2222")
    assert not allowed(resolved, "10.1.1.1", "tcp/22")
    assert [notice.kind for notice in resolved.notices] == ["redefined_service"]
