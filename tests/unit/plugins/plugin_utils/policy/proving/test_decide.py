# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The oracle: what the policy says about one flow."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import allowed, build, entry

HTTPS = policy.Flow("203.0.113.1", "tcp", 443)


def test_the_entry_that_lets_it_out_is_named() -> None:
    assert policy.decide(build(egress_allow_app=[entry()]), HTTPS) == policy.Verdict(
        allowed=True, entry="api", cause="entry"
    )


def test_what_nothing_allows_is_refused() -> None:
    assert policy.decide(build(), HTTPS) == policy.Verdict(allowed=False, entry=None, cause="unlisted", rejected=True)


def test_observe_refuses_nothing_and_says_what_enforce_would() -> None:
    observed = policy.decide(build(egress_mode="observe"), HTTPS)
    assert observed == policy.Verdict(allowed=True, entry=None, cause="unlisted", rejected=True)


def test_never_comes_before_every_entry_and_after_the_floor() -> None:
    resolved = build(
        egress_dns_servers=["10.99.0.53"],
        egress_never=[{"to": "10.99.0.0/16"}],
        egress_allow_app=[entry(to="internal")],
    )
    assert policy.decide(resolved, policy.Flow("10.99.0.1", "tcp", 443)).cause == "never"
    assert policy.decide(resolved, policy.Flow("10.99.0.53", "udp", 53)).cause == "floor"
    assert allowed(resolved, "10.98.0.1", "tcp/443")


def test_an_excepted_user_needs_an_entry_like_everybody() -> None:
    never = [{"to": "cloud-metadata", "except_users": ["root", 997]}]
    closed = build(egress_never=never)
    assert not allowed(closed, "169.254.169.254", "tcp/80", "root")
    opened = build(egress_never=never, egress_allow_app=[entry(to="169.254.169.254", services=["http"])])
    assert allowed(opened, "169.254.169.254", "tcp/80", "root")
    assert allowed(opened, "169.254.169.254", "tcp/80", "0")
    assert allowed(opened, "169.254.169.254", "tcp/80", "997")
    assert not allowed(opened, "169.254.169.254", "tcp/80", "www-data")
    assert not allowed(opened, "169.254.169.254", "tcp/80", None)


def test_never_with_services_closes_only_those() -> None:
    resolved = build(
        egress_never=[{"to": "any", "services": ["smtp"]}], egress_allow_app=[entry(to="internal", services="any")]
    )
    assert not allowed(resolved, "10.1.1.1", "tcp/25")
    assert allowed(resolved, "10.1.1.1", "tcp/26")


def test_never_leaves_its_except_open() -> None:
    resolved = build(
        egress_never=[{"to": "10.99.0.0/16", "except": "hosts:mirror"}, {"to": "10.10.0.30", "except": "internal"}],
        egress_allow_app=[entry(to="internal")],
    )
    assert allowed(resolved, "10.10.0.30", "tcp/443")
    assert not allowed(resolved, "10.99.0.30", "tcp/443")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_loopback_is_no_egress(address: str) -> None:
    assert allowed(build(egress_never=[{"to": "any"}]), address, "tcp/1")


def test_a_narrower_entry_is_named_before_a_word() -> None:
    resolved = build(
        egress_allow_app=[
            entry(name="all", to="internal"),
            entry(name="z", to="10.1.1.1"),
            entry(name="y", to="10.1.1.1"),
        ]
    )
    names = [policy.decide(resolved, policy.Flow(address, "tcp", 443)).entry for address in ("10.1.1.1", "10.1.1.2")]
    assert names == ["y", "all"]


def test_what_is_no_address_is_an_error() -> None:
    with pytest.raises(AddressError):
        policy.decide(build(), policy.Flow("mirror", "tcp", 443))


def test_inbound_entries_let_nothing_out() -> None:
    inbound = [{"name": "site", "from": "any", "services": ["https"]}]
    resolved = build(egress_inbound_allow=inbound)
    assert not allowed(resolved, "203.0.113.1", "tcp/443")
    assert resolved.inbound is not None
    assert [one.name for one in resolved.inbound] == ["site"]


def test_an_inbound_entry_ends_with_its_day() -> None:
    over = {"name": "over", "from": "any", "services": ["https"], "expires": "2026-11-19"}
    resolved = build(egress_inbound_allow=[over])
    assert resolved.inbound == ()
    assert [notice.kind for notice in resolved.notices] == ["expired"]


def test_inbound_is_off_without_entries_and_has_its_own_keys() -> None:
    assert build(egress_inbound_allow=[]).inbound is None
    with pytest.raises(policy.PolicyErrors) as raised:
        build(egress_inbound_allow=[{"name": "s", "to": "any", "services": ["https"], "users": ["x"]}])
    assert [error.cause for error in raised.value.errors] == [
        'unknown key "to"',
        'unknown key "users"',
        "from is missing",
    ]
