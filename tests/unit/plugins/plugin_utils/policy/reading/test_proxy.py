# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""egress_names: proxy and what belongs to it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    allowed,
    build,
    entry,
    errors,
)

PROXY: dict[str, Any] = {"egress_names": "proxy", "egress_proxies": ["10.10.0.9", "hosts:mirror"]}


def test_the_proxies_are_open_and_names_are_not() -> None:
    resolved = build(**PROXY, egress_proxy_port=8080, egress_allow_app=[entry(to=["api.pay.example"])])
    assert resolved.proxy is not None
    assert resolved.proxy.addresses == ("10.10.0.9", "10.10.0.30", "fd12:3456:789a::30")
    assert allowed(resolved, "10.10.0.9", "tcp/8080")
    assert not allowed(resolved, "10.10.0.9", "tcp/3128")
    assert not allowed(resolved, "50.0.0.1", "tcp/443")


def test_proxies_alone_open_nothing() -> None:
    resolved = build(egress_proxies=["10.10.0.9"])
    assert resolved.proxy is None
    assert not allowed(resolved, "10.10.0.9", "tcp/3128")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"egress_proxies": []}, "egress_names: proxy needs to know where the proxies are. Fix: set egress_proxies"),
        ({"egress_proxies": ["10.0.0.0/24"]}, '"10.0.0.0/24" is not a proxy. Fix: write addresses, or hosts:PATTERN'),
        ({"egress_proxies": ["proxy.corp.example"]}, "a domain name is a destination of entries that allow"),
        ({"egress_proxies": ["10.0.0.9:3128"]}, "the port in egress_proxy_port"),
        ({"egress_proxy_port": 70000}, '"70000" is not a port. Fix: write a number from 1 to 65535'),
        ({"egress_proxy_for": ["emacs"]}, 'egress_proxy_for[0]: unknown value "emacs"'),
        ({"egress_proxy_direct": ["corp.example"]}, "no_proxy takes a name with all names below it. Fix: write .corp."),
    ],
)
def test_what_is_wrong_names_its_place_and_the_fix(changes: dict[str, Any], message: str) -> None:
    (error,) = errors(**{**PROXY, **changes})
    assert message in error
