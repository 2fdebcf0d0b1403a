# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in a real browser: it renders, filters, sorts, copies, and nothing leaves it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.page import page
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.sources import HostData
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.totals import Totals
from ansible_collections.tidegate.nftables.tests.support import fleets
from ansible_collections.tidegate.nftables.tests.support.browser import Browser, browser
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build

AXE = CHECKOUT / "build" / "axe" / "axe.min.js"
HOSTILE = (
    "</script><script>window.owned = 1</script>",
    '"><img src=x onerror="window.owned = 2">',
    "{{ 7 * 7 }}",
    "=HYPERLINK(1)",
    "\x1b]0;owned\x07",
)
PROBLEMS = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
COUNT = "document.getElementById('count').textContent"
NUMBER = "var number = (cell) => Number(cell.textContent.replace(/,/g, '')); "
ROWS = "document.querySelectorAll('#groups tbody tr').length"


def hosts() -> list[HostData]:
    """Return a fleet, some of whose users, names and entries are hostile."""
    odd = [
        fleets.record("app0000", "app", user=text, nearest=text, name=text, destination=f"192.0.2.{number}")
        for number, text in enumerate(HOSTILE, 1)
    ]
    word = "known:github (api.github.com)"
    of_unit = fleets.record("app0000", "app", user="root", unit="agent.service", destination="192.0.2.99", name=word)
    first, *others = fleets.fleet(60, 3000, 400)
    return [replace(first, records=[*first.records, *odd, of_unit]), *others]


def added(kept: Callable[[Mapping[str, Any]], bool] = bool) -> Totals:
    """Return the totals of the records that are kept."""
    totals = Totals(fleets.END)
    for data in hosts():
        totals.add(replace(data, records=[record for record in data.records if kept(record)]))
    return totals


