# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan says about two fleets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.compare import compare
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.formats import as_json
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.markdown import markdown
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.model import (
    EgressPlan,
    HostGroup,
    HostPolicy,
    PolicyTestChange,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.serialise import fleet_data, fleet_from
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.tests.golden.cases import cases
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import entry

from .fleets import PAY, TEST, planned, policy


def rows(plan: EgressPlan) -> list[str]:
    """Return the rows of the tables of packets, without their heads."""
    return [line for line in markdown(plan).splitlines() if line.startswith("| ") and "---" not in line][1:]


def test_nothing_changes() -> None:
    plan = planned({"egress_allow_app": [PAY]}, {"egress_allow_app": [PAY]})
    assert plan.outcome == "same"
    assert "Nothing changes." in markdown(plan)


def test_an_entry_that_is_wider_by_half_a_network_opens_the_other_half() -> None:
    plan = planned({"egress_allow_app": [{**PAY, "to": ["203.0.113.0/25"]}]}, {"egress_allow_app": [PAY]})
    assert plan.outcome == "different"
    (difference,) = plan.allowed
    assert difference.entries == ("pay",)
    assert "| everybody | 203.0.113.128/25 | tcp/443 |" in markdown(plan)
    assert plan.closed == ()
    (change,) = plan.entries
    assert (change.owner, change.reason, change.origin) == ("team-pay", "cards", "group_vars/egress_allow_app.yml:0")
    assert "  - addresses: + 203.0.113.128/25" in markdown(plan)


def test_an_entry_for_one_user_opens_nothing_to_others() -> None:
    plan = planned({}, {"egress_allow_app": [{**PAY, "users": ["payd"]}]})
    assert "| payd | 203.0.113.0/24 | tcp/443 |" in markdown(plan)
    assert "everybody" not in markdown(plan)
    plan = planned({"egress_allow_app": [{**PAY, "users": ["payd"]}]}, {"egress_allow_app": [PAY]})
    assert rows(plan) == ["| everybody but payd | 203.0.113.0/24 | tcp/443 |"]
    assert "  - users: payd → everybody" in markdown(plan)
    assert rows(planned({"egress_allow_app": [PAY]}, {"egress_allow_app": [{**PAY, "users": ["payd"]}]})) == rows(plan)


def test_an_entry_for_units_opens_nothing_to_others() -> None:
    by_unit = {**PAY, "units": ["pay.service", "batch.slice"]}
    plan = planned({}, {"egress_allow_app": [by_unit]})
    assert rows(plan) == ["| everybody in batch.slice, pay.service | 203.0.113.0/24 | tcp/443 |"]
    assert "  - 203.0.113.0/24 with https as batch.slice, pay.service" in markdown(plan)
    (reach,) = as_json(plan)["allowed"][0]["reach"]
    assert reach["units"] == ["batch.slice", "pay.service", "pay.service in batch.slice"]
    plan = planned({"egress_allow_app": [by_unit]}, {"egress_allow_app": [PAY]})
    assert rows(plan) == ["| everybody not in batch.slice, pay.service | 203.0.113.0/24 | tcp/443 |"]
    assert "  - units: batch.slice, pay.service → any" in markdown(plan)
    both = {**PAY, "units": ["pay.service"], "users": ["payd"]}
    assert rows(planned({}, {"egress_allow_app": [both]})) == ["| payd in pay.service | 203.0.113.0/24 | tcp/443 |"]
    instance, template = ({**PAY, "units": [name]} for name in ("t@x.service", "t@.service"))
    plan = planned({"egress_allow_app": [instance]}, {"egress_allow_app": [template]})
    assert rows(plan) == ["| everybody in t@.service | 203.0.113.0/24 | tcp/443 |"]


def test_a_removed_entry_is_no_longer_allowed() -> None:
    plan = planned({"egress_allow_app": [PAY]}, {})
    assert plan.allowed == ()
    assert "## No longer allowed" in markdown(plan)
    assert "- **pay** removed: app1 (tier app)" in markdown(plan)


def test_a_new_never_closes_without_any_entry_being_touched() -> None:
    plan = planned({"egress_allow_app": [PAY]}, {"egress_allow_app": [PAY], "egress_never": [{"to": "203.0.113.9"}]})
    assert plan.entries == ()
    assert "| everybody | 203.0.113.9 | tcp/443 |" in markdown(plan)
    assert "app1 (tier app), because egress_never[0] closes what pay opens:" in markdown(plan)
    back = planned({"egress_allow_app": [PAY], "egress_never": [{"to": "203.0.113.9"}]}, {"egress_allow_app": [PAY]})
    assert "app1 (tier app), by pay, which egress_never closed:" in markdown(back)
    assert "egress_never no longer closes 203.0.113.9 with any service to everybody" in markdown(back)


def test_a_test_that_passes_or_fails_only_now_is_reported() -> None:
    opened = {"egress_allow_app": [entry(name="o", to=["198.51.100.7"])], "egress_tests_app": [TEST]}
    closed = {"egress_tests_app": [TEST]}
    failing, passing = planned(closed, opened), planned(opened, closed)
    assert (failing.outcome, passing.outcome) == ("tests", "different")
    assert "egress_tests_app[t] **now fails**: fails: everybody reaches 198.51.100.7 with tcp/443" in markdown(failing)
    assert "egress_tests_app[t] now passes" in markdown(passing)
    assert planned(opened, opened).tests[0].outcome == "fails"
    assert planned({}, opened).tests[0].outcome == "fails"
    assert planned(closed, closed).tests[0].outcome == "passes"


def test_an_entry_that_a_new_one_covers_adds_nothing_now() -> None:
    narrow = entry(name="narrow", to=["203.0.113.7"], users=["payd"])
    plan = planned({"egress_allow_app": [narrow]}, {"egress_allow_app": [narrow, PAY]})
    (remark,) = plan.remarks
    assert remark.kind == "redundant"
    assert remark.text == "egress_allow_app[narrow] adds nothing: the entry pay opens all of it"
    # It was so before, and is no news.
    both = {"egress_allow_app": [narrow, PAY]}
    assert planned(both, {**both, "egress_deny_quietly": [{"to": "192.0.2.1"}]}).remarks == ()


def test_a_raised_ceiling_is_a_remark() -> None:
    raised = {**PAY, "review_by": "2027-01-01"}
    plan = planned({}, {"egress_ceiling_raise_app": [raised]})
    assert [remark.kind for remark in plan.remarks] == ["ceiling"]


def test_hosts_with_the_same_change_share_it_and_others_do_not() -> None:
    before, after = policy(), policy(egress_allow_app=[PAY])
    plan = compare(
        {"a": before, "b": before, "c": before}, {"a": after, "b": after, "c": before}, name="main", unmanaged=2
    )
    assert [difference.hosts.names for difference in plan.allowed] == [("a", "b")]
    assert "3 hosts were compared for every address, port and user; 2 hosts without egress_tier were not." in markdown(
        plan
    )


def test_a_new_host_opens_all_that_it_has_but_the_floor_of_every_host() -> None:
    plan = compare({}, {"app1": policy(egress_allow_app=[PAY], egress_dns_servers=["10.0.0.53"])}, name="main")
    text = markdown(plan)
    assert "- newly with a policy: app1" in text
    assert "203.0.113.0/24 | tcp/443" in text
    assert "10.0.0.53 | tcp/53, tcp/853, udp/53, udp/853" in text
    assert "127.0.0.0" not in text
    gone = compare({"app1": policy()}, {}, name="main")
    assert (gone.vanished, gone.closed) == (("app1",), ())


def test_a_policy_that_cannot_be_read_is_an_error_and_not_a_closed_fleet() -> None:
    broken = HostPolicy(None, ("group_vars/app.yml:3:5 egress_allow_app[x]: is wrong. Fix: write it anew",))
    plan = compare({"app1": policy(egress_allow_app=[PAY])}, {"app1": broken}, name="main")
    assert (plan.outcome, plan.closed, plan.entries) == ("errors", (), ())
    assert "- `group_vars/app.yml:3:5` egress_allow_app[x]: is wrong. Fix: write it anew: app1" in markdown(plan)
    repaired = compare({"app1": broken}, {"app1": policy(egress_allow_app=[PAY])}, name="main")
    assert repaired.outcome == "same"
    assert "## Errors in main" in markdown(repaired)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_policy_survives_being_written(case: Any) -> None:
    resolved: ResolvedPolicy = case.resolved()
    fleet = {"app1": HostPolicy(resolved), "app2": HostPolicy(resolved), "db1": HostPolicy(None, ("is wrong",))}
    read = fleet_from(json.loads(json.dumps(fleet_data(fleet))))
    assert read == fleet
    assert read["app1"].resolved is read["app2"].resolved


def test_only_the_entries_that_open_a_difference_are_named() -> None:
    other = entry(name="other", to=["192.0.2.7"])
    plan = planned({"egress_allow_app": [other]}, {"egress_allow_app": [other, PAY]})
    (change,) = plan.allowed
    assert change.entries == ("pay",)


def test_an_inbound_entry_is_not_the_outbound_one_of_the_same_name() -> None:
    inbound = {"name": "pay", "from": "10.0.0.0/8", "services": ["https"]}
    plan = planned({"egress_allow_app": [PAY]}, {"egress_allow_app": [PAY], "egress_inbound_allow": [inbound]})
    assert [(change.name, change.kind, change.outcome) for change in plan.entries] == [("pay", "inbound", "added")]
    assert "- **pay** added (inbound): app1" in markdown(plan)


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("review_by", "2027-01-01", "2027-02-01"),
        ("expires", "2027-01-01", "2027-02-01"),
        ("reason", "cards", "card payments"),
        ("owner", "team-pay", "team-cards"),
    ],
)
def test_a_change_that_opens_nothing_is_a_change_of_the_entry(key: str, before: str, after: str) -> None:
    name = "egress_ceiling_raise_app"
    raised = {**PAY, "review_by": "2027-01-01"}
    plan = planned({name: [{**raised, key: before}]}, {name: [{**raised, key: after}]})
    (change,) = plan.entries
    assert (change.outcome, change.changes) == ("changed", ((key, before, after),))
    assert (plan.allowed, plan.closed) == ((), ())
    # A later end is a weaker guard; the others are words about the entry.
    assert plan.outcome == ("guards" if key == "expires" else "entries")


