# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every test here runs in a network namespace of its own, with one release of nft or with each."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.tests.support.namespaces import namespace
from ansible_collections.tidegate.nftables.tests.support.nft import VERSIONS, NftCommand, binaries

__all__ = ["namespace"]


@pytest.fixture(params=VERSIONS)
def each_nft(request: pytest.FixtureRequest) -> NftCommand:
    """Each release of nft in turn."""
    return NftCommand(binaries()[request.param])


@pytest.fixture
def nft() -> NftCommand:
    """One release of nft, for what is the same with all."""
    return NftCommand(binaries()["1.0.6"])
