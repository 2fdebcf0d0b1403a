# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is configured to use, compared with its policy: what would be rejected, and the entries that are missing.

Pure. The needs come from the host (module_utils/preflight), the policy from the inventory.
"""

from __future__ import annotations
