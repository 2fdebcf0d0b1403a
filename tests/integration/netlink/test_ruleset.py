# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generation, namespace and tables, asked of a real kernel."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import tables as netlink
from ansible_collections.tidegate.nftables.tests.support.nft import NftCommand
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

ASK = """
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import tables as netlink
try:
    print(netlink.generation(), netlink.table_names(), netlink.netns_cookie())
except netlink.NetlinkError as error:
    print(type(error).__name__, error.reason, error)
"""


def test_the_generation_moves_with_commits_and_with_nothing_else(nft: NftCommand) -> None:
    first = netlink.generation()
    nft.load("table inet t {\n set s { type ipv4_addr; }\n}\n")
    second = netlink.generation()
    assert second == first + 1
    nft("list", "ruleset")
    nft("-c", "add", "table", "inet", "u")
    nft.output("add", "rule", "inet", "nosuch", "c", "accept")
    netlink.table_names()
    assert netlink.generation() == second


def test_a_table_made_again_has_another_handle(nft: NftCommand) -> None:
    assert netlink.table_handle("inet", "t") is None
    nft("add", "table", "inet", "t")
    first = netlink.table_handle("inet", "t")
    assert first is not None
    assert netlink.table_handle("ip", "t") is None
    nft("add", "chain", "inet", "t", "c")
    assert netlink.table_handle("inet", "t") == first
    nft("delete", "table", "inet", "t")
    nft("add", "table", "inet", "t")
    assert netlink.table_handle("inet", "t") not in (None, first)


def test_a_table_goes_with_everything_in_it_and_no_other(each_nft: NftCommand) -> None:
    full = """table inet t {
        counter c { }
        set s { type ipv4_addr; elements = { 192.0.2.1 } }
        map m { type inet_service : verdict; elements = { 443 : jump web } }
        chain web { counter name "c" accept; }
        chain leaving { type filter hook output priority 0; policy accept; tcp dport vmap @m; ip daddr @s jump web; }
    }
    """
    each_nft.load(full.replace("inet t", "ip t") + full)
    assert netlink.delete_table("inet", "t")
    assert netlink.table_names() == [("ip", "t")]
    assert not netlink.delete_table("inet", "t")


def test_names_of_foreign_dormant_and_owned_tables_come_whole(each_nft: NftCommand) -> None:
    """These break listings by nft up to 1.0.6."""
    each_nft.load(
        "table ip d { flags dormant; }\n"
        + "".join(f"table {family} t {{ }}\n" for family in ("inet", "arp", "bridge", "ip6"))
    )
    expected = {("ip", "d"), ("inet", "t"), ("arp", "t"), ("bridge", "t"), ("ip6", "t")}
    assert set(netlink.table_names()) == expected
    if each_nft.version != "0.9.8":
        with each_nft.owner("add table netdev owned { flags owner; }") as owner:
            wait_for(lambda: netlink.table_handle("netdev", "owned"), "the table of the owner", process=owner)
            assert set(netlink.table_names()) == expected | {("netdev", "owned")}


def test_two_thousand_tables_take_more_than_one_datagram(nft: NftCommand) -> None:
    names = {f"table-with-a-rather-long-name-{number}" for number in range(2000)}
    nft.load("".join(f"add table ip {name}\n" for name in names))
    assert set(netlink.table_names()) == {("ip", name) for name in names}


def test_a_namespace_has_a_cookie_of_its_own() -> None:
    here = netlink.netns_cookie()
    there = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", ASK], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    assert here is not None
    assert here == netlink.netns_cookie() != int(there)


def test_without_the_capability_the_error_says_become() -> None:
    command = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", sys.executable, "-c", ASK]
    message = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert message.startswith("MissingCapability no_cap_net_admin reading the ruleset's generation")
    assert "become: true" in message


def test_no_socket_is_left_open(nft: NftCommand) -> None:
    nft("add", "table", "inet", "t")
    gc.collect()  # what earlier tests left open
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _turn in range(20):
        netlink.generation()
        netlink.table_handle("inet", "nosuch")
        with pytest.raises(netlink.NetlinkError):
            netlink.table_handle("nosuch", "t")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_rules_of_one_table_and_of_no_other(each_nft: NftCommand) -> None:
    each_nft.load(
        "table inet t { chain c { tcp dport 1 accept; drop; }; chain d { }; }\ntable inet u { chain c { accept; }; }\n"
    )
    first, second = netlink.table_rules("inet", "t")
    assert (first.chain, second.chain) == ("c", "c")
    assert first.handle < second.handle
    assert (b"payload\0" in first.expressions, b"payload\0" in second.expressions) == (True, False)
    assert not first.extended
    assert netlink.table_rules("inet", "nothing") == []


def test_counters_of_one_table_and_of_no_other(each_nft: NftCommand) -> None:
    each_nft.load(
        "add table inet t; add counter inet t empty; add counter inet t full { packets 5 bytes 4294967296 }; "
        "add quota inet t full { over 1 mbytes }; add table inet u; add counter inet u other; "
        "add table ip t; add counter ip t v4 { packets 1 bytes 2 }"
    )
    assert netlink.table_counters("inet", "t") == {"empty": (0, 0), "full": (5, 2**32)}
    assert netlink.table_counters("ip", "t") == {"v4": (1, 2)}
    assert netlink.table_counters("inet", "nothing") == {}
