# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("counter packets 5 bytes 60 accept", "counter accept"),
        (
            'counter packets 5 bytes 60 comment "counter packets 5 bytes 60"',
            'counter comment "counter packets 5 bytes 60"',
        ),
        ("quota over 10 mbytes used 300 bytes drop", "quota over 10 mbytes drop"),
        ("over 10 mbytes used 2 kbytes", "over 10 mbytes"),
        ("last used 3s412ms accept", "last accept"),
        ("last never", "last"),
        (
            '10.0.0.1 counter packets 1 bytes 2 timeout 1d expires 23h59m comment "x"',
            '10.0.0.1 counter timeout 1d comment "x"',
        ),
        ("10.0.0.1 . 80 timeout 1h expires 59m59s988ms", "10.0.0.1 . 80 timeout 1h"),
        ("ip daddr 10.0.0.1 accept", "ip daddr 10.0.0.1 accept"),
    ],
)
def test_state_is_taken_out(text: str, without: str) -> None:
    assert tokens.without_state(text) == without
    assert tokens.without_state(without) == without


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("", []),
        (" 10.0.0.1 ", ["10.0.0.1"]),
        ("10.0.0.0/8, 192.0.2.1", ["10.0.0.0/8", "192.0.2.1"]),
        ('"eth0",\n\t"wg,0"', ['"eth0"', '"wg,0"']),
        ('10.0.0.1 comment "a, b" , 10.0.0.2', ['10.0.0.1 comment "a, b"', "10.0.0.2"]),
    ],
)
def test_elements_are_cut_at_commas(text: str, elements: list[str]) -> None:
    assert tokens.split_elements(text) == elements


@pytest.mark.parametrize(
    ("element", "key"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1 . 80", "10.0.0.1 . 80"),
        ('10.0.0.1 comment "x : y"', "10.0.0.1"),
        ("10.0.0.1 timeout 1d", "10.0.0.1"),
        ("10.0.0.1 counter timeout 1d", "10.0.0.1"),
        ("443 : jump web", "443"),
        ('"timeout" : accept', '"timeout"'),
        ("2001:db8::1 : 80", "2001:db8::1"),
        ("10.0.0.1 . 80 : 10.0.0.2 . 8080", "10.0.0.1 . 80"),
        ("10.0.0.1 limit rate 5/second", "10.0.0.1"),
    ],
)
def test_key_of_an_element(element: str, key: str) -> None:
    assert tokens.element_key(element) == key


@given(st.text('ab" {};#'))
def test_blanked_text_has_the_same_length_and_no_quoted_sign(text: str) -> None:
    blank = tokens.unquoted(text)
    assert len(blank) == len(text)
    assert all(sign in (text[at], " ") for at, sign in enumerate(blank))
    assert "".join(piece for _quoted, piece in tokens.pieces(text)) == text


@pytest.mark.parametrize(
    ("listed", "read"),
    [
        ("ip saddr { 10.1.0.0/23 } accept", "ip saddr 10.1.0.0/23 accept"),
        ("ip6 saddr != { 2001:db8::/32 } drop", "ip6 saddr != 2001:db8::/32 drop"),
        ("udp dport { 137-139 }", "udp dport 137-139"),
        ('iifname { "eth*" } accept', 'iifname "eth*" accept'),
        ('meta hour { "08:00"-"09:00" }', 'meta hour "08:00"-"09:00"'),
        ("tcp dport { 80, 443-445 }", "tcp dport { 80, 443-445 }"),
        ("tcp dport vmap { 1-4 : accept }", "tcp dport vmap { 1-4 : accept }"),
        ("ip saddr . tcp dport { 10.0.0.1 . 1-2 }", "ip saddr . tcp dport { 10.0.0.1 . 1-2 }"),
        ('jump { accept } comment "{ 1-2 }"', 'jump { accept } comment "{ 1-2 }"'),
    ],
)
def test_a_set_that_merged_to_one_element_is_that_element(listed: str, read: str) -> None:
    assert tokens.as_read(listed) == read
