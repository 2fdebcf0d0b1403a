# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prefix lists: networks that others publish, fetched on the controller, checked, and kept for the day they fail.

The only neighbour of the policy that reads files and talks to servers. Knows the policy's errors and addresses, and
nothing of Ansible's tasks.
"""

from __future__ import annotations

from .declarations import parse, template_each
from .lists import PrefixLists, default_cache_dir
from .model import PrefixList, PrefixListResult, Untemplated, Unusable

__all__ = [
    "PrefixList",
    "PrefixListResult",
    "PrefixLists",
    "Untemplated",
    "Unusable",
    "default_cache_dir",
    "parse",
    "template_each",
]
