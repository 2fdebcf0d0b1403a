# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries that would allow what was rejected without an explanation, for a person to review and paste."""

from __future__ import annotations

import re
from typing import Any, Iterable, NamedTuple


class Rejection(NamedTuple):
    """Rejected flows of one destination.

    owner: user or uid, "" for nobody's or an unknown one. service: as in a policy. times: how many packets or flows.
    systemd_unit: the one that sent them, "" for an unknown one or several.
    """

    owner: str
    service: str
    address: str
    times: int
    systemd_unit: str = ""


_ROOT = ("root", "0")


def variable(tier: str) -> str:
    """Return the variable for the entries; its topic is its own, so they add to what is there wherever it is pasted."""
    return f"egress_allow_{tier or 'app'}_observed"


def entries(rejections: Iterable[Rejection], unit: str, where: str) -> list[dict[str, Any]]:
    """Return one entry for each sender and service, in the order of their first rejections.

    A user of its own says which program it is; root and numbers, which DynamicUser changes at each start, do not.
    unit, where: for the reason, such as "packet" and "in mode observe".
    """
    groups: dict[tuple[str, str, str], list[Rejection]] = {}
    for rejection in rejections:
        owner, sender = rejection.owner, rejection.systemd_unit
        if sender and owner.isdigit() and owner != "0":
            owner = ""
        elif owner not in _ROOT:
            sender = ""
        groups.setdefault((owner, sender, rejection.service), []).append(rejection)
    return [_entry(sender, service, group, unit, where) for (*sender, service), group in groups.items()]


def _entry(sender: list[str], service: str, group: list[Rejection], unit: str, where: str) -> dict[str, Any]:
    owner, systemd_unit = sender
    name = systemd_unit.replace("@", "-").rpartition(".")[0] or owner or "anyone"
    times = sum(rejection.times for rejection in group)
    return {
        "name": re.sub(r"[^A-Za-z0-9_-]+", "-", f"{name}-{service}").strip("-"),
        "to": list(dict.fromkeys(rejection.address for rejection in group)),
        "services": [service],
        **({"users": [owner]} if owner else {}),
        **({"units": [systemd_unit]} if systemd_unit else {}),
        "reason": f"{times:,} {unit}{'' if times == 1 else 's'} {where}; why?",
    }
