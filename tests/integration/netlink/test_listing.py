# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every nft reads what netlink writes as it reads its own, and the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.connection import Connection
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.sets import Element, SetChange, SetInfo
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.wire import Message
from ansible_collections.tidegate.nftables.tests.support.nft import VERSIONS, NftCommand


@dataclass(frozen=True)
class Kind:
    """A set's declaration and elements: key, comment, timeout in nft's text and in milliseconds."""

    name: str
    declaration: str
    elements: tuple[tuple[str, str | None, str | None, int | None], ...]
    since: str = "0.9.8"


def keys(*texts: str) -> tuple[tuple[str, None, None, None], ...]:
    return tuple((text, None, None, None) for text in texts)


TWINS = ("ours", "nfts")
KINDS = [
    Kind("ipv4 intervals", "type ipv4_addr; flags interval;", keys(
        "0.0.0.0", "10.0.0.0/8", "11.0.0.0/8", "12.0.0.0-12.0.0.2", "203.0.113.7", "255.255.255.255")),
    Kind("ipv4 from the lowest to a middle key", "type ipv4_addr; flags interval;", keys("0.0.0.0/1", "128.0.0.1")),
    Kind("ipv4 up to the highest key", "type ipv4_addr; flags interval;", keys("10.0.0.0/24", "224.0.0.0/3")),
    Kind("ipv4 commented intervals", "type ipv4_addr; flags interval;", (
        ("10.0.0.0/8", "one", None, None), ("11.0.0.1", 'with "quotes" and ü'.replace('"', "'"), None, None),
        ("250.0.0.0-255.255.255.255", "to the end", None, None))),
    Kind("ipv4 auto-merge", "type ipv4_addr; flags interval; auto-merge;", keys("10.0.0.0/8", "12.0.0.0/8")),
    Kind("ipv4 intervals with timeouts", "type ipv4_addr; flags interval,timeout; timeout 1h;", (
        ("10.0.0.0/8", "mine", "5m", 300_000), *keys("11.0.0.1"), ("12.0.0.0/24", None, "1d", 86_400_000))),
    Kind("ipv4 hash with timeouts", "type ipv4_addr; flags timeout;", (
        ("10.0.0.1", None, "90s", 90_000), ("10.0.0.2", "for ever", None, None))),
    Kind("ipv4 hash", "type ipv4_addr;", (*keys("10.0.0.1", "10.0.0.2"), ("10.0.0.3", "c", None, None))),
    Kind("ipv4 hash with counters", "type ipv4_addr; counter;", keys("10.0.0.1", "10.0.0.2")),
    Kind("ipv4 intervals with counters", "type ipv4_addr; flags interval; counter;", keys("10.0.0.0/8", "11.0.0.1")),
    Kind("ipv4 catch-all", "type ipv4_addr;", keys("10.0.0.1", "*"), since="1.0.6"),
    Kind("ipv6 intervals", "type ipv6_addr; flags interval;", keys(
        "::", "2001:db8::/32", "2001:db9::1", "fe80::-fe80::5", "ff00::/8")),
    Kind("ipv6 hash", "type ipv6_addr;", keys("::1", "2001:db8::1")),
]  # fmt: skip


def table(name: str, kind: Kind, *, filled: bool) -> str:
    words = []
    for key, comment, timeout, _milliseconds in kind.elements if filled else ():
        words.append(key + (f" timeout {timeout}" if timeout else "") + (f' comment "{comment}"' if comment else ""))
    elements = f"elements = {{ {', '.join(words)} }}" if words else ""
    return f"table inet {name} {{\n set s {{ {kind.declaration} {elements}\n }}\n}}\n"


def expected(info: SetInfo, kind: Kind) -> list[Element]:
    read = sets.reader(info)
    return [
        read(key)._replace(comment=comment, timeout=milliseconds)
        for key, comment, _timeout, milliseconds in kind.elements
    ]


def listed(nft: NftCommand, name: str) -> str:
    return nft("-s", "list", "table", "inet", name).replace(f"inet {name} ", "inet NAME ")


