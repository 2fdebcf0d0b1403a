# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page as text: what it says, and what it never holds. A browser opens it in tests/integration/report."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.naming import name_destinations
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.page import page
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.sources import HOST_LIMIT, HostData
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.totals import Totals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.words import Vocabulary
from ansible_collections.tidegate.nftables.tests.support import fleets

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'


def made(*hosts: HostData, end: float = fleets.END) -> str:
    totals = Totals(end)
    for data in hosts:
        totals.add(data)
    text, _known = page(totals, [replace(data, records=()) for data in hosts], None)
    return text


def test_the_policy_names_the_style_and_the_program_that_are_there() -> None:
    text = made(*fleets.fleet(5, 50, 20))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    policy = policy.replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind, (content,) in {
        "style": re.findall(r"<style>(.*?)</style>", text, re.DOTALL),
        "script": re.findall(r"<script>(.*?)</script>", text, re.DOTALL),
    }.items():
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert " style=" not in text
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:,)""", text)
    assert "http://" not in text.replace("https://www.gnu.org", "").replace("http://www.w3.org", "")


def test_no_text_of_a_host_is_markup_wherever_it_stands() -> None:
    odd = fleets.record("app1", "app", user=HOSTILE, unit=HOSTILE, name=HOSTILE, nearest=HOSTILE)
    events = [fleets.event(name, "2026-11-19T10:00:00Z", who=HOSTILE, what=HOSTILE) for name in ("confirmed", "edited")]
    host = HostData(
        host=HOSTILE[:40],
        tier=HOSTILE,
        row=fleets.row("warning", note=HOSTILE, table=HOSTILE, mode=HOSTILE),
        policy=HOSTILE,
        now=float(fleets.END),
        events=events,
        entries={HOSTILE: 0},
        records=[odd],
    )
    text = made(host)
    assert "<img" not in text
    assert text.count("<script") == 3
    assert text.count("&lt;img") > 5


def test_the_same_input_is_the_same_page() -> None:
    assert made(*fleets.fleet(20, 400, 50)) == made(*fleets.fleet(20, 400, 50))


def test_hosts_without_data_are_named_and_a_page_of_nothing_says_so() -> None:
    silent = HostData(host="db9", tier="database", row=fleets.row("no data", note="gave no answer"))
    text = made(silent)
    assert "1 host gave no data" in text
    assert "gave no answer" in text
    assert "Nobody was rejected." in text
    assert "There is no record." in text


def test_what_is_left_out_and_what_a_clock_did_is_said() -> None:
    many = [fleets.record("app1", "app")] * (HOST_LIMIT + 5)
    ahead = fleets.record("app2", "app", first=fleets.END + 86400 * 400, last=fleets.END + 86400 * 500)
    text = made(
        HostData(host="app1", tier="app", row=fleets.row(), records=many),
        HostData(host="app2", tier="app", row=fleets.row(), records=[ahead], incomplete=[{"user": "x", "packets": 7}]),
    )
    assert "5 records left out: a host has no more than 40,000 here" in text
    assert "1 flow had a time in the future" in text
    assert "its ledger has no record of 7 packets" in text
    assert "Incomplete: 1 host" in text


def test_an_address_of_the_inventory_has_the_word_of_a_policy_everywhere() -> None:
    totals = Totals(fleets.END)
    # What a host says of the name that it asked for does not count here.
    totals.add(HostData(host="app1", tier="app", records=[fleets.record("app1", "app", name="evil.example")]))
    name_destinations(totals, {}, Vocabulary(hosts={"203.0.113.9": "db1"}, names=True))
    text, _known = page(totals, [], None)
    assert len(re.findall(r"203\.0\.113\.9</code>(?:</a>)? <span class=\"asked\">hosts:db1</span>", text)) == 2
    assert "evil.example" not in text


def test_the_unit_that_was_rejected_is_named_with_its_user() -> None:
    of_unit = fleets.record("app1", "app", user="root", uid=0, unit="agent.service")
    text = made(HostData(host="app1", tier="app", row=fleets.row(), records=[of_unit]))
    assert text.count("agent.service (root)") == 2, "among destinations and among users"


def test_a_thousand_hosts_with_two_hundred_thousand_records_are_a_small_file() -> None:
    totals = Totals(fleets.END)
    fleet = list(fleets.fleet(1000, 200_000, 5000))
    began = time.process_time()
    for data in fleet:
        totals.add(data)
    name_destinations(totals, {}, Vocabulary(hosts={"203.0.113.9": "db1"}, names=True))
    text, _known = page(totals, [replace(data, records=()) for data in fleet], None)
    assert time.process_time() - began < 30
    assert totals.records == 200_000
    assert len(text.encode()) < 5_000_000
