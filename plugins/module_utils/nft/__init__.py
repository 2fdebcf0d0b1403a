# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nft engine: read, canonicalise, compare, one transaction, verify. Standard library only, Python 3.8+."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils import zip_import

zip_import.install()
