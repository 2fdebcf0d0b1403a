"""Each tier reaches what its entries say and is rejected elsewhere: real packets to a world where everybody answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

MIRROR, RESOLVER = "10.20.0.30 tcp/443", "10.20.0.10 udp/53"
APPLICATION, DATABASE, SSH_INSIDE = "10.20.2.1 tcp/8443", "10.20.3.1 tcp/5432", "10.20.2.1 tcp/22"
PAYMENTS, BACKUP = "203.0.113.10 tcp/443", "198.51.100.5 tcp/22"
STRANGER = "192.52.193.66 tcp/443"
NEVER = {"192.52.193.66 udp/53", "192.52.193.66 tcp/4444", "2001:3:0:193::66 tcp/4444", "203.0.113.10 tcp/22"}
EVERYTHING = {MIRROR, RESOLVER, APPLICATION, DATABASE, SSH_INSIDE, PAYMENTS, BACKUP, STRANGER} | NEVER
BASE = {MIRROR, RESOLVER}


@pytest.mark.parametrize(
    ("tier", "user", "allowed"),
    [
        ("web", "root", {APPLICATION}),
        ("app", "root", {DATABASE}),
        ("app", "www-data", {DATABASE, PAYMENTS}),
        ("database", "root", {BACKUP}),
        ("database", "www-data", set()),
        ("bastion", "root", {SSH_INSIDE}),
        ("build", "root", {STRANGER}),
    ],
)
def test_a_tier_reaches_what_its_entries_say_and_nothing_else(
    reached: Callable[..., set[str]], tier: str, user: str, allowed: set[str]
) -> None:
    assert reached(tier, user, EVERYTHING) == BASE | allowed
