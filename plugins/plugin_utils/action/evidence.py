# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence of the task's host, by the one judgement of every playbook that says whether enforce is safe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce import decisions
from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.evidence import (
    DEFAULT,
    Evidence,
    hours_of,
    judge,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.proxied import Proxied, proxied
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory import proxies

from .base import TidegateAction

ARGUMENTS = {
    "minimum": {"type": "str", "default": DEFAULT},
    "proxied": {"type": "list", "elements": "dict", "default": []},
}
"""minimum: how long a host must be observed. proxied: results of egress_proxy_log, one for each proxy of the host."""


def of_proxies(action: TidegateAction, resolved: policy.ResolvedPolicy, arguments: Mapping[str, Any]) -> Proxied | None:
    """Return what the proxies of the host say, None where no proxy opens names to it."""
    if resolved.proxy is None:
        return None
    return proxied(proxies.of_addresses(action.world(), resolved.proxy.addresses), arguments["proxied"])


def of_host(
    action: TidegateAction,
    resolved: policy.ResolvedPolicy,
    observed: Mapping[str, Any],
    arguments: Mapping[str, Any],
) -> Evidence:
    """Return the evidence. observed: what phase observed of egress_guard returned; arguments: with ARGUMENTS."""
    ignored = decisions.current(action.variables, action.template)
    return judge(resolved, observed, hours_of(arguments["minimum"]), ignored, of_proxies(action, resolved, arguments))
