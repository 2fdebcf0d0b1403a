# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether and where containers of the host are filtered, and which entries are about them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.bridges import BRIDGES
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Entry

from . import values
from .context import Context

# A device's name in Linux has 15 characters; a star alone would be every interface, the host's way out among them.
_NAME = re.compile(r"(?=.{1,15}$)[A-Za-z0-9_][A-Za-z0-9_.-]*\*?")


def interfaces(report: ErrorReport, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the bridges whose traffic is filtered: egress_container_interfaces, else BRIDGES; () when none is."""
    place, value = variable("egress_container_interfaces"), variables.get("egress_container_interfaces")
    bridges: list[str] = []
    for element_place, item in values.items(report, place, [] if value is None else value) or []:
        if isinstance(item, str) and _NAME.fullmatch(item):
            bridges.append(item)
        else:
            fix = "write a name such as docker0, or br-* for all that begin with br-"
            report.error(element_place, f"{values.show(item)} is not the name of an interface", fix)
    switch = variables.get("egress_containers")
    if switch is None or not values.boolean(report, variable("egress_containers"), switch):
        return ()
    return tuple(dict.fromkeys(bridges)) or BRIDGES


def without_unfiltered(context: Context, entries: Sequence[Entry], bridges: Sequence[str]) -> list[Entry]:
    """Return the entries that apply; where containers are not filtered, those about the host alone."""
    if bridges:
        return list(entries)
    applying: list[Entry] = []
    for entry in entries:
        if "host" in entry.for_:
            applying.append(replace(entry, for_=("host",)))
        else:
            text = "is left out: containers are not filtered on this host"
            context.report.notice("containers", entry.place, text)
    return applying
