# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report of 1,000 hosts and 200,000 records: CPU time, size and memory, on usual data and on the worst."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys, time
from dataclasses import replace
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.page import page
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.totals import Totals
from ansible_collections.tidegate.nftables.tests.support import fleets
totals, hosts, spent = Totals(fleets.END), [], 0.0
for data in fleets.fleet(1000, 200_000, int(sys.argv[1])):
    start = time.process_time()
    totals.add(data)
    spent += time.process_time() - start
    hosts.append(replace(data, records=()))
start = time.process_time()
text, _known = page(totals, hosts, None)
spent += time.process_time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
rows, size = len(totals.groups), len(text) / 1e6
print(f"{totals.records:,} records, {rows:,} rows: {spent:.1f} s, {size:.2f} MB, peak {peak} MB")
"""


@pytest.mark.parametrize("destinations", [5000, 200_000])
def test_a_large_fleet_fits_into_five_megabytes_and_thirty_seconds(destinations: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(destinations)], stdout=subprocess.PIPE, text=True, check=True
    )
    print("\n" + done.stdout)
    line = re.search(r"^200,000 records, .*: ([\d.]+) s, ([\d.]+) MB", done.stdout)
    assert line
    assert float(line[1]) < 30
    assert float(line[2]) < 5
