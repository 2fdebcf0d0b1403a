# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of others: not read, not written, byte for byte the same, whatever they are and whoever holds them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs import table_info
from ansible_collections.tidegate.nftables.tests.support.nft import NftCommand
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

from .conftest import BINARIES, Lab

FOREIGN = """
table ip nat {
    chain DOCKER {
        iifname "docker0" counter packets 9 bytes 900 return
        iifname != "docker0" tcp dport 8080 counter packets 3 bytes 30 dnat to 172.17.0.2:80
    }
    chain POSTROUTING {
        type nat hook postrouting priority srcnat; policy accept;
        oifname != "docker0" ip saddr 172.17.0.0/16 counter packets 1 bytes 1 masquerade
    }
    chain PREROUTING {
        type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local counter packets 0 bytes 0 jump DOCKER
    }
}
table ip filter {
    chain DOCKER-USER {
        counter packets 4 bytes 400 return
    }
    chain FORWARD {
        type filter hook forward priority filter; policy drop;
        counter packets 4 bytes 400 jump DOCKER-USER
    }
}
table inet f2b-table {
    set addr-set-sshd {
        type ipv4_addr
        flags interval,timeout
        elements = { 203.0.113.9 timeout 1d, 198.51.100.0/24 }
    }
    set seen {
        type ipv4_addr
        size 65535
        flags dynamic
        elements = { 203.0.113.1, 203.0.113.2 }
    }
    chain f2b-chain {
        type filter hook input priority filter - 1; policy accept;
        tcp dport 22 ip saddr @addr-set-sshd reject
        add @seen { ip saddr }
    }
}
table inet sleeping {
    flags dormant
    chain c {
        type filter hook input priority filter; policy drop;
        counter packets 1 bytes 2 drop
    }
}
table ip6 t {
    chain c {
        type filter hook output priority filter; policy accept;
        counter packets 1 bytes 2
    }
}
"""


@pytest.fixture
def owner(lab: Lab) -> Iterator[bool]:
    """Make a table that belongs to a process which runs on; return whether this nft can."""
    if lab.version < (0, 9, 9):
        yield False
        return
    script = "add table inet held { flags owner; }\nadd chain inet held c\nadd rule inet held c accept"
    with NftCommand(Path(lab.path)).owner(script) as holder:
        wait_for(
            lambda: lab.nft.run("list", "chain", "inet", "held", "c").code == 0, "the owner's table", process=holder
        )
        yield True


def _names() -> list[tuple[str, str]]:
    return [(table["family"], table["name"]) for table in table_info.gather(None, None, elements=False)["tables"]]


def _foreign(lab: Lab) -> str:
    tables = [(family, name) for family, name in _names() if (family, name) != ("inet", "t")]
    return "".join(lab.listing("table", family, name, options=("-a", "-s")) for family, name in tables)


def _mine(number: int) -> dict[str, Any]:
    rules = ["tcp dport { 80, 443 } counter accept", f"udp dport {number % 3 + 1} accept"]
    chain = {"name": "c", "type": "filter", "hook": "output", "priority": "filter", "rules": rules[: number % 3]}
    named = {"name": "s", "type": "ipv4_addr", "flags": ["interval"], "elements": [f"10.{number % 5}.0.0/16"]}
    return {"name": "t", "sets": [named], "chains": [chain]}


def test_a_hundred_runs_beside_all_kinds_of_tables(lab: Lab, owner: bool) -> None:
    lab.load(FOREIGN)
    before = _foreign(lab)
    assert before.count("table ") >= 5
    # nft 0.9.8 has no owner flag.
    assert owner == (lab.version >= (1, 0))
    for number in range(100):
        if number % 10 == 9:
            lab.run({"name": "t", "state": "absent"})
        else:
            lab.run(_mine(number), check=number % 4 == 3)
    assert _foreign(lab) == before
    # No scratch table stays either.
    assert [name for _family, name in _names() if name.startswith("_")] == []


def test_table_of_another_process_is_not_ours_to_change(lab: Lab, owner: bool) -> None:
    if owner:
        with pytest.raises(EngineError, match="Only the process that made the table may change it") as error:
            lab.run({"name": "held", "chains": [{"name": "c", "rules": ["drop"]}]})
        assert error.value.reason == "busy"
    assert ("inet", "held") in _names() or not owner


def test_names_of_all_tables_beside_a_dormant_one(lab: Lab) -> None:
    lab.load(FOREIGN)
    facts = table_info.gather(None, None, elements=False)
    assert {"family": "inet", "name": "sleeping"} in facts["tables"]
    assert len(facts["tables"]) == 5
    only = table_info.gather("ip", None, elements=False)["tables"]
    assert [table["name"] for table in only] == ["filter", "nat"]


@pytest.mark.parametrize("flags", ["owner", "owner,persist"])
def test_a_table_of_a_running_process_is_readable_and_only_its_own(lab: Lab, flags: str) -> None:
    """Older versions print nothing, or what stands in memory, for flags that they do not know."""
    script = f"add table inet t {{ flags {flags}; }}\nadd chain inet t c"
    with NftCommand(BINARIES["1.1.3"]).owner(script) as owner:
        wait_for(lambda: nf_tables.has_table("inet", "t"), "the owner's table", process=owner)
        wait_for(lambda: lab.table().chain("c"), "the owner's chain", process=owner)
        lab.settled({"name": "t", "chains": [{"name": "c", "rules": []}]})
        with pytest.raises(EngineError, match="Only the process that made the table may change it"):
            lab.run({"name": "t", "chains": [{"name": "c", "rules": ["counter"]}]})
    if flags == "owner,persist":
        lab.predicted({"name": "t", "chains": [{"name": "c", "rules": ["counter"]}]})
    else:
        assert nf_tables.has_table("inet", "t") is False
