# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy's configuration: one group for hosts that mean the same, and errors for what a proxy cannot say."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.names import proxy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry

PLACE = proxy.Place("proxy1", 3128)


def client(host: str, own: str, **changes: Any) -> proxy.Client:
    written = {"egress_names": "proxy", "egress_proxies": ["10.0.0.9"], **changes}
    return proxy.Client(host, build(**written), addresses.parse(own))


def test_hosts_that_mean_the_same_are_one_group() -> None:
    allow = [entry(to=["api.pay.example"])]
    one, two = (client(f"app{n}", f"10.1.0.{n}", egress_allow_app=allow) for n in (1, 2))
    other = client("app3", "10.1.0.3", egress_allow_app=[entry(to=["*.pay.example"])])
    text = proxy.configuration(PLACE, [two, other, one])
    assert text == proxy.configuration(PLACE, [one, two, other])
    assert "# app1, app2\n" in text
    assert text.count("dstdomain -n api.pay.example\n") == 1


def test_a_host_without_addresses_is_nobody() -> None:
    nobody = proxy.Client("app1", client("app1", "10.1.0.1").resolved, addresses.NOTHING)
    assert "src" not in proxy.configuration(PLACE, [nobody])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"services": ["https", "http3"]}, "squid cannot express udp/443"),
        ({"users": ["payd"]}, "squid cannot distinguish the sockets of payd from others"),
    ],
)
def test_what_a_proxy_cannot_say_is_an_error_of_both(changes: dict[str, Any], message: str) -> None:
    allow = [entry(to=["api.pay.example"], **changes)]
    one = client("app1", "10.1.0.1", egress_allow_app=allow)
    for act in (lambda: compile_table(one.resolved), lambda: proxy.configuration(PLACE, [one])):
        with pytest.raises(PolicyErrors, match=message):
            act()
    narrower = client("app1", "10.1.0.1", egress_allow_app=[{**allow[0], "approximate": "narrower"}])
    compile_table(narrower.resolved)


def test_names_that_may_not_lead_somewhere_do_not() -> None:
    never = [{"to": ["50.0.0.0/8"], "services": ["https"]}]
    allow = [entry(to=["a.example.net"])]
    one = client("app1", "10.1.0.1", egress_never=never, egress_allow_app=allow)
    text = proxy.configuration(PLACE, [one])
    assert any(line.endswith("dst 50.0.0.0-50.255.255.255") for line in text.splitlines())


def test_a_contact_is_text() -> None:
    assert "Ask &lt;b&gt;100%%&lt;/b&gt;." in proxy.pages("<b>100%</b>")["ERR_ACCESS_DENIED"]
    assert "Ask" not in proxy.pages("")["ERR_ACCESS_DENIED"]


def test_the_name_of_a_host_writes_no_line_and_joins_none() -> None:
    hostile = "app\nhttp_access allow all\\"
    text = proxy.configuration(proxy.Place(hostile, 3128), [client(hostile, "10.1.0.1")])
    assert "\nhttp_access allow all\n" not in text
    assert not any(line.endswith("\\") for line in text.splitlines())
    assert "visible_hostname app-http_access-allow-all-\n" in text
