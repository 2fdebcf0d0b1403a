# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that the egress modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of the modules that change no host, and options of those that change one."""

    DOCUMENTATION = r"""
options: {}
"""

    READS_ONLY = r"""
options: {}
attributes:
  check_mode:
    description: Does the same in check mode, because it changes nothing on any host.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
"""

    REASON = r"""
options:
  reason:
    description: The reason, for the history on the host.
    type: str
    default: ""
"""
