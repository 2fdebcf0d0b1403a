# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host of a run reports a text first: a mistake in group_vars is one mistake, however many hosts have it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from time import time

from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import run_directory


def first_host(text: str, host: str, directory: str = "") -> str:
    """Return the host of this ansible-playbook that was the first with a text: this host or another.

    directory: that all workers of the run share. Where it cannot be written, every host is the first.
    """
    place = Path(directory or run_directory()) / "reported" / hashlib.sha256(text.encode()).hexdigest()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("x", encoding="utf-8") as file:
            file.write(host)
    except FileExistsError:
        # Empty while the other worker writes it.
        return place.read_text(encoding="utf-8") or host
    except OSError:
        return host
    return host


def seconds_of_run() -> float:
    """Return for how long this ansible-playbook has run, from the first task in any worker that asked."""
    now = time()
    return now - float(first_host("the first task that asked for the time", str(now)))
