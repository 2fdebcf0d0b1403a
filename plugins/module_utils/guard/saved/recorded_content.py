# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the record of a host that is right (guard/unchanged.py) right where the guard itself writes a file anew."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from typing import Iterator

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import unchanged
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths


@contextmanager
def followed(paths: Paths) -> Iterator[None]:
    """Have the record follow what the body writes into the candidate, if the record expects it to be confirmed."""
    before = unchanged.content(str(paths.candidate))
    yield
    # Without a record that is right, the next run is a whole one.
    with suppress(Exception):
        record = unchanged.read(str(paths.unchanged))
        recorded = record["facts"]["files"]
        if before is not None and recorded[str(paths.confirmed)] == before:
            recorded[str(paths.confirmed)] = unchanged.content(str(paths.candidate))
            files.write(paths.unchanged, json.dumps(record).encode())
