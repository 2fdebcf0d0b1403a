# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Destinations become the words that people use, in the order of how well they are understood."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.words import Bundle, Vocabulary

from .made import DAY, START, evident, suggested, to_each

HOSTS = {f"10.2.0.{number}": f"db{number}" for number in range(1, 5)} | {"10.3.0.1": "mirror"}
GROUPS = {
    "all": [*HOSTS.values()],
    "ungrouped": [],
    "db": ["db1", "db2", "db3", "db4"],
    "everything": [*HOSTS.values(), *(f"x{number}" for number in range(30))],
}
HTTPS = services.expand(services.catalogue(), "https")


def words(records: list[dict[str, Any]], **changes: Any) -> list[str]:
    return sorted(draft.to for draft in suggested(records, vocabulary=Vocabulary(**changes)).drafts)


def test_an_inventory_group_of_which_half_was_seen_comes_first() -> None:
    records = to_each("10.2.0.1", "10.2.0.2", "10.3.0.1", port=5432)
    assert words(records, hosts=HOSTS, groups=GROUPS) == ["group:db", "hosts:mirror"]


def test_a_group_of_which_less_was_seen_is_not_opened() -> None:
    assert words(to_each("10.2.0.1", port=5432), hosts=HOSTS, groups=GROUPS) == ["hosts:db1"]


def test_a_bundle_comes_before_a_name_and_a_name_before_a_list() -> None:
    records = [
        *to_each("140.82.112.3", "140.82.112.4", port=443, name="api.github.com"),
        *to_each("9.9.9.9", port=443, name="api.example.org"),
        *to_each("9.9.9.10", port=443),
    ]
    known: dict[str, Any] = {
        "bundles": {"github": Bundle(names=("github.com", ".github.com"), services=HTTPS)},
        "lists": {"quad9": addresses.parse("9.9.9.0/24"), "wide": addresses.parse("9.0.0.0/8")},
    }
    assert words(records, names=True, **known) == ["api.example.org", "known:github", "prefix_list:quad9"]
    # Where the host opens no names, they are no words.
    assert "prefix_list:quad9" in words(records, **known)
    assert "known:github" not in words(records, **known)


def test_a_bundle_is_for_its_services_only() -> None:
    bundle = {"github": Bundle(names=(".github.com",), services=HTTPS)}
    records = to_each("140.82.112.3", port=9418, name="git.github.com")
    assert words(records, names=True, bundles=bundle) == ["git.github.com"]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (range(8), ["9.9.9.0/29"]),
        (range(4), ["9.9.9.0/30"]),
        (range(4, 9), ["9.9.9.4/30", "9.9.9.8"]),
        (range(3), ["9.9.9.0", "9.9.9.1", "9.9.9.2"]),
        ((0, 20, 40, 60), ["9.9.9.0", "9.9.9.20", "9.9.9.40", "9.9.9.60"]),
        (range(0, 16, 2), ["9.9.9.0/28"]),
    ],
)
def test_a_network_is_one_of_which_half_was_seen(seen: Any, expected: list[str]) -> None:
    assert words(to_each(*(f"9.9.9.{number}" for number in seen))) == expected


def test_no_network_is_wider_than_the_widest() -> None:
    addresses_seen = [f"9.9.{net}.{number}" for net in (8, 9) for number in range(0, 256, 2)]
    records = [
        {**each, "first": START + 700 * place, "last": START + 700 * place + DAY}
        for place, each in enumerate(to_each(*addresses_seen))
    ]
    assert words(records) == ["9.9.8.0/24", "9.9.9.0/24"]


def test_ipv6_networks_are_small() -> None:
    assert words(to_each(*(f"2606:4700::{number:x}" for number in range(8)))) == ["2606:4700::/125"]


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "a b", "-x.example", "\x1b[31m.example", "single", "x" * 300]
)
def test_a_name_that_is_none_is_not_used(name: str) -> None:
    assert words(evident(name=name), names=True) == ["8.8.4.4"]


def test_a_name_that_a_user_led_to_the_address_of_another_is_no_word() -> None:
    """She runs a zone: its name would open whatever she has it lead to later."""
    both = [*evident(name="api.example.org"), *evident(name="aaa.hostile.example")]
    assert words(both, names=True) == ["8.8.4.4"]
    github = {"github": Bundle(names=("github.com", ".github.com"), services=HTTPS)}
    several = [*evident(name="github.com", port=443), *evident(name="api.github.com", port=443)]
    assert words(several, names=True, bundles=github) == ["known:github"]
    assert words([*several, *evident(name="aaa.hostile.example", port=443)], names=True, bundles=github) == ["8.8.4.4"]


def test_a_name_that_one_host_alone_says_is_no_word() -> None:
    """It may be a compromised one, and the name would open a zone of its on all hosts of the tier."""
    first, second = evident()
    assert words([{**first, "name": "hostile.example.org"}, second], names=True) == ["8.8.4.4"]
    assert words([{**each, "name": "api.example.org"} for each in (first, second)], names=True) == ["api.example.org"]


def test_services_of_the_same_users_are_one_entry() -> None:
    records = [*evident(port=80), *evident(port=443), *evident(port=25, user="postfix", uid=101)]
    drafts = suggested(records).drafts
    assert sorted((draft.services, draft.users) for draft in drafts) == [
        (("https", "http"), ("payd",)),
        (("smtp",), ("postfix",)),
    ]


def test_names_of_entries_are_new_and_valid() -> None:
    records = [*evident(), *evident(user="a\x1b b<c>", destination="8.8.8.8")]
    drafts = suggested(records, entries=frozenset({"payd-8-8-4-4-https-alt"})).drafts
    assert sorted(draft.name for draft in drafts) == ["a-b-c-8-8-8-8-https-alt", "payd-8-8-4-4-https-alt-2"]
