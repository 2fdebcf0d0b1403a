# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft_set with element files of the controller."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.upload.action import UploadAction


class ActionModule(UploadAction):
    """Upload the files that the task names, then run the module."""

    MODULE = "nft_set"
