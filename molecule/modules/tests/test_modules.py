# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules without any policy: what they made is in the kernel, on three versions of nft, and works on packets."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.tidegate.nftables.molecule.shared import lab

testinfra_hosts = lab.targets("web")

# The edited table refuses 192.0.2.0/24 and one address of payments on port 443, and drops 2001:db8:192::66.
REFUSED = {"stranger/4", "payments/4"}
DROPPED = {name for name in lab.FLOWS if name.startswith("stranger") and name.endswith("/6")}


def listed(host: Any, kind: str) -> list[dict[str, Any]]:
    listing = json.loads(host.check_output("nft -j list table inet workshop"))["nftables"]
    return [item[kind] for item in listing if kind in item]


def test_refuses_what_the_edited_rules_say(host: Any) -> None:
    outcomes = lab.attempt(host, "root", lab.FLOWS)

    assert set(lab.FLOWS) - lab.reached(outcomes) == REFUSED | DROPPED
    assert {outcomes[name].result for name in REFUSED} == {"refused"}
    assert {outcomes[name].result for name in DROPPED} <= {"silent", "refused"}


def test_has_the_elements_that_were_last_asked_for(host: Any) -> None:
    elements = {item["name"]: item["elem"] for item in listed(host, "set")}

    # Two halves of a network stay two elements, or become one where nft merges them; either way it is that network.
    assert elements["banned"] == ["2001:db8::66", "2001:db8:192::66"]
    assert "203.0.113.10" in elements["strangers"]
    assert not any("198.51.100" in str(element) for element in elements["strangers"])


def test_keeps_rules_in_their_order(host: Any) -> None:
    comments = [item.get("comment") for item in listed(host, "rule") if item["chain"] == "shared"]

    assert comments == ["inside"]
    assert len([item for item in listed(host, "rule") if item["chain"] == "leaving"]) == 4


def test_removes_a_table_and_no_other(host: Any) -> None:
    assert host.check_output("nft list tables").splitlines() == ["table inet workshop"]