def test_a_test_that_passes_only_now_makes_a_difference_by_itself() -> None:
    test = PolicyTestChange(
        outcome="now_passes", name="t", origin="", where="egress_tests_app[t]", hosts=HostGroup(("app1",), ("app",))
    )
    assert EgressPlan(base="main", hosts=1, unmanaged=0, tests=(test,)).outcome == "different"


def test_a_new_host_with_containers_opens_what_they_may_reach() -> None:
    containers = policy(egress_containers=True, egress_allow_app=[{**PAY, "for": ["containers"]}])
    changes = compare({}, {"app1": containers}, name="main").allowed
    assert [change.entries for change in changes if change.whose == "containers"] == [("pay",)]
    without = compare({}, {"app1": policy(egress_allow_app=[PAY])}, name="main").allowed
    assert all(change.whose == "host" for change in without)


def test_two_differences_are_two_tables() -> None:
    before = {"egress_allow_app": [PAY]}
    after = {"egress_allow_app": [entry(name="other", to=["192.0.2.7"])]}
    wide = compare({"a": policy(**before), "b": policy()}, {"a": policy(**after), "b": policy(**before)}, name="main")
    table = "| who | to | with |\n| --- | --- | --- |\n"
    text = markdown(wide)
    assert f"\n\na (tier app), by other:\n\n{table}| everybody | 192.0.2.7 | tcp/443 |\n\nb (tier app), by pay:" in text