def text_of(change: SetChange) -> str:
    """The commands of nft that do the same to the other set."""
    lines = ["flush set inet nfts s"] if change.flush else []
    for verb, show, elements in (("delete", sets.show, change.delete), ("add", sets.element_text, change.add)):
        if elements:
            texts = ", ".join(show(change.target, element) for element in elements)
            lines.append(f"{verb} element inet nfts s {{ {texts} }}")
    return "".join(f"{line}\n" for line in lines)


def without_expiry(elements: Sequence[Element]) -> list[Element]:
    return [element._replace(expires=None) for element in elements]


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_both_write_read_and_delete_alike(each_nft: NftCommand, kind: Kind) -> None:
    nft = each_nft
    if nft.version < kind.since:
        with pytest.raises(AssertionError):
            nft.load(table("nfts", kind, filled=True))
        return
    nft.load(table("nfts", kind, filled=True))
    nft.load(table("ours", kind, filled=False))
    ours, theirs = sets.get_set("inet", "ours", "s"), sets.get_set("inet", "nfts", "s")

    sets.change_elements([SetChange(ours, expected(ours, kind))])
    assert listed(nft, "ours") == listed(nft, "nfts")

    read = sets.dump_elements(theirs)
    assert without_expiry(read) == sorted(expected(theirs, kind), key=lambda element: element[:2])
    assert {sets.show(theirs, element) for element in read} == {key for key, *_rest in kind.elements}
    assert without_expiry(sets.dump_elements(ours)) == without_expiry(read)
    elements = sets.get_elements(ours, [element.start for element in read])
    assert without_expiry([element for element in elements if element]) == without_expiry(read)
    assert sets.difference(ours, sets.dump_elements(ours), expected(ours, kind)) == ([], [])

    for key, *_rest in kind.elements:
        nft("delete", "element", "inet", "ours", "s", f"{{ {key} }}")
    assert sets.dump_elements(ours) == []
    sets.change_elements([SetChange(theirs, delete=read)])
    assert listed(nft, "nfts") == listed(nft, "ours")
    assert "elements" not in listed(nft, "nfts")


@pytest.mark.parametrize("kind", KINDS[:5], ids=[kind.name for kind in KINDS[:5]])
def test_nft_finds_and_edits_what_was_written(each_nft: NftCommand, kind: Kind) -> None:
    """As in its own: some releases do not find an interval that reaches the highest key in either."""
    each_nft.load(table("nfts", kind, filled=True))
    each_nft.load(table("ours", kind, filled=False))
    info = sets.get_set("inet", "ours", "s")
    sets.change_elements([SetChange(info, expected(info, kind))])
    hits = 0
    for key, *_rest in kind.elements:
        for text in (key, key.partition("/")[0].partition("-")[0]):
            ours, theirs = (each_nft.output("get", "element", "inet", name, "s", f"{{ {text} }}") for name in TWINS)
            assert ours.replace("inet ours", "inet nfts") == theirs
            hits += key in ours
    assert hits >= len(kind.elements)
    each_nft("add", "element", "inet", "ours", "s", "{ 198.51.100.0/24 }")
    keys_now = {sets.show(info, element) for element in sets.dump_elements(info)}
    assert keys_now == {key for key, *_rest in kind.elements} | {"198.51.100.0/24"}


@pytest.mark.parametrize(
    ("each_nft", "kind"),
    [
        pytest.param(version, kind, id=f"{version}-{kind.name}")
        for version in VERSIONS
        for kind in KINDS
        if version >= kind.since
    ],
    indirect=["each_nft"],
)
def test_the_text_of_a_change_does_the_same_in_nft(each_nft: NftCommand, kind: Kind) -> None:
    for name in TWINS:
        each_nft.load(table(name, kind, filled=False))
    ours = sets.get_set("inet", "ours", "s")
    elements = expected(ours, kind)
    again = [element._replace(comment="again") for element in elements]
    for change in (
        SetChange(ours, elements),
        SetChange(ours, again, elements),
        SetChange(ours, elements[:1], flush=True),
        SetChange(ours, delete=elements[:1]),
    ):
        sets.change_elements([change])
        each_nft.load(text_of(change))
        assert listed(each_nft, "ours") == listed(each_nft, "nfts")
    assert "elements" not in listed(each_nft, "ours")


