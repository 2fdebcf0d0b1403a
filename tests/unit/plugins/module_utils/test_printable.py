# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others wrote reaches screens and files as printable text, on one line where it is one."""

from __future__ import annotations

import unicodedata

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.printable import (
    LIMIT,
    printable,
    printable_lines,
    printable_values,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("payments api", "payments api"),
        ("Zürich 東京", "Zürich 東京"),
        ("a\nb", "a\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202eevil", "\\u202eevil"),
        ("a\u2028b\x85c", "a\\u2028b\\x85c"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_no_character_breaks_a_line_or_reaches_a_terminal() -> None:
    shown = printable("".join(map(chr, range(0x110000))), limit=0x400000)
    assert len(shown.splitlines()) == 1
    assert not {unicodedata.category(letter) for letter in shown} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def test_a_long_text_is_cut() -> None:
    assert len(printable("x" * 100_000)) == LIMIT
    assert len(printable("\n" * 100_000)) == LIMIT
    assert printable("x" * 100_000).endswith("x...")


def test_texts_of_several_lines_keep_their_lines() -> None:
    assert printable_lines("a\tb\n\x1bc\r\n") == "a\tb\n\\x1bc\\r\n"


def test_every_text_of_plain_data_is_printable() -> None:
    value = {"\x1b": [("\x07", 1), None, True, {"a": "b\nc"}]}
    assert printable_values(value) == {"\\x1b": [["\\x07", 1], None, True, {"a": "b\nc"}]}
