# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a policy takes over flow logs: `whatif.py [RECORDS]` prints time, peak memory and the answer."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import database, sources
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.read import read
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif.answer import answer
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.prove.policies import app

HOSTS = 200
USUAL = 60
"""Destinations that a host talks to all the time; one record in a hundred goes somewhere else."""


def make(records: int, path: Path) -> None:
    """Write flow logs in the default format: requests and their replies, usual and unusual destinations."""
    connection = database.connect(path.parent)
    connection.execute(f"""
        COPY (
          WITH flow AS (
            SELECT i, i % {HOSTS} AS host, hash(i) % 100 = 0 AS odd, hash(i + 1) AS h FROM range({records // 2}) t(i)
          ), pair AS (
            SELECT i, '10.0.' || (host // 250) || '.' || (host % 250 + 1) AS here,
                   CASE WHEN odd THEN '198.51.' || (h % 250) || '.' || (h // 250 % 250)
                        ELSE '203.0.113.' || (h % {USUAL}) END AS there,
                   32768 + h % 28000 AS client, [443, 443, 443, 8000, 5432, 53][CAST(1 + h % 6 AS BIGINT)] AS service
            FROM flow
          )
          SELECT 2, '123456789010', 'eni-1', here, there, client, service, 6, 10, 5200, 1700000000 + i // 1000,
                 1700000060 + i // 1000, 'ACCEPT', 'OK' FROM pair
          UNION ALL
          SELECT 2, '123456789010', 'eni-1', there, here, service, client, 6, 9, 9100, 1700000000 + i // 1000,
                 1700000060 + i // 1000, 'ACCEPT', 'OK' FROM pair
        ) TO {database.text(path)} (DELIMITER ' ', HEADER false)
    """)
    connection.close()


def judge(log: Path, directory: Path) -> None:
    """Read and judge, in a process of its own so that its peak memory is its own."""
    policy = app()
    started = time.monotonic()
    logs = read(sources.parse([{"vpc": str(log)}], directory), directory)
    reading = time.monotonic() - started
    rejected = sum(
        answer(policy, [f"10.0.{host // 250}.{host % 250 + 1}"], directory)["rejected_total"]["flows"]
        for host in range(HOSTS)
    )
    total = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{logs.records:,} records, {logs.groups:,} groups of {HOSTS} hosts: read in {reading:.1f} s, judged in "
        f"{total - reading:.1f} s, {total:.1f} s in all, peak {peak:,} MB; {rejected:,} flows would be rejected"
    )


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["judge"]:
        judge(Path(arguments[1]), Path(arguments[2]))
        return
    records = int(arguments[0]) if arguments else 10_000_000
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "flows.log"
        make(records, log)
        subprocess.run([sys.executable, "-m", __spec__.name, "judge", log, Path(folder) / "work"], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