@pytest.fixture(scope="module")
def totals() -> Totals:
    return added()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a few rows in each table: axe looks at every element."""
    totals, own = Totals(fleets.END), list(fleets.fleet(10, 60, 20))
    for data in own:
        totals.add(data)
    silent = HostData(host="web9", tier="web", row=fleets.row("no data", note="gave no answer"))
    edited = replace(own[0], events=(*own[0].events, fleets.event("edited", "2026-11-19T10:00:00Z", edit=["add rule"])))
    text, _known = page(totals, [silent, edited, *own[1:]], None)
    path = tmp_path_factory.mktemp("small") / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def path(totals: Totals, tmp_path_factory: pytest.TempPathFactory) -> Path:
    first, *others = hosts()
    text, _known = page(totals, [replace(first, row=fleets.row("no data", note=HOSTILE[0])), *others], None)
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def opened(running: Browser, path: Path) -> Browser:
    running.view(1280)
    running.open(path)
    return running


def test_it_renders_and_no_text_of_a_host_becomes_markup(opened: Browser, totals: Totals) -> None:
    assert opened.run("document.documentElement.dataset.ready") == "yes"
    assert (
        opened.run(COUNT)
        == f"{len(totals.groups):,} of {len(totals.groups):,} rows; {totals.flows:,} flows not allowed"
    )
    opened.run("document.getElementById('open').click()")
    assert opened.run("window.owned === undefined && document.images.length === 0 && document.scripts.length === 3")
    assert HOSTILE[0] in opened.run("document.body.textContent")
    requests = [event["request"]["url"] for event in opened.reported("Network.requestWillBeSent")]
    assert [url.partition(":")[0] for url in requests] == ["file"]
    assert opened.reported(*PROBLEMS) == []


def test_every_view_has_the_same_totals(opened: Browser, totals: Totals) -> None:
    def of_table(name: str, label: str) -> int:
        cells = f"[...document.querySelectorAll('#{name} tbody td[data-label=\"{label}\"]')]"
        return int(opened.run(f"{cells}.reduce((sum, cell) => sum + Number(cell.dataset.value), 0)"))

    cards = "[...document.querySelectorAll('.cards .flows')].reduce((sum, cell) => sum + number(cell), 0)"
    sums = {name: of_table(name, "Flows") for name in ("days", "user-table", "host-table")}
    assert {**sums, "cards": opened.run(NUMBER + cards)} == dict.fromkeys((*sums, "cards"), totals.flows)


@pytest.mark.parametrize(
    ("query", "keep"),
    [
        ("tier=app", lambda record: record["tier"] == "app"),
        ("tier=app -allowed", lambda record: record["tier"] == "app" and record["decision"] != "allowed"),
        ("host=web0004", lambda record: record["host"] == "web0004"),
        ("198.18.0.1 payd", lambda record: "198.18.0.1" in record["destination"] and record["user"] == "payd"),
    ],
)
def test_a_filter_is_in_the_address_and_counts_every_record(opened: Browser, path: Path, query: str, keep: Any) -> None:
    expected = added(keep)
    opened.run("document.getElementById('filter').focus()")
    opened.write(query)
    wait_for(lambda: opened.run(COUNT).startswith(f"{len(expected.groups):,} of "), "the filtered table")
    shown = opened.run(COUNT)
    assert shown.endswith(f" rows; {expected.flows:,} flows not allowed")
    address = opened.run("location.href")
    opened.open(path, address.partition("#")[2])
    assert opened.run(COUNT) == shown
    assert opened.run("document.getElementById('filter').value") == query


def test_headings_sort_by_keyboard(opened: Browser) -> None:
    packets = NUMBER + "[...document.querySelectorAll('#groups td[data-label=Packets]')].map(number)"
    opened.run("document.querySelectorAll('#groups th button')[6].focus()")
    opened.press("Tab")
    opened.press("Enter")
    assert opened.run(packets) == sorted(opened.run(packets), reverse=True)
    assert opened.run("document.querySelectorAll('#groups th')[7].getAttribute('aria-sort')") == "descending"
    opened.press("Enter")
    assert opened.run(packets) == sorted(opened.run(packets))
    opened.run("document.querySelector('#user-table th button').focus()")
    opened.press("Enter")
    users = opened.run(
        "[...document.querySelectorAll('#user-table tbody th')].map((cell) => cell.textContent.toLowerCase())"
    )
    assert users == sorted(users)


def test_copied_yaml_is_entries_that_the_policy_takes(opened: Browser, path: Path) -> None:
    opened.open(path, "q=tier%3Dapp+payments-api")
    opened.run("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    opened.run("document.getElementById('yaml').click()")
    drafts = yaml.safe_load(opened.run("document.getElementById('text').value"))
    entries = drafts["egress_allow_app"]
    assert entries
    assert {entry["reason"] for entry in entries} == {""}
    numeric = [{**entry, "reason": "a test"} for entry in entries if entry["to"][0][0].isdigit()]
    assert {entry.name for entry in build(egress_allow_app=numeric).entries} >= {entry["name"] for entry in numeric}
    opened.run("document.getElementById('close').click()")
    opened.open(path, "q=192.0.2.99")
    opened.run("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    opened.run("document.getElementById('yaml').click()")
    (draft,) = yaml.safe_load(opened.run("document.getElementById('text').value"))["egress_allow_app"]
    assert draft["users"] == ["root"], "without the unit beside the name"
    assert draft["to"] == ["known:github"], "without the part of it that was asked for"
    opened.run("document.getElementById('close').click()")
    opened.open(path, "q=%3DHYPERLINK")
    opened.run("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    opened.run("document.getElementById('csv').click()")
    rows = list(csv.reader(io.StringIO(opened.run("document.getElementById('text').value"))))
    assert rows[0][0] == "Destination"
    assert rows[1][5] == "'=HYPERLINK(1)", "no spreadsheet runs it"


def test_all_rows_and_all_records_can_be_reached(opened: Browser, totals: Totals) -> None:
    first = opened.run(ROWS)
    opened.run("document.getElementById('more').click()")
    assert first == 500 < opened.run(ROWS)
    opened.run("document.getElementById('open').click()")
    seen = 0
    while True:
        seen += opened.run("document.querySelectorAll('#record-table tbody tr').length")
        if opened.run("document.getElementById('next').hidden"):
            break
        opened.run("document.getElementById('next').click()")
    assert seen == totals.records


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (320, True)])
def test_everybody_can_read_it(running: Browser, small: Path, width: int, dark: bool) -> None:
    running.view(width, dark=dark)
    running.open(small)
    running.run("document.getElementById('open').click()")
    assert running.run("document.documentElement.scrollWidth") <= width
    running.run(AXE.read_text(encoding="utf-8") + ";0")
    found = "axe.run().then((found) => found.violations.map((each) => each.id + ': ' + each.nodes[0].html))"
    assert running.run(found) == []


def test_without_javascript_the_tables_are_there(running: Browser, path: Path) -> None:
    running.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        running.call("Page.navigate", url=f"file://{path}")
        wait_for(lambda: running.run("document.readyState") == "complete", "the page")
        assert running.run("document.documentElement.dataset.ready || ''") == ""
        assert running.run(ROWS) == 500
    finally:
        running.call("Emulation.setScriptExecutionDisabled", value=False)


def test_it_prints(opened: Browser) -> None:
    printed = opened.pdf()
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") < 30
