# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report of what-if shows can be written in a policy as it stands there."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif import report


@pytest.mark.parametrize(
    ("protocol", "port", "text"),
    [
        (6, 443, "tcp/443"),
        (1, 8, "icmp"),
        (58, 128, "icmp"),
        (58, None, "icmp"),
        (136, 53, "udplite/53"),
        (47, None, "proto/47"),
        (6, None, "proto/6"),
    ],
)
def test_a_flow_is_shown_with_a_service_of_the_policy(protocol: int, port: int | None, text: str) -> None:
    shown = report._service({"protocol": protocol, "port": port})
    literal = services.parse_literal(shown)
    assert shown == text
    assert literal is not None
    assert literal.contains(protocol, port or 0)
