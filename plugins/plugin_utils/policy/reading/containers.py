# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether and where containers of the host are filtered, and which entries are about them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Entry

from . import values
from .context import Context

BRIDGES = ("docker0", "br-*", "podman*", "cni*")
"""What Docker, Podman and CNI plugins call their bridges unless they are told otherwise."""

# A device's name in Linux has 15 characters; a star alone would be every interface, the host's way out among them.
_NAME = re.compile(r"(?=.{1,15}$)[A-Za-z0-9_][A-Za-z0-9_.-]*\*?")


def interfaces(report: ErrorReport, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """The bridges whose traffic is filtered: egress_container_interfaces, else BRIDGES; () when none is."""
    place, value = variable("egress_container_interfaces"), variables.get("egress_container_interfaces")
    found: list[str] = []
    for at, item in values.items(report, place, [] if value is None else value) or []:
        if isinstance(item, str) and _NAME.fullmatch(item):
            found.append(item)
        else:
            report.error(at, f"{values.show(item)} is no interface", "write names such as docker0, or br-* for all")
    switch = variables.get("egress_containers")
    if switch is None or not values.boolean(report, variable("egress_containers"), switch):
        return ()
    return tuple(dict.fromkeys(found)) or BRIDGES


def held(context: Context, entries: Sequence[Entry], bridges: Sequence[str]) -> list[Entry]:
    """The entries as they hold: without filtering of containers, for the host alone, or not at all."""
    if bridges:
        return list(entries)
    found: list[Entry] = []
    for entry in entries:
        if "host" in entry.for_:
            found.append(replace(entry, for_=("host",)))
        else:
            context.report.notice("containers", entry.place, "is left out: containers are not filtered on this host")
    return found
