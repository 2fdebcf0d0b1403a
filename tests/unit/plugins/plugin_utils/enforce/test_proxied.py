# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proxies let through in mode observe is evidence as the ledger is, and what is not known of it, too."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.evidence import Evidence, judge
from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.proxied import proxied
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build

NOW = 1_795_176_000.0
HOSTS = {"10.10.0.30": "px1", "10.10.0.31": "px2"}
NAMES: dict[str, Any] = {
    "egress_names": "proxy",
    "egress_proxies": [*HOSTS],
    "egress_allow_x": [{"name": "code", "to": ["*.code.example"], "services": ["https"]}],
}
OBSERVED: dict[str, Any] = {
    "confirmed": True,
    "observes": True,
    "since": NOW - 100 * 3600,
    "now": NOW,
    "ledger": [],
    "overflow": [],
}


def request(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "port": 443, "observed": True, "times": 2, "first": NOW - 900, "last": NOW - 60, **changes}


def result(host: str, *requests: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"item": host, "since": NOW - 90 * 3600, "complete": True, "requests": [*requests], **changes}


def judged(*results: dict[str, Any], hosts: dict[str, str] | None = None, **variables: Any) -> Evidence:
    resolved = build(egress_mode="observe", **{**NAMES, **variables})
    return judge(resolved, OBSERVED, 72, proxied=proxied(HOSTS if hosts is None else hosts, results))


def test_a_name_that_no_entry_opens_is_unexplained_and_named() -> None:
    evidence = judged(result("px1", request("other.example")), result("px2", request("Other.example", last=NOW - 30)))
    assert not evidence.ready
    assert "1 unexplained rejection: other.example tcp/443 through the proxy (4 requests)." in evidence.sentence
    assert judged(result("px1", request("a.code.example")), result("px2")).ready
    assert not judged(result("px1", request("a.code.example", port=8443)), result("px2")).ready


def test_what_the_proxy_rejects_already_is_no_evidence_and_what_is_no_name_neither() -> None:
    assert judged(result("px1", request("inside.example", observed=False)), result("px2")).ready
    assert judged(result("px1", request("other names"), request("50.0.0.1")), result("px2")).ready is False


@pytest.mark.parametrize(
    ("results", "gap"),
    [
        ([result("px1")], "the log of px2 was not read"),
        (
            [result("px1"), {"item": "px2", "msg": "no\nway", "unreachable": True}],
            "the log of px2 was not read: no way",
        ),
        ([result("px1"), result("px2", since=None)], "the log of px2 was not read: it is not a proxy"),
        ([result("px1"), result("px2", complete=False)], "the log of px2 is incomplete"),
    ],
)
def test_what_is_not_known_makes_no_host_ready(results: list[dict[str, Any]], gap: str) -> None:
    evidence = judged(*results)
    assert not evidence.ready
    assert gap in evidence.sentence
    assert "No unexplained rejections" not in evidence.sentence


def test_a_proxy_that_is_no_host_of_the_inventory_is_a_gap() -> None:
    assert "10.10.0.31 is no host of the inventory" in judged(result("px1"), hosts={**HOSTS, "10.10.0.31": ""}).sentence


def test_the_evidence_is_no_older_than_the_logs_of_the_oldest_proxy() -> None:
    young = [result("px1", since=NOW - 3600), result("px2", since=NOW - 2 * 3600)]
    assert "observed 2 of 72 h" in judged(*young).sentence
    assert judged(young[0], result("px2")).ready
