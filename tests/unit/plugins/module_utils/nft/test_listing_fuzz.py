# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listings of nft that are cut off, shuffled or spoiled: an error that says so, or a difference, never "unchanged"."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes import plan
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.listing import parse_tables
from ansible_collections.tidegate.nftables.tests.effort import times

EXAMPLES = times(300, 20000)

LISTING = """table inet t { # handle 7
\tcomment "all kinds of things"
\tcounter hits { # handle 2
\t\tcomment "of packets"
\t\tpackets 12 bytes 345
\t}

\tquota daily { # handle 3
\t\tover 10 mbytes used 3 kbytes
\t}

\tlimit calm { # handle 4
\t\trate 10/second
\t}

\tset networks { # handle 5
\t\ttype ipv4_addr
\t\tflags interval
\t\tauto-merge
\t\telements = { 10.0.0.0/8, 192.0.2.0/25,
\t\t\t     198.51.100.7 comment "one, { two }" }
\t}

\tset seen { # handle 6
\t\ttype ipv4_addr . inet_service
\t\tsize 1000
\t\tflags dynamic,timeout
\t\ttimeout 1h
\t\telements = { 10.0.0.1 . 443 expires 59m12s340ms counter packets 3 bytes 180 }
\t}

\tmap verdicts { # handle 8
\t\ttype inet_service : verdict
\t\telements = { 22 : accept, 80 : jump web }
\t}

\tchain web { # handle 9
\t\tcomment "what the web does"
\t\ttcp dport { 80, 443 } counter packets 3 bytes 180 accept comment "a; # handle 3" # handle 10
\t\tjump {
\t\t\tcounter packets 0 bytes 0 accept
\t\t\tdrop
\t\t} # handle 11
\t}

\tchain c { # handle 1
\t\ttype filter hook output priority 0; policy drop;
\t\tct state established,related accept # handle 12
\t\tip daddr @networks quota over 5 mbytes used 1 kbytes accept # handle 13
\t\ttcp dport vmap @verdicts # handle 14
\t}
}
"""
WHOLE = parse_tables(LISTING)[0]
STATE = re.compile(r'#[^"\n}]*|packets \d+ bytes \d+|used \d+ \w+|expires \S+')
WORD = re.compile(r'"[^"]*"|[{}"]|[^\s{},;"]+')


def meaning(listing: str) -> Counter[str]:
    """The words of a table's blocks without what says nothing of what is there: state, blanks, order.

    Before the blocks stand family, name and comment, which are compared as they were read; what else a later nft may
    print there is not one of our business.
    """
    return Counter(WORD.findall(STATE.sub(" ", listing[listing.find("counter hits") :])))


def read(listing: str) -> bool:
    """Whether a listing is taken for the whole table; anything but one kind of EngineError goes through."""
    try:
        tables = parse_tables(listing)
    except EngineError as error:
        if error.reason != "not_applied" or "cannot be read" not in str(error):
            raise
        return False
    named = [(table.family, table.name) for table in tables] == [(WHOLE.family, WHOLE.name)]
    return named and not plan.plan_table(tables[0], WHOLE)


def judged(listing: str) -> None:
    assert not read(listing) or meaning(listing) == meaning(LISTING), listing


def test_the_listing_itself_is_the_whole_table() -> None:
    assert read(LISTING)
    assert len(WHOLE.chains) == 2


@given(st.integers(0, len(LISTING)))
@settings(max_examples=EXAMPLES)
def test_cut_off(end: int) -> None:
    judged(LISTING[:end])


@given(st.integers(0, len(LISTING)), st.integers(1, 200))
@settings(max_examples=EXAMPLES)
def test_a_piece_is_missing(start: int, length: int) -> None:
    judged(LISTING[:start] + LISTING[start + length :])


@given(st.lists(st.tuples(st.integers(0, len(LISTING) - 2), st.sampled_from("{}; \n\t#,9ax*@\\\x00é")), max_size=3))
@settings(max_examples=EXAMPLES)
def test_characters_are_others(spoiled: list[tuple[int, str]]) -> None:
    text = list(LISTING)
    for at, sign in spoiled:
        text[at] = sign
    judged("".join(text))


@given(st.integers(0, 60), st.integers(0, 60), st.sampled_from(["drop", "twice", "swap"]))
@settings(max_examples=EXAMPLES)
def test_lines_are_missing_doubled_or_elsewhere(one: int, other: int, what: str) -> None:
    lines = LISTING.splitlines(keepends=True)
    one, other = one % len(lines), other % len(lines)
    if what == "drop":
        del lines[one]
    elif what == "twice":
        lines.insert(other, lines[one])
    else:
        lines[one], lines[other] = lines[other], lines[one]
    spoiled = "".join(lines)
    # What stands there twice says nothing else where it cannot be but once.
    words_of = (set(WORD.findall(STATE.sub(" ", text))) for text in (spoiled, LISTING))
    assert not read(spoiled) or next(words_of) == next(words_of), spoiled


@given(st.text(st.sampled_from('table inet{}\n"#; chain set elements = handle 12:,'), max_size=300))
@settings(max_examples=EXAMPLES)
def test_anything_is_read_or_refused(text: str) -> None:
    assert not read(text)


@given(st.text(max_size=100))
@settings(max_examples=EXAMPLES)
def test_cutting_words_takes_any_text(text: str) -> None:
    tokens.split_elements(text)
    assert len(tokens.unquoted(text)) == len(text)
    assert "".join(piece for _quoted, piece in tokens.pieces(text)) == text
    assert text.startswith(tokens.element_key(text))
    once = tokens.without_state(text)
    assert len(once) <= len(text)
