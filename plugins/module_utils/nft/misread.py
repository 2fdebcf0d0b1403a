# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse what an old nft takes without a word and gets wrong."""

from __future__ import annotations

import re
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.model import Table
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.spec import TableSpec

_HOST_ORDER = re.compile(r"^(?:ct zone|ct bytes|ct packets|meta cpu|meta length|meta cgroup|rt mtu)$")
"""Numbers that the kernel keeps in the machine's byte order; ``add element`` of 0.9.8 writes them in the other."""


def check(version: str, spec: TableSpec, live: Table | None) -> None:
    """Raise when elements are asked for that this nft would write wrong, so that they never match (tried on 0.9.8)."""
    if not version.startswith("0.9."):
        return
    for wanted in spec.sets:
        there = live.set(wanted.name) if live else None
        declaration: Sequence[str] = wanted.declaration or (there.declaration if there else ())
        declared = next((line[len("typeof ") :] for line in declaration if line.startswith("typeof ")), "")
        fields = [field.strip() for side in declared.split(" : ") for field in side.split(" . ")]
        wrong = [field for field in fields if _HOST_ORDER.match(field)]
        if wanted.present and wanted.elements and wrong:
            raise bad_spec(
                wanted.where,
                f"nft {version} writes elements of 'typeof {wrong[0]}' in the wrong byte order, so that they never "
                f"match. Put the values into the rule (`{wrong[0]} {{ … }}`), or use nft 1.0 or later.",
            )
