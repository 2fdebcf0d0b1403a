# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge says what `policy.decide` says, and says so when that depends on a user whom the log does not name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif.judge import ALLOWED, DEPENDS, REJECTED, Judge
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.prove.policies import app

NEVER = [{"to": ["203.0.113.66"], "services": "any", "except_users": ["auditd"]}]
POLICY = app(mode="observe", egress_never=NEVER)
ENFORCED = app(egress_never=NEVER)
JUDGE = Judge(POLICY)
ADDRESSES = st.sampled_from(
    [
        "203.0.113.5",
        "203.0.113.66",
        "10.1.2.3",
        "10.0.0.53",
        "10.9.9.9",
        "198.51.100.1",
        "127.0.0.1",
        "fd12:3456:789a::53",
        "2001:db8::1",
    ]
)
SERVICES = st.sampled_from([(6, 443), (6, 8005), (6, 22), (17, 53), (1, 8), (58, 128), (1, 3), (47, None), (17, 123)])


@given(address=ADDRESSES, service=SERVICES, user=st.sampled_from(["payd", "auditd", "0", "4711"]))
def test_with_a_user_it_is_the_policys_own_verdict(address: str, service: Any, user: str) -> None:
    judgement = JUDGE(address, service[0], service[1], user)
    verdict = policy.decide(ENFORCED, policy.Flow(address, service[0], service[1], user))
    assert (judgement.outcome == ALLOWED, judgement.entry) == (verdict.allowed, verdict.entry)
    assert judgement.cause == verdict.cause


@given(address=ADDRESSES, service=SERVICES)
def test_without_a_user_it_is_what_all_users_have_in_common(address: str, service: Any) -> None:
    judgement = JUDGE(address, service[0], service[1], None)
    may = {
        user: policy.decide(ENFORCED, policy.Flow(address, service[0], service[1], user)).allowed
        for user in (*sorted(ENFORCED.named_users()), "nobody-in-particular")
    }
    expected = ALLOWED if all(may.values()) else DEPENDS if any(may.values()) else REJECTED
    assert judgement.outcome == expected
    if expected == DEPENDS:
        assert set(judgement.users) == {user for user, allowed in may.items() if allowed}


UNITS = Judge(
    app(
        egress_never=[{"to": ["198.51.100.9"], "except_units": ["b.slice"]}],
        egress_allow_units=[
            {"name": "one", "to": ["198.51.100.0/24"], "services": ["tcp/5555"], "units": ["a.service"]},
            {"name": "two", "to": ["198.51.100.7"], "services": ["tcp/6666"], "units": ["c@.service"], "users": ["0"]},
        ],
    )
)


@pytest.mark.parametrize(
    ("address", "port", "user", "whose"),
    [
        ("198.51.100.1", 5555, None, ("a.service",)),
        ("198.51.100.1", 5555, "payd", ("a.service",)),
        ("198.51.100.9", 5555, "payd", ("a.service in b.slice",)),
        ("198.51.100.7", 6666, None, ("0 in c@.service",)),
        ("198.51.100.7", 6666, "payd", ()),
    ],
)
def test_no_log_says_which_unit_it_was(address: str, port: int, user: str | None, whose: tuple[str, ...]) -> None:
    judgement = UNITS(address, 6, port, user)
    assert (judgement.outcome, judgement.users) == (DEPENDS if whose else REJECTED, whose)


NAMED = Judge(
    app(
        egress_names="resolver",
        egress_never=[{"to": ["9.9.9.9"]}],
        egress_allow_names=[
            {"name": "named", "to": ["api.example.com"], "services": ["https"], "users": ["payd"]},
            {"name": "inside", "to": ["db.example.com"], "services": ["tcp/5555"], "within": ["10.77.0.0/16"]},
        ],
    )
)


@pytest.mark.parametrize(
    ("address", "port", "user", "outcome", "entry"),
    [
        ("1.1.1.1", 443, "payd", DEPENDS, "named"),
        ("1.1.1.1", 443, None, DEPENDS, "named"),
        ("1.1.1.1", 443, "auditd", REJECTED, None),
        ("1.1.1.1", 80, "payd", REJECTED, None),
        ("9.9.9.9", 443, "payd", REJECTED, None),
        ("10.77.0.1", 5555, "payd", DEPENDS, "inside"),
        ("1.1.1.1", 5555, "payd", REJECTED, None),
    ],
)
def test_what_a_name_may_have_led_to_depends(
    address: str, port: int, user: str | None, outcome: str, entry: str | None
) -> None:
    judgement = NAMED(address, 6, port, user)
    assert (judgement.outcome, judgement.entry, judgement.users) == (outcome, entry, ())
    assert (judgement.cause == "names") == (outcome == DEPENDS)


@pytest.mark.parametrize(
    ("name", "port", "outcome", "entry"),
    [
        ("api.pay.example", 443, ALLOWED, "pay"),
        ("a.wild.example", 443, ALLOWED, "wild"),
        ("api.pay.example", 80, REJECTED, None),
        ("wild.example", 443, REJECTED, None),
        ("other.example", 443, REJECTED, None),
    ],
)
def test_a_name_that_a_proxy_was_asked_for_is_judged_by_name(
    name: str, port: int, outcome: str, entry: str | None
) -> None:
    proxied = Judge(
        build(
            egress_names="proxy",
            egress_proxies=["10.0.0.9"],
            egress_allow_app=[
                {"name": "pay", "to": ["api.pay.example"], "services": ["https"]},
                {"name": "wild", "to": ["*.wild.example"], "services": ["https"]},
            ],
        )
    )
    judgement = proxied(name, 6, port, None)
    assert (judgement.outcome, judgement.entry) == (outcome, entry)
