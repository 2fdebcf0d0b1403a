# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nft prints when it fails: places, and one reason for machines."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import command
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import NftOutcome, failure
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import REASONS


def test_errors_of_nft_have_lines() -> None:
    stderr = (
        "In file included from <cmdline>:1:1-27:\n"
        "/tmp/x.nft:5:28-29: Error: No such file or directory\nadd rule inet S c ip saddr @b\n      ^^\n"
        "/tmp/x.nft:6:29-36: Error: Could not resolve service\n"
        "Error: No such file or directory\nlist table inet S\n"
    )
    assert NftOutcome(1, "", stderr).errors() == [
        (5, "No such file or directory"),
        (6, "Could not resolve service"),
        (0, "No such file or directory"),
    ]


@pytest.mark.parametrize(
    ("code", "stderr", "reason"),
    [
        (1, "x:1:1-2: Error: syntax error, unexpected foo", "rejected_by_nft"),
        (1, "x:1:1-2: Error: Could not process rule: Device or resource busy", "busy"),
        (1, "netlink: Error: Could not process rule: Message too long", "rejected_by_nft"),
        (3, "Unable to initialize Netlink socket: Protocol not supported", "no_nf_tables"),
        (-11, "", "nft_crashed"),
        (-99, "", "nft_crashed"),
        (1, "", "rejected_by_nft"),
    ],
)
def test_failures_have_a_reason(code: int, stderr: str, reason: str) -> None:
    error = failure(NftOutcome(code, "", stderr), "nft -f x", "here")
    assert error.reason == reason
    assert error.reason in REASONS


@pytest.mark.parametrize(("held", "reason"), [(False, "no_cap_net_admin"), (True, "busy")])
def test_not_permitted_means_no_capability_or_the_table_of_another(
    held: bool, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "has_net_admin", lambda: held)
    stderr = "Error: Could not process rule: Operation not permitted"
    assert failure(NftOutcome(1, "", stderr), "nft -f x").reason == reason
