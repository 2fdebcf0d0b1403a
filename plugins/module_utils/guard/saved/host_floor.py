# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the fail-safe table with the name servers that only the host knows."""

from __future__ import annotations

import re
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import resolvers
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import RESOLVERS

_RESOLVERS = re.compile(rf"@{RESOLVERS}(?P<version>[46])\b")


def of_host(floor: Sequence[str]) -> list[str]:
    """Return rules with this host's name servers in them, without those for which it has none. Raise EngineError."""
    asked = [rule for rule in floor if _RESOLVERS.search(rule)]
    servers = resolvers.look_up() if asked else []
    texts = {version: [str(each) for each in servers if each.version == version] for version in (4, 6)}

    def filled(rule: str) -> str:
        return _RESOLVERS.sub(lambda match: f"{{ {', '.join(texts[int(match['version'])])} }}", rule)

    def known(rule: str) -> bool:
        return all(texts[int(match["version"])] for match in _RESOLVERS.finditer(rule))

    return [filled(rule) for rule in floor if known(rule)]
