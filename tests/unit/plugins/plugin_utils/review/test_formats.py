# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Markdown, CSV and HTML have the same rows, and no text becomes markup or a formula."""

from __future__ import annotations

import csv
import html.parser
import io
import time

from ansible_collections.tidegate.nftables.plugins.plugin_utils.review import formats
from ansible_collections.tidegate.nftables.plugins.plugin_utils.review.entries import Finding, Row

EVIL = "<script>alert(1)</script>|`[x](javascript:y)\x1b[2J\n=cmd()"


REFUSED = {"tier": "app", "user": EVIL, "decision": "rejected", "hosts": 2, "flows": 3, "packets": 12}


def row(name: str = "api", **changes: object) -> Row:
    values: dict[str, object] = {
        "name": name,
        "where": "egress_allow_app[api]",
        "origin": "group_vars/app.yml:3:5",
        "to": ("203.0.113.0/24",),
        "services": ("https",),
        "users": (),
        "reason": "packages",
        "owner": "infra",
        "expires": None,
        "review_by": None,
        "tiers": ("app",),
        "hosts": ("app1", "app2", "app3", "app4"),
        "changed": 0.0,
        "hits": 7,
        "last": 86400,
        "unused_parts": (),
        "judged": "",
        "findings": (Finding(kind="review_due", text="late"),),
        **changes,
    }
    return Row(**values)  # type: ignore[arg-type]


class Tags(html.parser.HTMLParser):
    """Collects the tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        self.tags.add(tag)


def test_every_format_has_every_row() -> None:
    review = formats.Review(rows=[row(), row("old", hits=None)], silent={"db1": "gone"}, made=864000.0)
    parsed = list(csv.DictReader(io.StringIO(formats.table(review))))
    assert [(each["entry"], each["hits"], each["age"], each["last hit"]) for each in parsed] == [
        ("api", "7", "10 days", "1970-01-02"),
        ("old", "", "10 days", "1970-01-02"),
    ]
    assert parsed[0]["findings"] == "OVERDUE: late"
    assert parsed[0]["hosts"] == "4: app1, app2, app3 and 1 more"
    for text in (formats.markdown(review), formats.page(review)):
        for part in (
            "api",
            "old",
            "OVERDUE: late",
            "packages",
            "db1: no data: gone",
            "2 entries on 4 hosts, 2 overdue",
        ):
            assert part in text


def test_a_hostile_text_is_a_text() -> None:
    review = formats.Review(
        rows=[row(EVIL, reason=EVIL, owner="=1+1")], silent={EVIL: EVIL}, made=0.0, unused=[EVIL], refused=[REFUSED]
    )
    page = formats.page(review)
    assert Tags(page).tags <= {
        *("html", "meta", "title", "style", "h1", "h2", "p", "div", "table", "thead", "tbody", "tr", "th", "td")
    }
    assert "default-src 'none'" in page
    markdown = formats.markdown(review)
    assert "<script" not in markdown
    assert "\x1b" not in markdown + page + formats.table(review)
    assert len(markdown.splitlines()) == 17
    (parsed,) = csv.DictReader(io.StringIO(formats.table(review)))
    assert parsed["owner"] == "'=1+1"


def test_a_review_of_ten_thousand_entries_takes_seconds() -> None:
    review = formats.Review(rows=[row(f"entry-{number}") for number in range(10_000)], silent={}, made=0.0)
    began = time.process_time()
    assert sum(map(len, formats.files(review).values())) > 1_000_000
    assert time.process_time() - began < 20
