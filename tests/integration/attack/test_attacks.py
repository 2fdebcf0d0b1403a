# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a compromised process can still send: in observe mode each attack arrives, when enforcing none does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.tidegate.nftables.tests.attack.attacks import ATTACKS, Attack
from ansible_collections.tidegate.nftables.tests.attack.world import World, world

ATTEMPTS = [
    pytest.param(attack, identity, id=f"{attack.name}-{identity}") for attack in ATTACKS for identity in attack.who
]


@pytest.fixture(scope="module", params=["observe", "enforce"])
def mode(request: pytest.FixtureRequest) -> str:
    mode: str = request.param
    return mode


@pytest.fixture(scope="module")
def attacked(mode: str) -> Iterator[World]:
    with world() as made:
        made.load(mode)
        yield made


@pytest.mark.parametrize(("attack", "identity"), ATTEMPTS)
def test_what_the_policy_refuses_leaves_only_while_it_observes(
    attack: Attack, identity: str, mode: str, attacked: World
) -> None:
    left = attacked.left(attack, identity)
    assert left > 0 if mode == "observe" else left == 0
