# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every part of the reading needs: where to report, whom to ask, which service names there are."""

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


@dataclass(frozen=True)
class Context:
    """One reading of one host's policy.

    definitions: service name -> texts. require: keys that entries must have. lists: the names of declared prefix lists.
    tiers: the names of tiers that are shipped or this host's own.
    """

    report: ErrorReport
    inventory: Inventory
    today: dt.date
    definitions: Mapping[str, Sequence[str]] = field(default_factory=services.catalogue)
    require: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()

    def services(self, place: Place, value: Any) -> tuple[ServiceSet, tuple[str, ...]] | None:
        """A list of services: the set, and the texts as written. An empty list is an error."""
        elements = values.items(self.report, place, value)
        if elements is None:
            return None
        if not elements:
            self.report.error(place, "is an empty list", "name at least one service; all of them is the word any")
            return None
        found = [self.service(at, item) for at, item in elements]
        if any(one is None for one in found):
            return None
        joined = services.NONE
        for one in found:
            joined |= one or services.NONE
        return joined, tuple(str(item) for _at, item in elements)

    def service(self, place: Place, value: Any) -> ServiceSet | None:
        """One service."""
        if not isinstance(value, str):
            self.report.error(place, *_not_a_text(value))
            return None
        text = str(value).strip()
        try:
            literal = services.parse_literal(text)
            return services.expand(self.definitions, text) if literal is None else literal
        except services.ServiceError as error:
            self.report.error(place, str(error))
        except KeyError:
            self.report.error(place, f"{values.show(text)} is no service", self._service_cure(text))
        return None

    def _service_cure(self, text: str) -> str:
        if "," in text or " " in text:
            return "write a list: [http, https]"
        if text.replace("-", "").isdigit():
            return f"write tcp/{text} or udp/{text}"
        fix = hints.guess(text, [*self.definitions, "any", "icmp"], "services")
        return f"did you mean {fix}?" if fix else "write protocol/port, or name it in egress_services"


def _not_a_text(value: Any) -> tuple[str, str]:
    """Cause and fix for what YAML did not read as a text."""
    if isinstance(value, int) and not isinstance(value, bool):
        minutes, seconds = divmod(value, 60)
        fix = f"write tcp/{value} or udp/{value}"
        if minutes < seconds:
            fix += f"; if it was {minutes}:{seconds}, YAML read it in base 60: write tcp/{minutes}-{seconds}"
        return f"{value} is a number", fix
    if isinstance(value, dict) and len(value) == 1:
        key, rest = next(iter(value.items()))
        return f"YAML reads {values.show(f'{key}: {rest}')} as a mapping", f"write {key}/{rest}"
    return f"{values.show(value)} is read by YAML as {values.kind(value)}", "write the service in quotes"
