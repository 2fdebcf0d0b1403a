# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data files are read by the process that forks the workers."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import yaml
from ansible_collections.tidegate.nftables.plugins.action import egress_apply
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles, services

def fail(*arguments, **options):
    raise AssertionError("a data file is read again")

yaml.load = fail
words.public()
services.catalogue()
for tier in datafiles.names("tiers"):
    datafiles.load(f"tiers/{tier}")
datafiles.load("floor")
"""


def test_a_worker_reads_no_data_file_once_the_action_is_imported() -> None:
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
