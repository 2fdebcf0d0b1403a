# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same namespace and the same versions of nft as the engine's other tests have."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.tests.integration.nft.conftest import binary, lab, namespace

__all__ = ["binary", "lab", "namespace"]
