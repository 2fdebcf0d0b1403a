# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every part of the reading needs: where to report, the inventory, and the names that the host declares."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Inventory
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from . import hints, values
from .known import Bundle


@dataclass(frozen=True, kw_only=True)
class Context:
    """One reading of one host's policy.

    report: takes errors and notices. inventory: groups, hosts and prefix lists. today: the day for `expires`, in UTC.
    definitions: service name -> texts. require: keys that every entry must have.
    known: the bundles of names in egress_known. lists: the names of declared prefix lists.
    tiers: the names of tiers, shipped or the host's own.
    """

    report: ErrorReport
    inventory: Inventory
    today: dt.date
    definitions: Mapping[str, Sequence[str]] = field(default_factory=services.catalogue)
    require: tuple[str, ...] = ()
    known: Mapping[str, Bundle] = field(default_factory=dict)
    lists: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()

    def services(self, place: Place, value: Any) -> tuple[ServiceSet, tuple[str, ...]] | None:
        """Read a list of services: the set, and the texts as written. None after an error; an empty list is one."""
        elements = values.items(self.report, place, value)
        if elements is None:
            return None
        if not elements:
            self.report.error(place, "is an empty list", "name at least one service; the word any means all of them")
            return None
        sets = [self.service(element_place, item) for element_place, item in elements]
        joined = services.NONE
        for service_set in sets:
            if service_set is None:
                return None
            joined |= service_set
        return joined, tuple(str(item) for _place, item in elements)

    def service(self, place: Place, value: Any) -> ServiceSet | None:
        """Read one service. None after an error."""
        if not isinstance(value, str):
            self.report.error(place, *_not_a_text(value))
            return None
        text = str(value).strip()
        try:
            literal = services.parse_literal(text)
            return services.expand(self.definitions, text) if literal is None else literal
        except services.ServiceError as error:
            self.report.error(place, error.cause, error.fix)
        except KeyError:
            self.report.error(place, f"{values.show(text)} is not a service", self._service_fix(text))
        return None

    def _service_fix(self, text: str) -> str:
        if "," in text or " " in text:
            return "write a list: [http, https]"
        if text.replace("-", "").isdigit():
            return f"write tcp/{text} or udp/{text}"
        guess = hints.guess(text, [*self.definitions, "any", "icmp"], "services")
        return f"did you mean {guess}?" if guess else "write PROTOCOL/PORT, or define the name in egress_services"


def _not_a_text(value: Any) -> tuple[str, str]:
    """Return cause and fix for a value that YAML did not read as a text."""
    if isinstance(value, int) and not isinstance(value, bool):
        minutes, seconds = divmod(value, 60)
        fix = f"write tcp/{value} or udp/{value}"
        if minutes < seconds:
            fix += f"; if you wrote {minutes}:{seconds}, which YAML reads as {value}, write tcp/{minutes}-{seconds}"
        return f"{value} is a number, not a service", fix
    if isinstance(value, dict) and len(value) == 1:
        key, rest = next(iter(value.items()))
        return f"YAML reads {values.show(f'{key}: {rest}')} as a mapping", f"write {key}/{rest}"
    return f"YAML reads {values.show(value)} as {values.kind(value)}", "write the service in quotes"
