# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the table of all rows after the benchmarks."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.nftables.tests.bench import summary


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was measured, also where a benchmark failed."""
    if summary.ROWS:
        terminalreporter.section("what was to be reached")
        terminalreporter.write_line(summary.table())
