# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of docs/observe.md: made by `make golden`, from a made fleet, in the same browser as the tests."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.page import page
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.previous import Previous
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.sources import HostData
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.totals import Totals
from ansible_collections.tidegate.nftables.tests.support import fleets
from ansible_collections.tidegate.nftables.tests.support.browser import Browser, browser
from ansible_collections.tidegate.nftables.tests.support.golden import Golden
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

PICTURES = CHECKOUT / "docs" / "pictures"
WIDTH = 1200
LARGEST = 150_000
"""Bytes of a picture."""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    folder = tmp_path_factory.mktemp("pictures")
    totals = Totals(fleets.END)
    hosts = [
        replace(data, row=fleets.row(ready=False, observed_hours=60.0)) if data.tier == "build" else settled(data)
        for data in fleets.fleet(40, 900, 60)
    ]
    for data in hosts:
        totals.add(data)
    known = {key[:3] for key, group in totals.groups.items() if group.first < fleets.END - 2 * fleets.DAY}
    text, _known = page(totals, hosts, Previous(fleets.END - 2.0 * fleets.DAY, frozenset(known)))
    (folder / "report.html").write_text(text, encoding="utf-8")
    with browser(folder) as running:
        running.open(folder / "report.html")
        yield running


def settled(data: HostData) -> HostData:
    """Return a host as its state says: one that observes and is ready was refused nothing new for days."""
    if data.tier == "web":
        return data
    latest = fleets.END - 5 * fleets.DAY
    return replace(
        data,
        records=[each for each in data.records if each["decision"] == "allowed" or each["last"] < latest],
    )


def size(picture: bytes) -> tuple[int, int]:
    """Return the width and height of a PNG."""
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


@pytest.mark.parametrize(("name", "section", "height"), [("report-tiers", "", 560), ("report-time", "time", 520)])
def test_the_page_looks_as_the_documentation_shows_it(
    opened: Browser, golden: Golden, name: str, section: str, height: int
) -> None:
    opened.view(WIDTH, height=height)
    if section:
        opened.run(f"document.getElementById('{section}').scrollIntoView()")
    picture = opened.picture()
    if golden.regenerate:
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / f"{name}.png").write_bytes(picture)
    # Fonts differ between machines, so the pixels do as well.
    kept = (PICTURES / f"{name}.png").read_bytes()
    assert size(kept) == size(picture) == (WIDTH, height)
    assert len(kept) < LARGEST
