# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of many hosts. Hosts of a tier mostly have equal policies, which are then proven once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import WHOLE, FloorScope, passing
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach


class Fleet:
    """Policies by host name, with their reach and failed tests, which are computed on first use.

    own: the addresses of hosts that share a policy without any.
    """

    def __init__(
        self, policies: Mapping[str, policy.ResolvedPolicy], own: Mapping[str, AddressSet] | None = None
    ) -> None:
        self.policies = dict(policies)
        self._own = own or {}
        self._same: dict[policy.ResolvedPolicy, int] = {}
        self._numbers: dict[int, int] = {}
        self._reaches: dict[tuple[int, FloorScope, bool], Reach] = {}
        self._failed: dict[int, tuple[policy.FailedTest, ...]] = {}

    def reach(self, host: str, floor: FloorScope = WHOLE, *, containers: bool = False) -> Reach:
        """Return the most that the host's policy may ever let leave the host; see `passing`."""
        key = self.number(host), floor, containers
        if key not in self._reaches:
            own_policy = replace(self.policies[host], own=NOTHING)
            self._reaches[key] = passing(own_policy, may=True, floor=floor, containers=containers)
        return self._reaches[key]

    def failed_tests(self, host: str) -> tuple[policy.FailedTest, ...]:
        """Return the policy tests that fail."""
        number, resolved = self.number(host), self.policies[host]
        if number not in self._failed:
            self._failed[number] = policy.failed_tests(replace(resolved, own=NOTHING))
        # No test is about a host's own addresses, so a host can only fail less than one without any.
        own = self._own.get(host, resolved.own)
        return policy.failed_tests(replace(resolved, own=own)) if self._failed[number] else ()

    def number(self, host: str) -> int:
        """Return a number that all hosts with an equal policy share, whatever their own addresses are."""
        resolved = self.policies[host]
        if id(resolved) not in self._numbers:
            anonymous = replace(resolved, host="", own=NOTHING, notices=())
            self._numbers[id(resolved)] = self._same.setdefault(anonymous, len(self._same))
        return self._numbers[id(resolved)]
