# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that would take away too much stops before anything is changed, and says what."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from .conftest import Lab

HOSTS = [f"10.1.{number}.1" for number in range(40)]
LIMIT = {"percent": 25, "sets": "allow_*"}


def table(*addresses: str, name: str = "allow_db4", **more: Any) -> dict[str, Any]:
    """One set that a rule refers to, and one beside it that the limit is not about."""
    declaration = {"type": "ipv4_addr", "flags": ["interval"]}
    spec: dict[str, Any] = {
        "name": "t",
        "sets": [
            {"name": name, **declaration, "elements": list(addresses)},
            {"name": "never", **declaration, "elements": more.pop("never", [])},
        ],
        "chains": [
            {"name": "c", "rules": more.pop("rules", [f"ip daddr @{name} accept", "ip daddr @never drop"])},
        ],
        "max_removed": more.pop("limit", LIMIT),
        **more,
    }
    return {key: value for key, value in spec.items() if value is not None}


@pytest.mark.parametrize("check", [False, True])
def test_losing_more_than_the_share_stops_before_anything_is_changed_and_lists_it(lab: Lab, check: bool) -> None:
    lab.run(table(*HOSTS))
    before = lab.listing()
    with pytest.raises(EngineError) as caught:
        lab.run(table(*HOSTS[:15], "192.0.2.1"), check=check)
    assert (caught.value.reason, caught.value.where) == ("too_much_removed", "tables[0].max_removed")
    assert "25 of 40 destinations (62 %)" in caught.value.message
    assert "allow_db4 10.1.15.1, " in caught.value.message
    assert "10.1.34.1 and 5 more" in caught.value.message
    assert "10.1.35.1" not in caught.value.message
    assert "Nothing was changed" in caught.value.message
    assert lab.listing() == before


def test_a_share_that_is_tolerated_passes(lab: Lab) -> None:
    lab.run(table(*HOSTS))
    assert lab.predicted(table(*HOSTS[10:])).changed


def test_hundred_percent_and_no_limit_stop_nothing(lab: Lab) -> None:
    for limit in ({"percent": 100}, None):
        lab.run(table(*HOSTS))
        assert lab.run(table("192.0.2.1", limit=limit)).changed


def test_few_destinations_may_always_go(lab: Lab) -> None:
    lab.run(table(*HOSTS[:11]))
    assert lab.run(table(*HOSTS[9:11])).changed
    lab.run(table("10.0.0.0/8", "192.0.2.0/24", "192.0.4.0/24", limit=None))
    assert lab.run(table("10.0.0.0/8", "192.0.2.0/24")).changed
    lab.run(table("10.0.0.0/8", "192.0.2.0/24", "192.0.4.0/24", limit=None))
    with pytest.raises(EngineError, match="16 of 24 destinations"):
        lab.run(table("10.0.0.0/8"))


def test_first_run_and_absent_are_no_loss(lab: Lab) -> None:
    lab.run(table(*HOSTS))
    assert lab.run({"name": "t", "state": "absent"}).changed
    assert lab.run(table(*HOSTS)).changed
    assert lab.run({"name": "t", "state": "absent", "max_removed": {"percent": 0}}).changed


def test_a_set_of_a_new_name_takes_over(lab: Lab) -> None:
    lab.run(table(*HOSTS))
    assert lab.run(table(*HOSTS, name="allow_database4")).changed
    with pytest.raises(EngineError, match="20 of 40"):
        lab.run(table(*HOSTS[:20], name="allow_again4"))


def test_a_wider_network_takes_nothing_away_and_a_narrower_one_in_proportion(lab: Lab) -> None:
    lab.run(table("10.1.0.0-10.1.0.99", "10.2.0.0/24", "10.3.0.0/24", "10.4.0.0/24"))
    assert lab.run(table("10.0.0.0/8")).changed
    lab.run(table("10.1.0.0-10.1.0.99", "10.2.0.0/24", "10.3.0.0/24", "10.4.0.0/24", limit=None))
    with pytest.raises(EngineError) as caught:
        lab.run(table("10.1.0.0-10.1.0.9", "10.2.0.0/25", "10.3.0.0/24", "10.4.0.0/25"))
    assert "16 of 32 destinations" in caught.value.message
    assert "allow_db4 10.1.0.10-10.1.0.99, allow_db4 10.2.0.128/25, allow_db4 10.4.0.128/25." in caught.value.message


def test_a_set_that_no_rule_refers_to_any_more_is_lost(lab: Lab) -> None:
    lab.run(table(*HOSTS))
    with pytest.raises(EngineError, match="40 of 40"):
        lab.run(table(*HOSTS, rules=["ip daddr @never drop"]))


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
@pytest.mark.parametrize(("ahead", "stops"), [(-60, False), (3600, True)])
def test_what_was_open_until_a_day_that_is_past_may_go(
    lab: Lab, ahead: int, stops: bool, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        lab = Lab(lab.path, lab.run_dir)
        lab.run(table(*HOSTS, rules=[f"meta time < {int(time.time()) + ahead} ip daddr @allow_db4 accept"]))
        if stops:
            with pytest.raises(EngineError, match="40 of 40"):
                lab.run(table(name="allow_other4"))
        else:
            assert lab.run(table(name="allow_other4")).changed
    finally:
        monkeypatch.undo()
        time.tzset()


def test_sets_of_other_names_do_not_count(lab: Lab) -> None:
    lab.run(table(*HOSTS, never=HOSTS))
    assert lab.run(table(*HOSTS)).changed


def test_an_unchanged_run_is_as_quick_with_another_limit(lab: Lab) -> None:
    lab.run(table(*HOSTS))
    assert lab.run(table(*HOSTS, limit={"percent": 100})).path == "fast"


@pytest.mark.parametrize(
    "limit", [{"percent": 101}, {"percent": True}, {"percent": "2.5"}, {}, 101, True, "", {"percent": 1, "x": 1}]
)
def test_a_limit_that_is_none(lab: Lab, limit: Any) -> None:
    with pytest.raises(EngineError) as caught:
        lab.run(table(*HOSTS, limit=limit))
    assert caught.value.reason == "bad_spec"
    assert caught.value.where.startswith("tables[0].max_removed")


def test_a_limit_may_be_a_bare_number(lab: Lab) -> None:
    lab.run(table(*HOSTS))
    with pytest.raises(EngineError, match="max_removed allows 25 %"):
        lab.run(table(limit=25))
    assert lab.run(table(limit="100")).changed
