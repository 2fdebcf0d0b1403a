# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of many hosts with the same mistake, one reports it."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.first_host import first_host


def test_the_first_host_stays_the_first(tmp_path: Path) -> None:
    directory = str(tmp_path / "run")
    assert first_host("a typo", "app1", directory) == "app1"
    assert [first_host("a typo", f"app{number}", directory) for number in range(1, 200)] == ["app1"] * 199
    assert first_host("another", "app7", directory) == "app7"


def test_where_nothing_can_be_written_every_host_reports(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    assert [first_host("a typo", host, str(tmp_path / "run")) for host in ("app1", "app2")] == ["app1", "app2"]
