# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table read from the kernel and made again by its own messages is the same table, whichever nft wrote it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import snapshot as snapshots
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import snapshot_changes
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import (
    MalformedMessage,
    NetlinkError,
    StaleGeneration,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot import TableSnapshot
from ansible_collections.tidegate.nftables.tests.golden.cases import cases
from ansible_collections.tidegate.nftables.tests.golden.render import render
from ansible_collections.tidegate.nftables.tests.integration.nft.others_tables import TABLES
from ansible_collections.tidegate.nftables.tests.support.nft import VERSIONS, NftCommand

OURS = {str(case): case.spec() for case in cases() if case.resolved().mode != "absent"}
# Everything that a table can hold beside what others write.
EVERYTHING = """
counter named { packets 7 bytes 700
}
quota daily { over 10 mbytes used 5 kbytes
}
limit calm { rate 10/second
}
set plain { typeof ip daddr; elements = { 192.0.2.1 comment "one", 192.0.2.2 } }
set networks { typeof ip6 daddr; flags interval; elements = { 2001:db8::/32, 2001:db9::1-2001:db9::7 } }
set ending { typeof ip daddr; flags timeout; elements = { 192.0.2.3 timeout 1h expires 30m, 192.0.2.4 } }
set spans { typeof ip daddr; flags interval,timeout; timeout 1h; elements = { 10.0.0.0/8, 192.0.2.8-192.0.2.9 timeout 2h } }
set pairs { typeof ip daddr . tcp dport; flags interval; elements = { 10.0.0.0/8 . 80-443 } }
set filled { typeof ip daddr . meta skuid; flags dynamic,timeout; timeout 1d; counter; }
map verdicts { type inet_service : verdict; elements = { 22 : accept, 80 : jump other } }
map counted { type ipv4_addr : counter; elements = { 192.0.2.9 : "named" } }
chain other { ip daddr @plain counter packets 3 bytes 30 accept comment "with a comment"
}
chain leaving { type filter hook output priority 0; policy drop;
 tcp dport { 22, 23, 1000-2000 } tcp dport vmap @verdicts
 tcp dport vmap { 25 : drop, 26 : goto other }
 update @filled { ip daddr . meta skuid } counter name ip daddr map @counted
 quota name "daily" limit name "calm" meta l4proto 6 reject with tcp reset
 limit rate 5/minute burst 7 packets log prefix "refused" fib daddr type local ct state new counter
 quota over 1 mbytes meta time < 1800000000 tcp flags & (fin | syn | rst | ack) == syn reject with icmpx type admin-prohibited
}
"""  # noqa: E501
# What the kernel (6.18) reports in another form than it takes: `osf` with a flag that it wants and does not report, and
# sets whose elements count connections. Nothing of the kind is in our table; a dry run tells.
ONE_WAY = ("a ban tool that counts", "a router with everything")
TEXTS = {
    **{name: render(spec, uid=lambda _user: "20001") for name, spec in OURS.items()},
    **{name: f"table {each.family} {each.name} {{{each.text}}}\n" for name, each in TABLES.items()},
    "everything": f"table inet everything {{{EVERYTHING}}}\n",
}


def oldest(name: str) -> tuple[int, ...]:
    """The oldest nft that can read a table."""
    if "socket cgroupv2" in TEXTS[name]:
        return (1, 0, 0)
    return TABLES[name].oldest if name in TABLES else (0, 9, 8)


READABLE = [
    (version, name) for version in VERSIONS for name in TEXTS if tuple(map(int, version.split("."))) >= oldest(name)
]
"""Each nft with each table that it can read."""


def loaded(nft: NftCommand, name: str) -> tuple[str, str]:
    """Load a table; return its family and name."""
    nft.load(TEXTS[name])
    _table, family, table, *_rest = TEXTS[name].split()
    return family, table


def taken(*table: str) -> TableSnapshot:
    """The table, after its way through a file."""
    snapshot = snapshots.take(*table)
    assert snapshot is not None
    again = snapshots.from_bytes(snapshot.to_bytes())
    assert again == replace(snapshot, generation=0)
    return again


def listed(nft: NftCommand, *table: str) -> str:
    """A table with its counters, without the time that elements have left."""
    return re.sub(r" expires [0-9dhms]+", "", nft("list", "table", *table))


@pytest.mark.parametrize(("each_nft", "name"), READABLE, indirect=["each_nft"])
def test_a_table_is_made_again_as_it_was(each_nft: NftCommand, name: str) -> None:
    table = loaded(each_nft, name)
    before, snapshot = listed(each_nft, *table), taken(*table)
    if name in ONE_WAY:
        with pytest.raises(NetlinkError):
            snapshots.put(snapshot, dry_run=True)
        return
    each_nft("flush", "table", *table)
    each_nft("add", "chain", *table, "of_another")
    snapshots.put(snapshot, dry_run=True)
    assert "of_another" in each_nft("list", "table", *table)
    snapshots.put(snapshot)
    assert listed(each_nft, *table) == before
    assert snapshot_changes.digest(taken(*table), ()) == snapshot_changes.digest(snapshot, ())
    each_nft("delete", "table", *table)
    snapshots.put(snapshot)
    assert listed(each_nft, *table) == before


@pytest.mark.parametrize(("each_nft", "name"), READABLE, indirect=["each_nft"])
def test_a_table_that_is_loaded_again_counts_as_the_same(each_nft: NftCommand, name: str) -> None:
    """Its sets have other numbers then, its counters other values."""
    table = loaded(each_nft, name)
    digest = snapshot_changes.digest(taken(*table), ())
    each_nft("-f", "-", text="add table ip t\nadd chain ip t c\nadd rule ip t c tcp dport { 1, 2 }\n")
    each_nft("-f", "-", text=f"delete table {' '.join(table)}\n{TEXTS[name].replace('packets 3', 'packets 4')}")
    assert snapshot_changes.digest(taken(*table), ()) == digest


@pytest.mark.parametrize(
    "edit",
    [
        "add rule inet everything other accept",
        "add element inet everything plain { 192.0.2.7 }",
        "delete element inet everything networks { 2001:db8::/32 }",
        "add element inet everything verdicts { 443 : drop }",
        "add set inet everything more { typeof ip daddr; }",
        "add counter inet everything more",
        "add chain inet everything more",
        "chain inet everything leaving { policy accept; }",
        "flush chain inet everything leaving\nadd rule inet everything leaving tcp dport { 22, 23, 1000-2001 } accept",
        "delete table inet everything",
    ],
)
def test_an_edit_is_seen(nft: NftCommand, edit: str) -> None:
    table = loaded(nft, "everything")
    nft("flush", "chain", *table, "leaving")
    nft("add", "rule", *table, "leaving", "tcp dport { 22, 23, 1000-2000 } accept")
    digest = snapshot_changes.digest(taken(*table), ())
    nft.load(edit)
    assert snapshot_changes.digest(snapshots.take(*table), ()) != digest


def test_what_others_and_packets_do_is_no_edit(nft: NftCommand) -> None:
    table = loaded(nft, "everything")
    digest = snapshot_changes.digest(taken(*table), ("plain",))
    nft("add", "element", *table, "filled", "{ 192.0.2.7 . 0 }")
    nft("add", "element", *table, "plain", "{ 192.0.2.7 }")
    nft("delete", "element", *table, "ending", "{ 192.0.2.3 }")
    nft("add", "element", *table, "ending", "{ 192.0.2.5 timeout 1m }")
    assert snapshot_changes.digest(taken(*table), ("plain",)) == digest


def test_sets_that_packets_or_others_fill_stay_as_they_are(each_nft: NftCommand) -> None:
    table = loaded(each_nft, "everything")
    snapshot = taken(*table)
    each_nft("add", "element", *table, "filled", "{ 192.0.2.7 . 0 }")
    each_nft("add", "element", *table, "plain", "{ 192.0.2.7 }")
    each_nft("add", "element", *table, "networks", "{ 2001:dba::/32 }")
    each_nft("add", "rule", *table, "leaving", "tcp dport { 7, 9 } accept")
    live = snapshots.take(*table)
    snapshots.put(snapshot, live, ["plain"])
    text = each_nft("list", "table", *table)
    assert "192.0.2.7 . 0" in text
    assert "192.0.2.7" in each_nft("list", "set", *table, "plain")
    assert "2001:dba::" not in text
    assert "{ 7, 9 }" not in text
    assert snapshot_changes.digest(taken(*table), ("plain",)) == snapshot_changes.digest(snapshot, ("plain",))
    with pytest.raises(StaleGeneration):
        snapshots.put(snapshot, live, ["plain"])


def test_elements_age_and_numbers_begin_anew(nft: NftCommand) -> None:
    table = loaded(nft, "everything")
    snapshot = taken(*table)
    snapshots.put(snapshot_changes.aged(snapshot, 1000))
    left = re.search(r"192\.0\.2\.3 timeout 1h expires (\d+)m", nft("list", "set", *table, "ending"))
    assert left is not None
    assert int(left[1]) <= 13
    snapshots.put(snapshot_changes.zeroed(snapshot_changes.aged(snapshot, 2000)))
    text = nft("list", "table", *table)
    assert "192.0.2.3" not in text
    assert "192.0.2.4" in text
    assert set(re.findall(r"packets (\d+) bytes", text)) == {"0"}
    assert " used " not in text


def test_counters_of_the_live_table_go_on(nft: NftCommand) -> None:
    table = loaded(nft, "everything")
    snapshot = snapshot_changes.zeroed(taken(*table))
    live = taken(*table)
    snapshots.put(snapshot_changes.with_numbers(snapshot, live))
    text = nft("list", "table", *table)
    assert "packets 3 bytes 30 accept" in text
    assert "packets 7 bytes 700" in text


def test_a_table_without_hooks_becomes_another_one(nft: NftCommand) -> None:
    nft.load(TEXTS["everything"].replace("{", "{\nflags dormant;", 1))
    renamed = snapshot_changes.renamed(taken("inet", "everything"), "other")
    snapshots.put(renamed)
    assert snapshot_changes.digest(taken("inet", "other"), ()) == snapshot_changes.digest(renamed, ())
    assert listed(nft, "inet", "other") == listed(nft, "inet", "everything").replace(
        "table inet everything {\n\tflags dormant\n\n", "table inet other {\n"
    )


def test_what_the_kernel_refuses_changes_nothing(nft: NftCommand) -> None:
    table = loaded(nft, "everything")
    snapshot = taken(*table)
    broken = replace(snapshot, messages=tuple(each for each in snapshot.messages if each.name != "plain"))
    before = nft("list", "table", *table)
    with pytest.raises(NetlinkError, match="making a table again"):
        snapshots.put(broken)
    assert listed(nft, *table) == re.sub(r" expires [0-9dhms]+", "", before)


def test_other_bytes_are_no_table() -> None:
    for data in (b"", b"not a table", bytes(16)):
        with pytest.raises(MalformedMessage):
            snapshots.from_bytes(data)


def test_a_rule_before_all_others_accepts(nft: NftCommand) -> None:
    table = loaded(nft, "everything")
    live = snapshots.take(*table)
    assert live is not None
    snapshots.insert_accept(live, "emergency: open")
    rules = nft("list", "chain", *table, "leaving").splitlines()
    assert rules[3].strip() == 'counter packets 0 bytes 0 accept comment "emergency: open"'
    assert "emergency" not in nft("list", "chain", *table, "other")
