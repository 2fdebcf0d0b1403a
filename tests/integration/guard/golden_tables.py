# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled policies, for hosts of these tests."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.tests.golden.cases import ROOT, Case
from ansible_collections.tidegate.nftables.tests.golden.render import render


def golden(name: str) -> str:
    """A compiled policy; payd has uid 20001."""
    return render(Case(ROOT / name).spec(), uid=lambda user: {"payd": "20001", "root": "0"}.get(user, "33"))
