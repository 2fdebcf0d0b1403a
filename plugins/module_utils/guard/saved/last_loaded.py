# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this room last put into the kernel, so that an edit by somebody else can be seen.

Compared in the words of the nft that listed it: after an upgrade of nft the words may differ without any edit, so a
note by another version says nothing.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths


@dataclass(frozen=True)
class Loaded:
    """shape: what shape.py makes of the table; nft: the version that listed it; boot_id: of the boot in which it was loaded."""

    shape: str
    nft: str
    boot_id: str
    others: tuple[str, ...] = ()


def note(paths: Paths, shape: str, nft: str, others: tuple[str, ...]) -> None:
    """Write down what the kernel has now. Not worth failing for."""
    with suppress(GuardError):
        said = Loaded(shape, nft, clock.boot_id(), others)
        files.write(paths.loaded, json.dumps(asdict(said)).encode("utf-8", "surrogateescape"))


def read(paths: Paths, nft: str) -> Loaded | None:
    """Return the note, None when there is none of this boot and this version of nft."""
    with suppress(GuardError, ValueError, TypeError, AttributeError, KeyError):
        said = json.loads(files.read(paths.loaded) or "")
        found = Loaded(said["shape"], said["nft"], said["boot_id"], tuple(said["others"]))
        return found if found.boot_id == clock.boot_id() and found.nft == nft else None
    return None
