# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A destination has the word that suggest would use for it, in every view."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.naming import name_destinations
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.sources import HostData
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.totals import Totals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.words import Bundle, Vocabulary
from ansible_collections.tidegate.nftables.tests.support import fleets

VOCABULARY = Vocabulary(
    hosts={"10.2.0.1": "db1", "10.2.0.2": "db2", "10.3.0.1": "mirror"},
    groups={"all": ["db1", "db2", "mirror"], "db": ["db1", "db2"], "mirrors": ["mirror"]},
    bundles={"github": Bundle(names=(".github.com",), services=services.expand(services.catalogue(), "https"))},
    lists={"quad9": addresses.parse("9.9.9.0/24")},
    names=True,
)


def named(*records: dict[str, Any], tier: str = "app") -> dict[str, str]:
    """Return the word of each destination."""
    totals = Totals(fleets.END)
    own = [fleets.record("app1", tier, **record) for record in records]
    totals.add(HostData(host="app1", tier=tier, records=own))
    name_destinations(totals, {"app": VOCABULARY}, Vocabulary(hosts=VOCABULARY.hosts, names=True))
    words = {key[1]: group.name for key, group in totals.groups.items()}
    texts = list(totals.texts["name"])
    assert sorted(texts[number] for number in totals.columns["name"]) == sorted(
        words[record["destination"]] for record in records
    ), "the table of records says what the table of destinations does"
    return words


@pytest.mark.parametrize("decision", ["rejected", "allowed"])
def test_each_destination_has_the_word_that_people_understand_best(decision: str) -> None:
    records = [
        {"destination": "10.2.0.1", "name": "evil.example"},
        {"destination": "10.2.0.2"},
        {"destination": "10.3.0.1"},
        {"destination": "140.82.112.3", "name": "api.github.com"},
        {"destination": "203.0.113.9", "name": "api.example.org"},
        {"destination": "9.9.9.9"},
        *({"destination": f"203.0.113.{number}"} for number in range(64, 68)),
        {"destination": "203.0.113.200"},
    ]
    assert named(*({**record, "decision": decision} for record in records)) == {
        "10.2.0.1": "group:db (db1)",
        "10.2.0.2": "group:db (db2)",
        "10.3.0.1": "hosts:mirror",
        "140.82.112.3": "known:github (api.github.com)",
        "203.0.113.9": "api.example.org",
        "9.9.9.9": "prefix_list:quad9",
        **{f"203.0.113.{number}": "203.0.113.64/30" for number in range(64, 68)},
        "203.0.113.200": "",
    }


def test_what_a_proxy_was_asked_for_is_its_own_word_or_a_bundle() -> None:
    proxied = [{"destination": name, "name": name} for name in ("api.github.com", "a.example")]
    assert named(*proxied) == {"api.github.com": "known:github (api.github.com)", "a.example": ""}


def test_a_tier_without_a_policy_here_has_the_words_of_everybody() -> None:
    names = named({"destination": "10.2.0.1"}, {"destination": "9.9.9.9", "name": "dns.example"}, tier="other")
    assert names == {"10.2.0.1": "hosts:db1", "9.9.9.9": "dns.example"}


def test_no_name_of_a_host_is_a_word_unless_it_is_a_name() -> None:
    assert named({"destination": "203.0.113.9", "name": "group:db"}) == {"203.0.113.9": ""}


def test_a_destination_that_several_names_led_to_has_none() -> None:
    """A user of a host can have a name of her own lead to any address."""
    both = [{"destination": "203.0.113.9", "name": name} for name in ("api.example.org", "aaa.hostile.example")]
    assert named(*both) == {"203.0.113.9": ""}
