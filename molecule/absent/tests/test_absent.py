# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Absent mode after enforce: no trace is left, and tables of other programs are not touched."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.nftables.molecule.shared import lab

testinfra_hosts = lab.targets("app")


def test_reaches_everything(host: Any) -> None:
    assert lab.reached(lab.attempt(host, "nosy", lab.FLOWS)) == set(lab.FLOWS)


def test_leaves_only_the_table_of_another_program(host: Any) -> None:
    assert host.check_output("nft list tables").splitlines() == ["table inet neighbour"]


def test_leaves_no_file(host: Any) -> None:
    assert lab.files_like(host, "*tidegate*") == []