def test_a_renamed_entry_opens_and_closes_nothing() -> None:
    plan = planned({"egress_allow_app": [PAY]}, {"egress_allow_app": [{**PAY, "name": "payments"}]})
    assert plan.outcome == "entries"
    text = markdown(plan)
    assert "No packet and no guard changes; 1 entry is written differently." in text
    assert "- **payments** renamed from pay: app1 (tier app)" in text
    assert "removed" not in text


def test_an_entry_past_its_day_expired_and_was_not_removed() -> None:
    plan = planned({"egress_allow_app": [PAY]}, {"egress_allow_app": [{**PAY, "expires": "2026-11-19"}]})
    text = markdown(plan)
    assert "- **pay** expired: app1 (tier app)" in text
    assert "app1 (tier app), because pay expired on 2026-11-19:" in text


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        ({"egress_allow_app": [PAY]}, {}, "pay was removed"),
        ({"egress_allow_app": [PAY]}, {"egress_allow_app": [{**PAY, "services": "http"}]}, "pay changed"),
        ({"egress_dns_servers": ["192.0.2.53"]}, {}, "egress_dns_servers"),
        (
            {"egress_dns_servers": ["192.0.2.53"]},
            {"egress_dns_servers": ["192.0.2.53"], "egress_floor_without": ["dns"]},
            "egress_floor_without",
        ),
    ],
)
def test_what_is_no_longer_allowed_names_its_cause(before: dict[str, Any], after: dict[str, Any], cause: str) -> None:
    assert f"app1 (tier app), because {cause}:" in markdown(planned(before, after))


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ({"egress_containers": True}, {}, "egress_containers: what containers send is no longer filtered"),
        ({"egress_mode": "enforce"}, {"egress_mode": "absent"}, "egress_mode enforce → absent: the policy is removed"),
        (
            {"egress_mode": "enforce"},
            {"egress_mode": "observe"},
            "egress_mode enforce → observe: what no entry allows is",
        ),
        ({}, {"egress_observe": ["internet"]}, "egress_observe: what no entry allows to internet is only counted"),
        ({}, {"egress_untracked": "accept"}, "egress_untracked reject → accept: everything that notrack rules exempt"),
        ({"egress_established": "recheck"}, {}, "egress_established recheck → keep: open connections stay"),
        ({"egress_floor_without": ["dhcp"]}, {}, "egress_floor_without: dhcp is back in the floor"),
        (
            {"egress_inbound_allow": [{"name": "site", "from": "any", "services": ["https"]}]},
            {},
            "egress_inbound_allow: what comes in is no longer filtered",
        ),
    ],
)
def test_what_opens_whatever_entries_say_is_one_sentence(
    before: dict[str, Any], after: dict[str, Any], sentence: str
) -> None:
    plan = planned(before, after)
    assert (plan.outcome, rows(plan)) == ("different", [])
    text = markdown(plan)
    assert "1 opening." in text
    assert f"- `group_vars/{sentence.split(maxsplit=1)[0].rstrip(':')}.yml" in text
    assert sentence in text.partition("## Newly allowed")[2]
    back = planned(before=after, after=before)
    assert [change.direction for change in back.settings] == ["closes"]


