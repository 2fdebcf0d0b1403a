# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy with its clients, once for a module with each release of Squid: two enforce, one observes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.tests.support import proxy, squid
from ansible_collections.tidegate.nftables.tests.support.namespaces import own_namespace
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build

APP, OBSERVED, STRANGER = "10.1.0.2", "10.1.0.3", "10.1.0.4"
ENTRIES = [
    {"name": "pay", "to": ["api.pay.example"], "services": ["https", "http"]},
    {"name": "wild", "to": ["*.wild.example"], "services": ["https"]},
    {"name": "corp", "to": ["pay.corp.example"], "services": ["https"], "within": ["10.20.0.0/16"]},
    {"name": "direct", "to": ["50.0.0.0/24"], "services": ["https"]},
]


def policy_of(**changes: Any) -> ResolvedPolicy:
    """Return the policy of a client."""
    written = {"egress_names": "proxy", "egress_proxies": [proxy.PROXY], "egress_allow_app": ENTRIES}
    return build(**{**written, **changes})


@pytest.fixture(scope="module", params=squid.VERSIONS)
def world(request: pytest.FixtureRequest) -> Iterator[proxy.Proxy]:
    """A network namespace with a proxy."""
    clients = [
        proxy.client("app1", policy_of(), APP),
        # Programs that cannot choose where they come from: on one machine they come from where they go to.
        proxy.client("app3", policy_of(), proxy.PROXY),
        proxy.client("app2", policy_of(egress_mode="observe"), OBSERVED),
    ]
    with own_namespace(), proxy.world(request.param, clients) as tested:
        yield tested
