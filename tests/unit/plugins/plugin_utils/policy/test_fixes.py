# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fix that a message names is one that works: whole messages, and the policy with the fix in it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import model
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import enforcement, entries, words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles, services
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import entry, errors

LIST_IN_LIST = 'is a list inside a list. Fix: write it without the outer brackets, or join lists: "{{ these + those }}"'


@pytest.mark.parametrize(
    ("place", "variables"),
    [
        ("egress_allow_app[api].to[1]", {"egress_allow_app": [entry(to=["203.0.113.7", ["10.1.1.1", "10.1.1.2"]])]}),
        ("egress_allow_app[api].except[0]", {"egress_allow_app": [entry(**{"except": [["203.0.113.7"]]})]}),
        ("egress_allow_app[api].services[0]", {"egress_allow_app": [entry(services=[["https"]])]}),
        ("egress_allow_app[api].users[0]", {"egress_allow_app": [entry(users=[["payd", "www-data"]])]}),
        ("egress_allow_app[0]", {"egress_allow_app": [[entry()]]}),
        ("egress_dns_servers[0]", {"egress_dns_servers": [["10.10.0.10", "10.10.0.11"]]}),
        ("egress_internal_networks[0]", {"egress_internal_networks": [["10.0.0.0/8", "fd12:3456:789a::/48"]]}),
        ("egress_never[0].to[0]", {"egress_never": [{"to": [["192.0.2.0/24"]]}]}),
        ("egress_services.erp[0]", {"egress_services": {"erp": [["tcp/8000", "tcp/8001"]]}}),
    ],
)
def test_a_list_from_a_template_in_a_list(place: str, variables: dict[str, Any]) -> None:
    """`to: ["{{ networks }}"]`: quotes, which other values that are not texts need, would not help."""
    assert set(errors(**variables)) == {f"{place}: {LIST_IN_LIST}"}


def test_errors_inside_a_list_in_a_list_are_found_too() -> None:
    assert errors(egress_allow_app=[entry(to=[["203.0.113.7", "10.0.0.300"]])]) == [
        f"egress_allow_app[api].to[0]: {LIST_IN_LIST}",
        'egress_allow_app[api].to[0]: "10.0.0.300" is not an IP address',
    ]


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        ("group", 'write to: ["group:NAME"]'),
        ("groups", 'write to: ["group:NAME"]'),
        ("host", 'write to: ["hosts:PATTERN"]'),
        ("hosts", 'write to: ["hosts:PATTERN"]'),
    ],
)
def test_the_key_of_a_group_or_host_needs_a_prefix_in_to(key: str, fix: str) -> None:
    written = {"name": "api", key: "database", "services": ["postgresql"]}
    assert errors(egress_allow_app=[written]) == [f'egress_allow_app[api]: unknown key "{key}". Fix: {fix}']
    inbound = {"name": "in", key: "database", "services": ["ssh"]}
    assert errors(egress_inbound_allow=[inbound]) == [
        f'egress_inbound_allow[in]: unknown key "{key}". Fix: {fix.replace("to:", "from:")}'
    ]
    prefix = "group" if "group" in key else "hosts"
    assert errors(egress_allow_app=[entry(to=[f"{prefix}:database"])]) == []


def test_a_group_and_a_host_by_name_alone() -> None:
    assert errors(egress_allow_app=[entry(to=["database", "db1"])]) == [
        (
            'egress_allow_app[api].to[0]: "database" is not a destination. '
            "Fix: write group:database for the hosts of this group"
        ),
        'egress_allow_app[api].to[1]: "db1" is not a destination. Fix: write hosts:db1 for this host of the inventory',
    ]


def test_a_prefix_of_ansible_is_guessed() -> None:
    assert errors(egress_allow_app=[entry(to=["groups:database"])]) == [
        'egress_allow_app[api].to[0]: "groups:database" is not a destination. Did you mean group:database?'
    ]


@pytest.mark.parametrize(
    ("variable", "server", "fix"),
    [
        ("egress_dns_servers", "10.10.0.10:53", "leave the port out: DNS goes to the ports 53 and 853"),
        ("egress_dns_servers", "[fd12:3456:789a::10]:5353", "leave the port out: DNS goes to the ports 53 and 853"),
        ("egress_ntp_servers", "10.10.0.20:123", "leave the port out: NTP goes to port 123"),
    ],
)
def test_a_server_with_a_port_where_there_are_no_services(variable: str, server: str, fix: str) -> None:
    address = server.rpartition(":")[0].strip("[]")
    assert errors(**{variable: [server]}) == [
        f'{variable}[0]: "{server}" has a port. Fix: write {address} here and {fix}'
    ]
    assert errors(**{variable: [address]}) == []


def test_a_url_where_there_are_no_services() -> None:
    assert errors(egress_dns_servers=["https://10.10.0.10/dns-query"], egress_internal_networks=["10.0.0.1:53"]) == [
        'egress_internal_networks[0]: "10.0.0.1:53" has a port. Fix: write 10.0.0.1 here and leave the port out',
        (
            "egress_internal_networks: is needed to enforce. "
            "Fix: list your networks, such as [10.0.0.0/8]; the mode observe works without them"
        ),
        'egress_dns_servers[0]: "https://10.10.0.10/dns-query" is a URL. Fix: write the host (10.10.0.10) here',
    ]


def test_a_destination_with_a_port_has_services_beside_it() -> None:
    assert errors(egress_allow_app=[entry(to=["203.0.113.7:8443"])]) == [
        (
            'egress_allow_app[api].to[0]: "203.0.113.7:8443" has a port. '
            "Fix: write 203.0.113.7 here and the port in services"
        )
    ]


@pytest.mark.parametrize("table", ["keys", "destinations", "services", "modes", "tiers", "observe"])
def test_every_hint_leads_to_a_word_that_exists(table: str) -> None:
    """A hint whose word is gone is never shown, so nobody would miss it."""
    known: dict[str, set[str]] = {
        "keys": {key for keys, _required in entries.KEYS.values() for key in keys} | {"user"},
        "destinations": set(words.RANKS),
        "services": {*services.catalogue(), "any", "icmp"},
        "modes": set(model.MODES),
        "tiers": set(datafiles.names("tiers")),
        "observe": set(enforcement.OBSERVABLE),
    }
    hints = datafiles.load("hints")
    assert set(hints) == set(known)
    assert {word for word in hints[table].values() if word not in known[table]} == set()
    assert not set(hints[table]) & known[table] - {"user"}