def test_the_declaration_is_read_as_nft_wrote_it(each_nft: NftCommand) -> None:
    each_nft.load(
        "table ip6 t {\n set s { type ipv6_addr; flags interval,timeout; timeout 1d; gc-interval 4s; size 100; "
        'auto-merge; comment "a set"; elements = { ::1 }\n }\n'
        " set h { type mark . uid; }\n set c { type mark; flags constant; }\n}\n"
    )
    info = sets.get_set("ip6", "t", "s")
    assert (info.words, info.version, info.key_len) == (("interval", "timeout"), 6, 16)
    assert (info.timeout, info.gc_interval, info.size) == (86_400_000, 4000, 100)
    assert (info.auto_merge, info.comment, info.count) == (True, "a set", 1)
    assert sets.get_set("ip6", "t", "h").is_concatenated
    constant = sets.get_set("ip6", "t", "c")
    assert (constant.words, constant.version, constant.is_concatenated) == (("constant",), 0, False)


@pytest.mark.parametrize(
    ("declaration", "texts", "times"),
    [
        ("type ipv4_addr;", ["10.0.0.1", "*"], 1),
        ("type ipv4_addr; flags interval;", ["0.0.0.0/8", "10.0.0.0/8"], 1),
        ("type ipv4_addr; flags interval;", [], 1),
        ("type ipv4_addr; flags interval;", ["10.0.0.0/8", "224.0.0.0/3"], 2),
        ("type ipv4_addr; flags timeout;", ["10.0.0.1"], 2),
    ],
)
def test_a_set_at_rest_is_read_once_where_the_kernel_counts(
    nft: NftCommand, declaration: str, texts: list[str], times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    nft.load(f"table inet t {{\n set s {{ {declaration} }}\n}}\n")
    info = sets.get_set("inet", "t", "s")
    sets.change_elements([SetChange(info, sets.read_all(info, texts))])
    dumps: list[str] = []
    dump = Connection.dump

    def watched(self: Connection, doing: str, kind: int, family: int, attributes: bytes) -> list[Message]:
        dumps.append(doing)
        return dump(self, doing, kind, family, attributes)

    monkeypatch.setattr(Connection, "dump", watched)
    assert len(sets.dump_elements(info)) == len(texts)
    assert len(dumps) == (2 if info.count is None else times)


def test_missing_sets_and_kinds_that_are_left_to_nft(nft: NftCommand) -> None:
    nft.load(
        "table inet t {\n map m { type ipv4_addr : inet_service; elements = { 10.0.0.1 : 80 }\n }\n"
        " set c { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80 }\n }\n"
        " set h { type ipv4_addr . inet_service; elements = { 10.0.0.1 . 80 }\n }\n}\n"
    )
    for family, name, kind in (("inet", "t", "nosuch"), ("inet", "nosuch", "m"), ("ip", "t", "m")):
        with pytest.raises(sets.NoSuchObject):
            sets.get_set(family, name, kind)
    for name, says in (("m", "is a map"), ("c", "is a concatenation"), ("h", "is a concatenation")):
        info = sets.get_set("inet", "t", name)
        for refuse in (
            partial(sets.dump_elements, info),
            partial(sets.get_elements, info, [bytes(info.key_len)]),
            partial(sets.change_elements, [SetChange(info, flush=True)]),
            partial(sets.holds, info, [Element(bytes(info.key_len), bytes(info.key_len))], 1),
        ):
            with pytest.raises(sets.UnsupportedSet, match=says):
                refuse()
    listing = nft("list", "table", "inet", "t")
    assert all(text in listing for text in ("10.0.0.1 : 80", "10.0.0.0/8 . 80", "10.0.0.1 . 80"))