def test_inbound_packets_are_compared_like_outbound_ones() -> None:
    site = {"name": "site", "from": ["10.0.0.0/8"], "services": ["https"]}
    plan = planned(
        {"egress_inbound_allow": [site]}, {"egress_inbound_allow": [{**site, "from": ["10.0.0.0/8", "192.0.2.0/24"]}]}
    )
    assert "| who | from | with |\n| --- | --- | --- |\n| everybody | 192.0.2.0/24 | tcp/443 |" in markdown(plan)


def test_the_port_that_stays_open_for_ansible_is_named() -> None:
    site = {"egress_inbound_allow": [{"name": "site", "from": ["10.0.0.0/8"], "services": ["https"]}]}
    plan = planned(site, {**site, "ansible_port": 2222})
    assert plan.outcome == "different"
    assert "ansible_port 22 → 2222: the port that is always let in" in markdown(plan)


def test_the_first_line_counts_what_a_reviewer_looks_for() -> None:
    plan = planned(
        {"egress_allow_app": [PAY], "egress_never": [{"to": "cloud-metadata"}]},
        {"egress_allow_app": [entry(name="other", to=["192.0.2.7"])], "egress_untracked": "accept"},
    )
    assert markdown(plan).splitlines()[2] == "2 openings, 1 closing, 1 guard weakened."
