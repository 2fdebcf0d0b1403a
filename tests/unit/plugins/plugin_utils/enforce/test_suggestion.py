# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML for unexplained rejections: pasted as it is, it explains them."""

from __future__ import annotations

from dataclasses import replace

import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.evidence import Rejection, explained
from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.suggestion import suggested
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build


def rejection(
    address: str, port: int | None = 443, user: str | None = "www-data", uid: int | None = 33, protocol: int = 6
) -> Rejection:
    return Rejection(address=address, protocol=protocol, port=port, uid=uid, user=user, packets=4, last=0.0)


REJECTIONS = [
    rejection("198.51.100.7"),
    rejection("2001:db8::7"),
    rejection("198.51.100.7", 8443),
    rejection("198.51.100.8", user=None, uid=4242),
    rejection("198.51.100.9", None, None, None, protocol=47),
]


def test_the_entries_explain_the_rejections() -> None:
    text = "\n".join(suggested(REJECTIONS, "app"))
    variables = yaml.safe_load(text)
    assert list(variables) == ["egress_allow_app_observed"]
    assert len(variables["egress_allow_app_observed"]) == 4
    resolved = build(egress_mode="observe", **variables)
    assert [line for line in REJECTIONS if not explained(resolved, line)] == []
    assert [line for line in REJECTIONS if explained(build(egress_mode="observe"), line)] == []


def test_an_entry_is_for_one_user_and_one_service() -> None:
    entries = yaml.safe_load("\n".join(suggested(REJECTIONS, "")))["egress_allow_app_observed"]
    assert entries[0] == {
        "name": "www-data-https",
        "to": ["198.51.100.7", "2001:db8::7"],
        "services": ["https"],
        "users": ["www-data"],
        "reason": "8 packets in mode observe; why?",
    }
    assert [entry.get("users") for entry in entries] == [["www-data"], ["www-data"], ["4242"], None]


def test_a_unit_says_more_than_root_or_a_number_and_no_more_than_a_users_name() -> None:
    lines = [
        replace(rejection("198.51.100.7", user=user, uid=uid), unit=unit)
        for user, uid, unit in (
            ("root", 0, "otel-collector.service"),
            ("root", 0, "restic@home.service"),
            (None, 61842, "dynamic.service"),
            ("www-data", 33, "nginx.service"),
            ("root", 0, None),
        )
    ]
    entries = yaml.safe_load("\n".join(suggested(lines, "")))["egress_allow_app_observed"]
    assert [(entry["name"], entry.get("users"), entry.get("units")) for entry in entries] == [
        ("otel-collector-https", ["root"], ["otel-collector.service"]),
        ("restic-home-https", ["root"], ["restic@home.service"]),
        ("dynamic-https", None, ["dynamic.service"]),
        ("www-data-https", ["www-data"], None),
        ("root-https", ["root"], None),
    ]
    assert str(lines[0]) == "otel-collector.service (root) to 198.51.100.7 tcp/443 (4 packets)"
    resolved = build(egress_mode="observe", egress_allow_app=entries)
    # Who else it was, a note of a unit does not say.
    assert [explained(resolved, line) for line in lines] == [True, True, False, True, True]


def test_nothing_unexplained_needs_no_entry() -> None:
    assert suggested([], "app") == []
