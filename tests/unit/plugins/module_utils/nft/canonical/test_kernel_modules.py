# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical import kernel_modules


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("flowtable f", "nf_flow_table"),
        ("secmark web", "CONFIG_NETWORK_SECMARK"),
        ("ct helper ftp-21", "nf_conntrack_ftp"),
        ("ct timeout long", "nfnetlink_cttimeout"),
        ("synproxy s", "nft_synproxy"),
    ],
)
def test_what_a_kernel_lacks_for_an_object(header: str, part: str) -> None:
    assert part in kernel_modules.of_object(header)


@pytest.mark.parametrize("header", ["set flowtable", "chain synproxy", "counter c", "table inet t"])
def test_what_every_kernel_has(header: str) -> None:
    assert kernel_modules.of_object(header) == ""


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ("tcp dport 22 queue num 1-3 bypass", "nft_queue"),
        ('counter osf name "Linux"', "nft_osf"),
        ("ct count over 5 drop", "nft_connlimit"),
        ("ct state invalid goto denied", "nft_ct"),
        ('limit rate 5/second log prefix "x" group 3', "nft_log"),
        ("meta l4proto tcp reject with tcp reset", "nft_reject"),
        ("ct state new log reject", "nft_ct) or logging (modules nft_log and nf_log_syslog) or rejections"),
        ('tcp dport 22 accept comment "queue"', ""),
        ("jump queues", ""),
    ],
)
def test_what_a_kernel_may_lack_for_a_rule(rule: str, part: str) -> None:
    lacking = kernel_modules.of_rule(rule)
    assert (part in lacking) if part else lacking == ""
