# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about edits of the table by hand when they are undone."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.hand_edits import undone
from ansible_collections.tidegate.nftables.tests.support.nft import by_tabs

CONFIRMED = by_tabs("""table inet tidegate {
    set allow_erp4 {
        type ipv4_addr
        elements = { 10.0.0.1, 10.0.0.2 }
    }

    chain egress_allow {
        ip daddr @allow_erp4 counter packets 0 bytes 0 accept comment "erp"
        tcp dport 22 accept comment "ssh"
    }
}
""")
ACCEPT = by_tabs("""        tcp dport 4444 accept
""")


def edited(*pairs: tuple[str, str]) -> str:
    text = CONFIRMED
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_what_was_added_by_hand_was_removed() -> None:
    live = edited(('comment "ssh"\n', f'comment "ssh"\n{ACCEPT}'), ("10.0.0.2 ", "10.0.0.2, 192.0.2.66 "))
    assert undone(CONFIRMED, live, CONFIRMED) == [
        "a hand-made `192.0.2.66` in set allow_erp4 was removed",
        "a hand-made `tcp dport 4444 accept` in chain egress_allow was removed",
    ]
    assert undone(CONFIRMED, live, CONFIRMED, "would be")[1].endswith("would be removed")


def test_what_was_deleted_by_hand_was_restored() -> None:
    live = edited(("10.0.0.1, ", ""), ('\t\ttcp dport 22 accept comment "ssh"\n', ""))
    assert undone(CONFIRMED, live, CONFIRMED) == [
        "`10.0.0.1` in set allow_erp4, deleted by hand, was restored",
        '`tcp dport 22 accept comment "ssh"` in chain egress_allow, deleted by hand, was restored',
    ]


def test_an_edit_that_the_new_policy_has_too_is_not_undone() -> None:
    live = edited(("10.0.0.2 ", "10.0.0.2, 192.0.2.66 "))
    after = edited(("10.0.0.1, 10.0.0.2 ", "192.0.2.66 "))
    assert undone(CONFIRMED, live, after) == []
    deleted = edited(("10.0.0.1, ", ""))
    assert undone(CONFIRMED, deleted, deleted) == []


def test_a_whole_chain_is_one_edit_and_an_order_is_named() -> None:
    chain = by_tabs("""
    chain mine {
        tcp dport 1 accept
        tcp dport 2 accept
    }
}
""")
    assert undone(CONFIRMED, CONFIRMED.rstrip("}\n") + "\n\t}\n" + chain, CONFIRMED) == [
        "a hand-made chain mine was removed"
    ]
    rules = CONFIRMED.splitlines(keepends=True)
    rules[7], rules[8] = rules[8], rules[7]
    assert undone(CONFIRMED, "".join(rules), CONFIRMED) == ["the order of rules, changed by hand, was restored"]


def test_many_edits_are_counted() -> None:
    many = ", ".join(f"192.0.2.{number}" for number in range(1, 21))
    sentences = undone(CONFIRMED, edited(("10.0.0.2 ", f"10.0.0.2, {many} ")), CONFIRMED)
    assert len(sentences) == 9
    assert sentences[-1] == "and 12 more edits by hand"
