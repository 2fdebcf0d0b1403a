# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles of names: the shipped ones are complete, and what an entry makes of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import known, names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, datafiles
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    INVENTORY,
    TODAY,
    build,
    entry,
    errors,
)

RESOLVER: dict[str, Any] = {"egress_names": "resolver", "egress_dns_servers": ["10.0.0.53"]}
BILLING = {"names": ["api.billing.example", "*.Pay.example"], "services": ["https", "tcp/8443"]}


@pytest.mark.parametrize("name", datafiles.names("known"))
def test_a_shipped_bundle_is_complete(name: str) -> None:
    row = datafiles.load(f"known/{name}")
    assert set(row) <= {"about", "shared", "services", "names", "source", "published", "read"}
    assert row["about"]
    assert row["source"].startswith("https://")
    assert isinstance(row["read"], dt.date)
    assert [str(names.parse(text)) for text in row["names"]] == [
        text.lower() for text in row["names"]
    ] or "REGION" in name
    bundle = f"known:{name.replace('REGION', 'eu-central-1')}"
    written = [{"name": "x", "to": [bundle]}]
    assert errors(egress_tier="app", egress_allow_ceiling=[], egress_ceiling_raise_x=[_raised(written[0])]) == []


def _raised(written: dict[str, Any]) -> dict[str, Any]:
    return {**written, "reason": "r", "owner": "o", "review_by": "2027-01-01"}


def test_an_entry_to_a_bundle_has_its_names_and_services() -> None:
    written = [{"name": "b", "to": ["known:billing"]}, {"name": "g", "to": ["known:github"], "services": ["https"]}]
    billing, github = build(egress_known={"billing": BILLING}, egress_allow_app=written, **RESOLVER).entries
    assert [name.name for name in billing.names] == ["*.pay.example", "api.billing.example"]
    assert (billing.to, billing.service_texts, billing.shared) == (("known:billing",), ("https", "tcp/8443"), ())
    assert (github.to, github.service_texts, github.shared) == (("known:github",), ("https",), ("known:github",))
    assert "*.githubusercontent.com" in [name.name for name in github.names]


def test_names_of_a_region_have_it_in_them() -> None:
    (aws,) = build(egress_allow_app=[{"name": "a", "to": "known:aws-eu-central-1"}], **RESOLVER).entries
    assert "*.eu-central-1.amazonaws.com" in [name.name for name in aws.names]


def test_a_bundle_joins_names_and_prefix_lists() -> None:
    prefix_list = feeds.PrefixListResult("pay", addresses.parse("203.0.113.0/24"))
    inventory = replace(INVENTORY, lists={"pay": prefix_list})
    bundle = {**BILLING, "prefix_lists": ["pay"]}
    (billing,) = build(
        inventory,
        egress_prefix_lists={"pay": {}},
        egress_known={"billing": bundle},
        egress_allow_app=[{"name": "b", "to": ["known:billing"]}],
        **RESOLVER,
    ).entries
    assert billing.grants[0].addresses.cidrs() == ["203.0.113.0/24"]
    assert len(billing.names) == 2


def test_your_own_extends_a_shipped_one() -> None:
    prefix_list = feeds.PrefixListResult("git", addresses.parse("203.0.113.0/24"))
    built = build(
        replace(INVENTORY, lists={"git": prefix_list}),
        egress_prefix_lists={"git": {}},
        egress_known={"github": {"extends": "github", "names": ["code.example.com"], "prefix_lists": ["git"]}},
        egress_allow_build=[{"name": "c", "to": ["known:github"]}],
        **{**RESOLVER, "egress_tier": "build"},
    )
    (code,) = [each for each in built.entries if each.name == "c"]
    shipped = known.find({}, "github")
    assert shipped is not None
    assert [name.name for name in code.names] == sorted([*shipped.names, "code.example.com"])
    assert code.grants[0].addresses.cidrs() == ["203.0.113.0/24"]
    assert (code.service_texts, code.shared) == (("https", "ssh"), ("known:github",))


def test_your_own_replaces_a_shipped_one() -> None:
    bundle = known.find({"github": known.Bundle(names=("code.example",))}, "github")
    assert bundle is not None
    assert bundle.names == ("code.example",)


@pytest.mark.parametrize(("age", "old"), [(365, False), (366, True)])
def test_a_bundle_older_than_a_year_is_named(age: int, old: bool) -> None:
    read = TODAY - dt.timedelta(days=age)
    written = [{"name": "b", "to": ["known:billing"]}]
    resolved = build(egress_known={"billing": {**BILLING, "read": read}}, egress_allow_app=written, **RESOLVER)
    texts = [notice.text for notice in resolved.notices if notice.kind == "known_old"]
    assert texts == ([f"known:billing is of {read}: look whether its names are still the provider's"] if old else [])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"egress_allow_app": [{"name": "a", "to": ["known:githubb"]}]},
            'is no bundle "known:githubb". Did you mean known:github?',
        ),
        ({"egress_allow_app": [{"name": "a", "to": ["known:aws-REGION"]}]}, 'there is no bundle "known:aws-REGION"'),
        ({"egress_allow_app": [{"name": "a", "to": ["known:aws-*"]}]}, 'there is no bundle "known:aws-*"'),
        ({"egress_allow_app": [entry(services=...)]}, "services is missing"),
        ({"egress_never": [{"to": ["known:github"]}]}, "a domain name is a destination of entries that allow, and not"),
        ({"egress_known": {"b": {"names": ["*"]}}}, 'egress_known.b.names[0]: "*" is every name'),
        ({"egress_known": {"b": {"extends": "githubb"}}}, 'egress_known.b.extends: there is no bundle "known:githubb"'),
        ({"egress_known": {"b": {}}}, "egress_known.b: has neither names nor prefix_lists"),
        ({"egress_known": {"b": {"name": ["a.example"]}}}, 'unknown key "name"'),
        ({"egress_known": ["b"]}, "egress_known: is not a mapping"),
        (
            {
                "egress_known": {"b": {"names": ["a.example"]}},
                "egress_allow_app": [{"name": "a", "to": ["known:b"]}],
            },
            "egress_allow_app[a]: services is missing. Fix: write it: the bundles in to do not have any",
        ),
    ],
)
def test_what_is_no_bundle_is_an_error(changes: dict[str, Any], message: str) -> None:
    messages = errors(**RESOLVER, **changes)
    assert any(message in one for one in messages), messages
