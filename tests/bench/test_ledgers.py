# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole change beside full ledgers and beside empty ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.bench.summary import ROWS, Row
from ansible_collections.tidegate.nftables.tests.integration.policy.test_flood import cost_of_a_change
from ansible_collections.tidegate.nftables.tests.support.namespaces import own_namespace
from ansible_collections.tidegate.nftables.tests.support.nft import VERSIONS, binaries

LIMIT = 1.2


@pytest.mark.parametrize("version", VERSIONS)
def test_full_ledgers_make_a_change_hardly_slower(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = binaries()[version]
    monkeypatch.setenv("PATH", f"{binary.parent}:/usr/sbin:/usr/bin:/bin")
    with own_namespace():
        empty, full = cost_of_a_change(binary, tmp_path)
    what = f"a change with all ledgers full, nft {version}"
    ROWS.append(
        Row(what, f"{full:.2f} s", f"empty {empty:.2f} s", full / empty, f"{LIMIT} times", full < LIMIT * empty)
    )
    assert full < LIMIT * empty
