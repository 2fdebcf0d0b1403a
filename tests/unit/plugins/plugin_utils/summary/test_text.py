# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person reads at the end of a run."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.summary.text import summary


def applied(mode: str = "enforce", tier: str | None = "web", **more: Any) -> dict[str, Any]:
    return {"egress": {"mode": mode, "tier": tier, "entries": 5, "internet_entries": 1}, "changed": False, **more}


def text(results: dict[str, dict[str, Any]], **options: Any) -> str:
    return "\n".join(line.text for line in summary(results, **options))


def test_each_tier_says_mode_entries_and_how_many_reach_the_internet() -> None:
    shown = text({"w1": applied(), "w2": applied(), "d1": applied(tier="database", mode="observe")})
    assert "web          2 hosts    enforce  5 entries, 1 reaches the internet" in shown
    assert "database     1 host     observe  5 entries" in shown


def test_observe_says_loudly_that_nothing_is_rejected() -> None:
    lines = summary({"w1": applied(mode="observe"), "w2": applied()})
    loud = [line.text for line in lines if line.tone == "loud"]
    assert len(loud) == 1
    assert "1 host" in loud[0]
    assert "NOTHING IS REJECTED" in loud[0]
    assert "NOTHING IS REJECTED" not in text({"w2": applied()})


def test_enforce_says_loudly_what_it_only_observes() -> None:
    partly = applied()
    partly["egress"]["observe"] = ["internal"]
    shown = text({"w1": partly, "w2": applied()})
    assert "ONLY OBSERVED on 1 host: internal. Traffic to there is not rejected" in shown
    partly["egress"]["mode"] = "observe"
    assert "ONLY OBSERVED" not in text({"w1": partly})


def test_a_changed_host_says_what_opened_and_closed() -> None:
    effects = [
        "opened for payd: to 203.0.113.0/24 with tcp/443 (by pay)",
        "a hand-made `accept` in chain x was removed",
    ]
    shown = text({"w1": applied(changed=True, effects=effects)})
    assert f"  w1: changed\n    {effects[0]}\n    {effects[1]}" in shown
    assert "  w1: would change\n" in text({"w1": applied(changed=True, effects=effects)}, check=True)


def test_it_stays_short_for_five_hundred_hosts() -> None:
    results = {f"w{n}": applied(changed=True, effects=["closed"], missing_users=["payd"]) for n in range(500)}
    shown = text(results)
    assert "  w0, w1, w10, w100, w101, w102 and 494 more: changed\n    closed\n" in shown
    assert len(shown.splitlines()) < 10
    different = {f"w{n}": applied(changed=True, effects=[f"closed {n}"]) for n in range(500)}
    assert "  and 490 more hosts changed" in text(different)
    assert len(text(different).splitlines()) < 30


def test_a_missing_user_and_a_failed_host_are_named() -> None:
    shown = text({"w1": applied(missing_users=["payd"]), "w2": {"failed": True, "msg": "no"}})
    assert "User payd does not exist on w1" in shown
    assert "FAILED on 1 host, which keeps what was loaded before: w2" in shown


def test_a_name_without_an_address_is_named_with_its_hosts() -> None:
    results = {f"w{number}": applied(names_without_address=["gone.example"]) for number in (1, 2)}
    assert "  Name gone.example has no address on w1, w2: its entries allow nothing there until it has one" in text(
        results
    )


def test_absent_hosts_are_counted_apart() -> None:
    shown = text({"w1": applied(mode="absent", tier=None)})
    assert "No policy on 1 host (egress_mode: absent): w1" in shown


def counted(**packets: int) -> dict[str, Any]:
    return {"inet tidegate": {name: {"packets": number, "bytes": 60 * number} for name, number in packets.items()}}


def test_each_tier_says_what_was_rejected_or_would_have_been() -> None:
    shown = text(
        {
            "w1": applied(counters=counted(denied=3, invalid=9)),
            "w2": applied(counters=counted(denied=4, denied_inbound=10)),
            "d1": applied(tier="database", mode="observe", counters=counted(would_deny=5)),
            "b1": applied(tier="bastion", counters=counted(denied=0)),
        }
    )
    assert "reaches the internet, 17 packets rejected" in shown
    assert "reaches the internet, 5 packets would have been rejected" in shown
    assert "reaches the internet, 0 packets rejected" in shown
    assert "rejected" not in text({"w1": applied()}) + text({"w1": applied(counters={})})


def test_notices_are_said_once_and_at_most_ten_of_them() -> None:
    def noticed(*notices: str) -> dict[str, Any]:
        result = applied()
        result["egress"]["notices"] = list(notices)
        return result

    shown = text(
        {"w1": noticed("a: closes soon", "a: closes soon"), "w2": noticed("a: closes soon", "b: adds nothing")}
    )
    assert shown.count("closes soon") == 1
    assert "  Notice: a: closes soon (2 hosts)" in shown
    assert "  Notice: b: adds nothing (w2)" in shown
    assert "more notice" not in shown
    many = {f"w{n}": noticed(*(f"{number}: of w{n}" for number in range(20)), "everywhere") for n in range(500)}
    lines = [line.text for line in summary(many)]
    assert lines[2] == "  Notice: everywhere (500 hosts)"
    assert lines[-1] == "  and 9991 more notices"
    assert len(lines) == 2 + 10 + 1


def confirmed(**more: Any) -> dict[str, Any]:
    return {"connection": "ssh", "proves": True, "tests": 3, "broken": [], "broken_before": [], "unsent": [], **more}


def test_a_changed_host_says_whether_it_was_confirmed_and_over_what() -> None:
    changes = [{"kind": "rule", "action": "add", "chain": "egress_allow", "comment": "payments-api"}]
    shown = text(
        {
            "w1": applied(
                changed=True, changes=changes, confirmation=confirmed(broken_before=["api (192.0.2.1 tcp/1)"])
            ),
            "w2": applied(changed=True, changes=changes, confirmation=confirmed(proves=False, connection="podman")),
            "w3": applied(changed=True, changes=changes, confirmation=None),
            "w4": applied(mode="absent", changed=True, changes=changes, confirmation=None),
        }
    )
    assert "w1: changed; confirmed over a new SSH connection; 2 of 3 test probes passed" in shown
    assert "failed also before the change: api (192.0.2.1 tcp/1)" in shown
    assert "Confirmed over the podman connection on 1 host: this proves little" in shown
    assert "w3: changed; saved without confirmation" in shown
    assert "w4: changed\n" in shown
    singular = text({"w1": applied(changed=True, changes=changes, confirmation=confirmed(tests=1))})
    assert "confirmed over a new SSH connection; 1 of 1 test probes passed" in singular
    unsent = ["agent (192.0.2.1 tcp/1 in agent.service): the unit does not run"]
    two = text({"w1": applied(changed=True, changes=changes, confirmation=confirmed(unsent=unsent))})
    assert f"2 of 2 test probes passed; calculated without a packet: {unsent[0]}" in two
    none = text({"w1": applied(changed=True, changes=changes, confirmation=confirmed(tests=1, unsent=unsent))})
    assert f"over a new SSH connection; calculated without a packet: {unsent[0]}" in none
    predicted = text({"w1": applied(changed=True, changes=changes, confirmation=None)}, check=True)
    assert "without confirmation" not in predicted


def test_updated_files_are_named() -> None:
    assert "w1: changed\n    files on the host updated" in text({"w1": applied(changed=True, changes=[])})
