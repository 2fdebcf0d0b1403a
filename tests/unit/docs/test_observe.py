# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of docs/observe.md that send logs on find what they look for in the line that the page shows."""

from __future__ import annotations

import re

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

PAGE = (CHECKOUT / "docs" / "observe.md").read_text(encoding="utf-8")
(LINE,) = re.findall(r"^Nov 20 .* kernel: (tidegate: tier=.*)$", PAGE, re.MULTILINE)


def fields(line: str) -> dict[str, str]:
    """Return words with a value, as logfmt has them."""
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


def test_vector_takes_the_words_and_nothing_that_has_no_value() -> None:
    (text,) = re.findall(r'!contains\(string!\(\.message\), "(.*)"\)', PAGE)
    assert text in LINE
    (pattern,) = re.findall(r"replace\(string!\(\.message\), r'(.*)', \"\"\)", PAGE)
    # Its parser takes the next word for the value of a key without one.
    kept = re.sub(pattern, "", LINE)
    assert not re.search(r"= |:", kept)
    assert fields(kept) == {name: value for name, value in fields(LINE).items() if value}
    assert (fields(kept)["tier"], fields(kept)["OUT"], fields(kept)["UID"]) == ("app", "eth0", "33")


def test_the_query_of_loki_selects_the_line() -> None:
    ((text, name, value),) = re.findall(r'\|= "(.*?)" \| logfmt \| (\w+)="(\w+)"', PAGE)
    assert text in LINE
    assert fields(LINE)[name] == value
