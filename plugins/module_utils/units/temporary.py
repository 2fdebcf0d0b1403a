# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is open to systemd units for some hours: elements with the ids of their cgroups, each with the time left.

The kernel ends them. A file that a reboot removes says for which units they are, since a restart makes a new cgroup.
"""

from __future__ import annotations

import ipaddress
import json
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import files, protocols
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TEMPORARY_ALLOW_UNIT_SET, of_version

from . import cgroups, keys
from .fill import key

SETS = {version: of_version(TEMPORARY_ALLOW_UNIT_SET, version) for version in (4, 6)}
"""Their keys: address . protocol . port . cgroup."""


class Opening(NamedTuple):
    """One destination that is open to a unit. until: of the monotonic clock, in seconds."""

    unit: str
    address: str
    protocol: str
    port: int
    until: float


def read(file: Path) -> list[Opening]:
    """Return what is open still; nothing where the file is missing or damaged."""
    with suppress(OSError, ValueError, TypeError):
        present = [Opening(*each) for each in json.loads(file.read_bytes())]
        return [each for each in present if each.until > time.monotonic()]
    return []


def add(file: Path, new: Sequence[Opening]) -> None:
    """Open more, in place of what was open of it, from now on. Raise NetlinkError or OSError."""
    renewed = {each[:-1] for each in new}
    kept = [each for each in read(file) if each[:-1] not in renewed]
    files.write(file, json.dumps([*kept, *new]).encode())
    follow(file, anew=True)


def follow(file: Path, *, anew: bool = False) -> None:
    """Make the sets hold the cgroups that the units have now. anew: also the time of each. Raise NetlinkError."""
    openings = read(file)
    if openings:
        root = cgroups.root()
        keys.hold(list(SETS.values()), lambda _present: _desired(openings, cgroups.staying(root)), anew=anew)


def _desired(openings: Sequence[Opening], present: Sequence[cgroups.Cgroup]) -> keys.Keys:
    now = time.monotonic()
    desired: dict[str, dict[bytes, int]] = {name: {} for name in SETS.values()}
    ids = cgroups.ids({each.unit: [each.unit] for each in openings}, present)
    for each in openings:
        address = ipaddress.ip_address(each.address)
        # Each field is filled up to four bytes.
        flow = address.packed + struct.pack(">B3xH2x", protocols.NUMBERS[each.protocol], each.port)
        for number in ids[each.unit]:
            desired[SETS[address.version]][flow + key(number)] = max(1, round(1000 * (each.until - now)))
    return desired
