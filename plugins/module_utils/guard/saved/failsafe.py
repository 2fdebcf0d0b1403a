# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fail-safe table: loaded where the saved policy cannot be, it locks nobody out.

Its rules are the floor of the policy, which the controller compiles: settings.floor, and settings.forward for what the
containers behind settings.interfaces send out. Of that, what does not pass is dropped without an answer.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    FAILSAFE_COUNTER,
    FORWARD_CHAIN,
    LOOPBACK,
    OLDER,
    OUTPUT_CHAIN,
    REPLIES,
    TABLE,
)

from . import records, settings
from .records import Record
from .settings import Settings

_CONNECTIONS = (
    *(f"{match} accept" for match in (LOOPBACK, REPLIES, OLDER)),
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
)
"""Where no rules are known: what keeps connections from elsewhere to this host."""
_REJECT = ("meta l4proto 6 reject with tcp reset", "reject with icmpx type admin-prohibited")


def table(values: Settings) -> str:
    """Return the table; in mode observe it accepts and counts everything, as the policy did."""
    rejects = values.mode == "enforce"
    count = f'counter name "{FAILSAFE_COUNTER}"'
    rules = (
        *(values.floor or _CONNECTIONS),
        count,
        *(_REJECT if rejects else ()),
    )
    chains = _chain(OUTPUT_CHAIN, "output", "drop" if rejects else "accept", rules)
    if values.interfaces:
        from_containers = (f'iifname "{name}" {count}{" drop" if rejects else ""}' for name in values.interfaces)
        chains += _chain(FORWARD_CHAIN, "forward", "accept", (*values.forward, *from_containers))
    return f"table {' '.join(TABLE)} {{\n\tcounter {FAILSAFE_COUNTER} {{\n\t\tpackets 0 bytes 0\n\t}}\n{chains}}}\n"


def _chain(name: str, hook: str, policy: str, rules: Sequence[str]) -> str:
    lines = "".join(f"\t\t{line}\n" for line in (f"type filter hook {hook} priority 0; policy {policy};", *rules))
    return f"\n\tchain {name} {{\n{lines}\t}}\n"


def script(values: Settings) -> bytes:
    """Return the file that nft alone loads at a boot without Python."""
    return restore.script(table(values)).encode()


def write(paths: Paths, values: Settings) -> None:
    """Write the settings and the fail-safe table that follows from them."""
    files.write(paths.settings, settings.dump(values))
    files.write(paths.failsafe, script(values))


def record_of(paths: Paths, values: Settings) -> Record:
    """Return the fail-safe table as a record; one without messages where it was never recorded."""
    text = table(values)
    with suppress(GuardError):
        return records.load(path_of(paths, text)) or Record(text)
    return Record(text)


def path_of(paths: Paths, text: str) -> Path:
    """Return the path of the record of a fail-safe table."""
    return paths.failsafe_record(records.checksum(text)[:16])
