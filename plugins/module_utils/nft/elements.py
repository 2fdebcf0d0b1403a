# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which elements a set shall have, given those it has and those asked for."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.model import Element, NamedSet
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.spec import SetSpec


def wanted(
    spec: SetSpec, declared: NamedSet, asked: Sequence[Element], before: Sequence[Element]
) -> tuple[Element, ...]:
    """Return the elements to reach.

    asked: the elements of the arguments in nft's words. before: those in the kernel.
    """
    if spec.elements is None:
        return tuple(before)
    if spec.mode == "remove":
        gone = {element.key for element in asked}
        return tuple(element for element in before if element.key not in gone)
    if spec.mode == "add":
        if declared.has("auto-merge"):
            return tuple(asked)
        keys = {element.key for element in asked}
        return (*(element for element in before if element.key not in keys), *asked)
    return tuple(asked)
