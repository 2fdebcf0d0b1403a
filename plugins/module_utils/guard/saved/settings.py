# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the boot and the watcher go by when the controller is not there."""

from __future__ import annotations

import ipaddress
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
    """drift: what becomes of an edit by hand. mode: whether the fail-safe table refuses or only counts.

    dns, ntp: addresses and networks that the fail-safe table lets out to; none: to any.
    """

    drift: str = "report"
    mode: str = "enforce"
    dns: tuple[str, ...] = ()
    ntp: tuple[str, ...] = ()


def parse(given: Mapping[str, Any]) -> Settings:
    """Return settings from plain values; raise GuardError (bad_request) naming what cannot be."""
    for key, choices in (("drift", DRIFT), ("mode", MODES)):
        if given.get(key, choices[0]) not in choices:
            raise GuardError("bad_request", f"{key}: {given[key]!r} is none of {', '.join(choices)}. {UNCHANGED}")
    return Settings(
        given.get("drift", DRIFT[0]),
        given.get("mode", MODES[0]),
        tuple(_network(value, "dns") for value in given.get("dns") or ()),
        tuple(_network(value, "ntp") for value in given.get("ntp") or ()),
    )


def dump(settings: Settings) -> bytes:
    """Return the file of settings."""
    return (json.dumps(asdict(settings), sort_keys=True) + "\n").encode()


def read(paths: Paths) -> Settings:
    """Return this host's settings; those that cannot be read are the defaults, which refuse."""
    with suppress(GuardError):
        return load(files.read(paths.settings) or "")
    return Settings()


def load(text: str) -> Settings:
    """Return the settings of a file; what cannot be read are the defaults, which refuse."""
    with suppress(GuardError, ValueError, AttributeError, TypeError):
        return parse(json.loads(text))
    return Settings()


def _network(value: Any, key: str) -> str:
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError as error:
        raise GuardError("bad_request", f"{key}: {value!r} is no address or network. {UNCHANGED}") from error
