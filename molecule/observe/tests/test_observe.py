# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observe mode: the same rules reject nothing and count what they would reject."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.molecule.shared import lab

testinfra_hosts = lab.targets("app")


@pytest.mark.parametrize("user", ["root", "nosy"])
def test_reaches_everything(host: Any, user: str) -> None:
    assert lab.reached(lab.attempt(host, user, lab.FLOWS)) == set(lab.FLOWS)


def test_counts_what_enforce_would_reject(host: Any) -> None:
    strange = {name: lab.FLOWS[name] for name in lab.both("stranger", "stranger-dns-udp", "payments-ssh")}
    before = lab.counter(host, "would_deny")

    lab.attempt(host, "nosy", strange)

    assert lab.counter(host, "would_deny") - before >= len(strange)


def test_does_not_count_what_is_allowed(host: Any) -> None:
    allowed = {name: lab.FLOWS[name] for name in lab.both("mirror", "dns-udp", "dns-tcp", "ntp", "logs")}
    before = lab.counter(host, "would_deny")

    assert lab.reached(lab.attempt(host, "nosy", allowed)) == set(allowed)
    assert lab.counter(host, "would_deny") == before
