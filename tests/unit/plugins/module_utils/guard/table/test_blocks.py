# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft's listings taken apart and put together, without nft."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import (
    blocks,
    fingerprint,
)
from ansible_collections.tidegate.nftables.tests.support.nft import by_tabs

TABLE = by_tabs("""table inet tidegate {
    comment "a table { of mine"
    counter denied {
        comment "x"
        packets 7 bytes 420
    }

    quota daily {
        over 10 mbytes used 5 kbytes
    }

    set allow4 {
        type ipv4_addr
        flags interval
        elements = { 10.0.0.1-10.0.0.5, 203.0.113.0/24 comment "expires 5s, { x" }
    }

    set temporary_allow4 {
        type ipv4_addr
        flags timeout
        elements = { 198.51.100.7 timeout 1h expires 59m59s716ms comment "once",~198.51.100.8 timeout 1h expires 5s }
    }

    set ledger {
        typeof ip daddr . meta l4proto
        size 65535
        flags dynamic,timeout
        counter
        timeout 1d
        elements = { 8.8.8.8 . 17 counter packets 1 bytes 29 expires 23h59m59s988ms }
    }

    map ports {
        type inet_service : verdict
        elements = { 80 : accept, 443 : jump floor }
    }

    chain floor {
        ip daddr { 192.0.2.1, 192.0.2.2,~192.0.2.3 } counter packets 3 bytes 180 accept comment "packets 3 bytes 4"
        accept
    }

    chain out {
    }
}
""").replace("~", "\n\t\t\t     ")


def test_a_listing_survives_being_taken_apart() -> None:
    again = blocks.render(blocks.parse(TABLE))
    # nft itself puts elements on one line or on several, by its version.
    assert again.split() == TABLE.split()
    assert blocks.parse(again) == blocks.parse(TABLE)


def test_blocks_have_kind_name_and_elements() -> None:
    listing = blocks.parse(TABLE)
    assert [(block.kind, block.name) for block in listing.blocks] == [
        ("counter", "denied"),
        ("quota", "daily"),
        ("set", "allow4"),
        ("set", "temporary_allow4"),
        ("set", "ledger"),
        ("map", "ports"),
        ("chain", "floor"),
        ("chain", "out"),
    ]
    assert listing.lines == ('comment "a table { of mine"',)
    allow = listing.block("set", "allow4")
    assert allow is not None
    assert allow.elements == ("10.0.0.1-10.0.0.5", '203.0.113.0/24 comment "expires 5s, { x"')
    assert [block.name for block in listing.blocks if block.dynamic] == ["ledger"]


def test_a_rule_that_nft_breaks_over_lines_is_one_rule() -> None:
    floor = blocks.parse(TABLE).block("chain", "floor")
    assert floor is not None
    assert floor.lines == (
        'ip daddr { 192.0.2.1, 192.0.2.2, 192.0.2.3 } counter packets 3 bytes 180 accept comment "packets 3 bytes 4"',
        "accept",
    )


def test_numbers_go_and_comments_stay() -> None:
    zeroed = blocks.zeroed(TABLE)
    assert 'packets 0 bytes 0 accept comment "packets 3 bytes 4"' in zeroed
    assert "over 10 mbytes\n" in zeroed
    assert "packets 7" not in zeroed


@pytest.mark.parametrize(
    "text",
    ["", "table inet tidegate {", "table inet t {\n\tset a {\n\t\ttype ipv4_addr\n}\n", "nonsense\n}\n"],
)
def test_what_is_no_listing_is_refused(text: str) -> None:
    with pytest.raises(GuardError, match="The listing of a table cannot be read"):
        blocks.parse(text)


def test_only_edits_change_the_shape() -> None:
    counted = TABLE.replace("packets 7 bytes 420", "packets 9 bytes 999").replace("used 5 kbytes", "used 6 mbytes")
    ledger = counted.replace("8.8.8.8 . 17", "9.9.9.9 . 6").replace("expires 5s }", "expires 4s }")
    assert fingerprint.shape(ledger, ()) == fingerprint.shape(TABLE, ())
    for edit in (
        TABLE.replace("203.0.113.0/24", "203.0.112.0/24"),
        TABLE.replace("\t\taccept\n", ""),
        TABLE.replace("80 : accept", "80 : drop"),
        TABLE.replace("over 10 mbytes", "over 11 mbytes"),
        TABLE.replace("chain out", "chain outward"),
    ):
        assert fingerprint.shape(edit, ()) != fingerprint.shape(TABLE, ())


def test_elements_of_others_are_no_edit() -> None:
    edit = TABLE.replace("10.0.0.1-10.0.0.5, ", "")
    assert fingerprint.shape(edit, ("allow4",)) == fingerprint.shape(TABLE, ("allow4",))
    assert fingerprint.shape(edit, ()) != fingerprint.shape(TABLE, ())


def test_the_order_in_which_sets_were_made_is_no_edit() -> None:
    listing = blocks.parse(TABLE)
    turned = blocks.Listing(listing.head, listing.lines, tuple(reversed(listing.blocks)))
    assert fingerprint.shape(blocks.render(turned), ()) == fingerprint.shape(TABLE, ())


def test_what_is_saved_has_no_numbers_and_no_elements_of_others() -> None:
    saved = fingerprint.bootable(TABLE, ("temporary_allow4",))
    assert "8.8.8.8" not in saved
    assert "198.51.100.7" not in saved
    assert "203.0.113.0/24" in saved
    assert "packets 0 bytes 0" in saved
