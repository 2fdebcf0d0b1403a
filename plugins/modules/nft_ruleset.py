#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole tables, in one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_ruleset
short_description: Make whole nftables tables equal to what is written
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Makes each named table of the kernel equal to what is written, in one transaction for all of them.
options:
  tables:
    description: The tables.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
"""

RETURN = r"""
"""

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import door, parse


def main() -> None:
    """Read the tables and run."""
    door.run({"tables": {"type": "list", "elements": "dict", "required": True}}, lambda given: parse.tables(given["tables"]))


if __name__ == "__main__":
    main()
