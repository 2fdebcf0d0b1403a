# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any edit by hand that changes what is on the wire is named by verify, or unknown to it; it never says equal."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Flow
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.compare import own_differences
from ansible_collections.tidegate.nftables.tests.effort import SEED, times
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import BINARIES, load, nft, send
from ansible_collections.tidegate.nftables.tests.integration.policy.live_rulesets import built, held
from ansible_collections.tidegate.nftables.tests.integration.policy.test_flows import Seen, listed, watch

pytestmark = pytest.mark.usefixtures("network")

FLOWS = [
    *(Flow("203.0.113.7", "tcp", port, user) for port in (443, 80) for user in ("payd", "www-data")),
    *(Flow(address, "udp", port, "www-data") for address in ("10.1.0.1", "198.51.100.7") for port in (4499, 8005)),
    *(Flow("10.1.0.1", "tcp", port, "www-data") for port in (8000, 8011)),
    *(Flow(address, "icmp", 8, "root") for address in ("10.1.0.1", "198.51.100.7")),
    *(Flow("198.51.100.7", number, None, "root") for number in (50, 112)),
    Flow("2001:db8::7", "tcp", 443, "payd"),
    Flow("10.0.0.53", "udp", 53, "root"),
]
# Packets that no connection tracking sees.
RAW = """table inet raw {
  chain c {
    type filter hook output priority -300;
    udp dport 4499 notrack
  }
}
"""
CHAINS = ("egress_output", "egress_floor", "egress_allow", "egress_denied", "egress_enforced")
MATCHES = (
    *("", "ip daddr 198.51.100.7", "ip daddr != 10.1.0.0/16", "tcp dport 80", "udp dport 4499", "meta skuid 33"),
    *("th dport 0-65535", "th sport > 0", "ct state untracked", "ct state new", "ct state { new, untracked }"),
    *(
        "ct direction original",
        "meta l4proto 50",
        "meta l4proto { 112, 1 }",
        "icmp type 8",
        "meta mark 0",
        'oifname "tgout"',
    ),
    *("ct state != established", "tcp flags syn", "ip ttl > 1", "meta nfproto ipv6", "fib daddr type unicast"),
)
VERDICTS = (
    "accept",
    "drop",
    "return",
    "counter",
    "meta mark set 1 accept",
    "ip daddr set 198.51.100.9",
    "goto egress_reject",
)
OTHER_EDITS = (
    "insert rule inet tidegate egress_output ct state untracked accept",
    "insert rule inet tidegate egress_output meta l4proto != { 6, 17 } th dport 0-65535 accept",
    *("flush chain inet tidegate egress_allow", "flush chain inet tidegate egress_output"),
    *(
        "add element inet tidegate allow_pay4 { 198.51.100.0/24 }",
        "delete element inet tidegate allow_pay4 { 203.0.113.0/24 }",
    ),
    *("add chain inet tidegate egress_output { policy accept; }", "flush chain inet tidegate egress_reject"),
    "add chain inet tidegate p { type filter hook postrouting priority 0; policy drop; }",
    *(
        f"add chain inet tidegate p {{ type filter hook postrouting priority 0; }}\nadd rule inet tidegate p {rule}"
        for rule in ("ip daddr 10.1.0.1 ip daddr set 198.51.100.9", "ip daddr 203.0.113.7 drop", "meta l4proto 50 drop")
    ),
    "add chain inet tidegate o { type filter hook output priority 10; }\nadd rule inet tidegate o tcp dport 443 drop",
)


def edits(chosen: random.Random) -> list[str]:
    """Return edits of our table as nft takes them, those of every kind first."""
    made = list(OTHER_EDITS)
    for _time in range(times(20, 600)):
        verb, rule = chosen.choice(("insert", "add")), f"{chosen.choice(MATCHES)} {chosen.choice(VERDICTS)}"
        made.append(f"{verb} rule inet tidegate {chosen.choice(CHAINS)} {rule}")
    return made


def on_the_wire() -> set[Seen]:
    """Send every flow; return what left the host, with the destination that it then had."""
    nft("-f", "-", given="add table inet watch\ndelete table inet watch\n" + WATCH)
    for flow in FLOWS:
        send(flow)
    return set(listed("passed"))


WATCH = watch().replace("hook output priority 400", "hook postrouting priority 500")


def test_no_edit_that_changes_a_packets_fate_is_called_equal(tmp_path: Path) -> None:
    resolved = built()
    nft("-f", "-", given=RAW)
    load(compile_table(resolved), tmp_path)
    untouched = on_the_wire()
    changed = 0
    for edit in edits(random.Random(SEED)):
        nft("delete", "table", "inet", "tidegate")
        load(compile_table(resolved), tmp_path)
        assert own_differences(resolved, held(BINARIES[-1])) == []
        nft("-f", "-", given=edit)
        if on_the_wire() != untouched:
            changed += 1
            assert own_differences(resolved, held(BINARIES[-1])), edit
    # Many edits change something, or there would be little to notice.
    assert changed >= len(OTHER_EDITS)
