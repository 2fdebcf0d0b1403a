# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Needs held against a policy: what is rejected, for whom, and that the YAML that is offered lets it through."""

from __future__ import annotations

from functools import partial
from typing import Any

import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.preflight.advice import advise
from ansible_collections.tidegate.nftables.plugins.plugin_utils.preflight.diagnose import Need, diagnose, name_of
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build


def need(**changes: Any) -> Need:
    fields: dict[str, Any] = {
        "what": "apt",
        "where": "/etc/apt/sources.list:1",
        "host": "deb.example",
        "port": 443,
        "protocol": "tcp",
        "user": None,
        "addresses": ("198.51.100.7",),
    }
    return Need(**{**fields, **changes})


NEEDS = [
    need(),
    need(host="deb2.example", addresses=("198.51.100.7", "2001:db8::7"), port=8443),
    need(what="resolv.conf", host="10.9.9.9", addresses=("10.9.9.9",), port=53, protocol="udp"),
    need(what="chrony", host="ntp.example", addresses=("198.51.100.9",), port=123, protocol="udp", user="_chrony"),
]


def test_what_is_rejected_is_named_in_both_modes() -> None:
    for mode in ("observe", "enforce"):
        assert list(diagnose(build(egress_mode=mode), NEEDS).rejected) == NEEDS


def test_an_entry_for_another_user_does_not_help() -> None:
    entry = {"name": "mirror", "to": ["198.51.100.7"], "services": ["https"], "users": ["root"]}
    resolved = build(egress_allow_x=[entry])
    assert diagnose(resolved, [need(user="_apt")]).rejected
    assert diagnose(resolved, [need(user="root")]).allowed == 1


def test_only_the_addresses_that_are_closed_are_named() -> None:
    resolved = build(egress_allow_x=[{"name": "m", "to": ["198.51.100.7"], "services": ["https"]}])
    (rejected,) = diagnose(resolved, [need(addresses=("198.51.100.7", "198.51.100.8"))]).rejected
    assert rejected.addresses == ("198.51.100.8",)


def test_a_name_that_does_not_resolve_is_neither() -> None:
    diagnosis = diagnose(build(), [need(addresses=(), unresolved="does not resolve")])
    assert (diagnosis.rejected, len(diagnosis.unresolved), diagnosis.allowed) == ((), 1, 0)


def test_name_servers_of_the_host_itself_are_those_that_auto_stands_for() -> None:
    assert diagnose(build(egress_dns_servers=["auto"]), [NEEDS[2]]).allowed == 1


def test_the_yaml_lets_through_what_would_be_rejected() -> None:
    rejected = diagnose(build(egress_dns_servers=["10.9.0.1"]), NEEDS).rejected
    text = advise(rejected, "app", {"egress_dns_servers": ["10.9.0.1"]})
    variables = yaml.safe_load(text)
    assert variables["egress_dns_servers"] == ["10.9.0.1", "10.9.9.9"]
    assert variables["egress_ntp_servers"] == ["198.51.100.9"]
    assert [(entry["to"], entry["services"]) for entry in variables["egress_allow_app_needs"]] == [
        (["198.51.100.7"], ["https"]),
        (["198.51.100.7", "2001:db8::7"], ["https-alt"]),
    ]
    diagnosis = diagnose(build(**variables), NEEDS)
    assert (diagnosis.rejected, diagnosis.allowed) == ((), len(NEEDS))


def test_nothing_rejected_is_no_yaml() -> None:
    assert advise([], "app", {}) == ""


NAMED: dict[str, Any] = {"egress_names": "resolver", "egress_dns_servers": ["10.9.0.1"]}


def test_where_names_open_a_need_is_judged_and_allowed_by_its_name() -> None:
    needs = [
        need(host="deb.debian.org", addresses=("151.101.2.132",), port=80),
        need(host="Security.Debian.org", addresses=("151.101.66.132",)),
        need(what="pip", host="pypi.org", addresses=("151.101.0.223",)),
        need(what="agent", host="in.metrics.example", addresses=("50.0.0.1",)),
        need(what="agent", host="inside.corp.example", addresses=("10.1.2.3",)),
        need(what="agent", host="50.0.0.9", addresses=("50.0.0.9",)),
        need(what="agent", host="single", addresses=("50.0.0.8",)),
    ]
    resolved = build(**NAMED)
    assert len(diagnose(resolved, needs).rejected) == len(needs)
    variables = yaml.safe_load(advise(needs, "app", {}, partial(name_of, resolved)))
    bundles = {name: (bundle["names"], bundle["services"]) for name, bundle in variables["egress_known"].items()}
    assert bundles == {
        "apt-sources": (["deb.debian.org", "security.debian.org"], ["http", "https"]),
        "pip-sources": (["pypi.org"], ["https"]),
    }
    assert {entry["name"]: entry["to"] for entry in variables["egress_allow_app_needs"]} == {
        "agent-in-metrics-example": ["in.metrics.example"],
        "agent-inside-corp-example": ["10.1.2.3"],
        "agent-50-0-0-9": ["50.0.0.9"],
        "agent-single": ["50.0.0.8"],
        "apt-sources": ["known:apt-sources"],
        "pip-sources": ["known:pip-sources"],
    }
    assert diagnose(build(**NAMED, **variables), needs).allowed == len(needs)


def test_without_names_a_need_has_addresses() -> None:
    required = need(host="deb.debian.org", addresses=("151.101.2.132",))
    assert name_of(build(), required) == ""
    # And a name that an entry has opens nothing.
    entry = {"name": "deb", "to": ["deb.debian.org"], "services": ["https"], "approximate": "narrower"}
    assert diagnose(build(egress_allow_app=[entry]), [required]).rejected
