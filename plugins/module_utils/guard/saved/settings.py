# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the boot and the watcher, which run without the controller."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

DRIFT = ("report", "repair")
MODES = ("enforce", "observe")


@dataclass(frozen=True)
class Settings:
    """drift: whether an edit of the table is reported or repaired; mode: whether the fail-safe table rejects or counts.

    floor: the rules of the fail-safe table; none: its own, which keep connections. tier: for logs and metrics.
    ledger_days: days that a line of the ledger is kept. never: the elements of egress_never that have rules, with their
    reasons. contact: whom to ask about the policy. interfaces: what containers are behind, none where they are not
    filtered. forward: the rules of the fail-safe table by which what they send passes. metrics_dir: the folder for
    metrics, "" for none. internal: the networks of the word. expires: seconds since 1970 at which entries end.
    ulogd_group: the group of NFLOG that a ulogd2 of ours writes as JSON, None for no ulogd2.
    """

    drift: str = "report"
    mode: str = "enforce"
    floor: tuple[str, ...] = ()
    tier: str = ""
    ledger_days: int = 31
    never: tuple[str, ...] = ()
    contact: str = ""
    interfaces: tuple[str, ...] = ()
    forward: tuple[str, ...] = ()
    metrics_dir: str = ""
    internal: tuple[str, ...] = ()
    expires: tuple[int, ...] = ()
    ulogd_group: int | None = None


def parse(values: Mapping[str, Any]) -> Settings:
    """Return settings from plain values; raise GuardError (bad_request) for the first invalid one."""
    for key, choices in (("drift", DRIFT), ("mode", MODES)):
        if values.get(key, choices[0]) not in choices:
            raise GuardError("bad_request", f"{key}: {values[key]!r} is not one of {', '.join(choices)}. {UNCHANGED}")
    return Settings(
        values.get("drift", DRIFT[0]),
        values.get("mode", MODES[0]),
        tuple(map(str, values.get("floor") or ())),
        str(values.get("tier") or ""),
        int(values.get("ledger_days") or Settings.ledger_days),
        tuple(map(str, values.get("never") or ())),
        str(values.get("contact") or ""),
        tuple(map(str, values.get("interfaces") or ())),
        tuple(map(str, values.get("forward") or ())),
        str(values.get("metrics_dir") or ""),
        tuple(map(str, values.get("internal") or ())),
        tuple(map(int, values.get("expires") or ())),
        None if values.get("ulogd_group") is None else int(values["ulogd_group"]),
    )


def dump(settings: Settings) -> bytes:
    """Return the file of settings."""
    return (json.dumps(asdict(settings), sort_keys=True) + "\n").encode()


def read(paths: Paths) -> Settings:
    """Return this host's settings; the defaults, which reject, when the file cannot be read."""
    with suppress(GuardError):
        return load(files.read(paths.settings) or "")
    return Settings()


def load(text: str) -> Settings:
    """Return the settings in a file's text; the defaults, which reject, when it cannot be read."""
    with suppress(GuardError, ValueError, AttributeError, TypeError):
        return parse(json.loads(text))
    return Settings()
