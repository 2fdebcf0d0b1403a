# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten million flow records and a policy: what whatif.py prints, and what it has to stay below."""

from __future__ import annotations

import re
import subprocess
import sys

MODULE = "ansible_collections.tidegate.nftables.tests.bench.whatif"


def test_ten_million_records_in_a_minute_and_two_gigabytes() -> None:
    done = subprocess.run([sys.executable, "-m", MODULE], stdout=subprocess.PIPE, text=True, check=True)
    print("\n" + done.stdout)
    line = re.search(r"^10,000,000 records, .* ([\d.]+) s in all, peak ([\d,]+) MB; ([\d,]+) flows", done.stdout)
    assert line
    assert float(line[1]) < 60
    assert int(line[2].replace(",", "")) < 2000
    assert line[3] != "0"
