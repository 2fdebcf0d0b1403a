# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prefix lists: networks that others publish, fetched on the controller, checked, and kept as last good copies.

The only room beside the policy that reads files and talks to servers. It imports the policy's errors and addresses, and
nothing of Ansible's tasks.
"""

from __future__ import annotations

from .declarations import parse, template_each
from .lists import PrefixLists, default_cache_dir
from .model import FeedError, PrefixList, PrefixListResult, TemplateFailure

__all__ = [
    "FeedError",
    "PrefixList",
    "PrefixListResult",
    "PrefixLists",
    "TemplateFailure",
    "default_cache_dir",
    "parse",
    "template_each",
]
