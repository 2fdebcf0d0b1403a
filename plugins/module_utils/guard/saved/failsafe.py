# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fail-safe table: loaded where the saved policy cannot be, it locks nobody out.

Its rules are the floor of the policy, which the controller compiles: settings.floor.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    FAILSAFE_COUNTER,
    OUTPUT_CHAIN,
    TABLE,
)

from . import records, settings
from .records import Record
from .settings import Settings

_CONNECTIONS = (
    'oifname "lo" fib daddr type { local, broadcast, multicast, anycast } accept',
    "ct state established,related accept",
    "ct state new tcp flags & (fin | syn | rst | ack) == ack accept",
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
)
"""Where no rules are known: what keeps connections from elsewhere to this host."""
_REJECT = ("meta l4proto 6 reject with tcp reset", "reject with icmpx type admin-prohibited")


def table(values: Settings) -> str:
    """Return the table; in mode observe it accepts and counts everything, as the policy did."""
    rejects = values.mode == "enforce"
    rules = (
        *(values.floor or _CONNECTIONS),
        f'counter name "{FAILSAFE_COUNTER}"',
        *(_REJECT if rejects else ()),
    )
    return (
        f"table {' '.join(TABLE)} {{\n"
        f"\tcounter {FAILSAFE_COUNTER} {{\n\t\tpackets 0 bytes 0\n\t}}\n\n"
        f"\tchain {OUTPUT_CHAIN} {{\n"
        f"\t\ttype filter hook output priority 0; policy {'drop' if rejects else 'accept'};\n"
        + "".join(f"\t\t{rule}\n" for rule in rules)
        + "\t}\n}\n"
    )


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
