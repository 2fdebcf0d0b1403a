# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names a change opens and closes, however its entries are written."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.effects import effects
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.opened_names import opened_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build

INTERNET = "wherever these names lead in the internet"


def policy(*to: str, **changes: Any) -> ResolvedPolicy:
    feeder = changes.pop("egress_names", "resolver")
    entry = {"name": "api", "to": list(to), "services": ["https"], **changes}
    return build(egress_names=feeder, egress_dns_servers=["10.0.0.53"], egress_allow_app=[entry])


API = policy("api.example.com")


@pytest.mark.parametrize(
    ("before", "after", "sentences"),
    [
        (API, policy("API.example.com."), []),
        (API, policy("api.example.com", name="renamed"), []),
        (None, API, [("opens", f"api.example.com with tcp/443, {INTERNET}")]),
        (API, None, [("closes", f"api.example.com with tcp/443, {INTERNET}")]),
        (API, policy("api.example.com", "b.example.com"), [("opens", f"b.example.com with tcp/443, {INTERNET}")]),
        (API, policy("*.example.com"), [("opens", f"*.example.com with tcp/443, {INTERNET}")]),
        (policy("*.example.com"), API, [("closes", f"*.example.com with tcp/443, {INTERNET}")]),
        (policy("*.example.com"), policy(".example.com"), [("opens", f".example.com with tcp/443, {INTERNET}")]),
        (
            API,
            policy("api.example.com", services=["https", "tcp/8443"]),
            [("opens", f"api.example.com with tcp/443, tcp/8443, {INTERNET}")],
        ),
        (
            API,
            policy("api.example.com", users=["payd"]),
            [("closes", f"api.example.com with tcp/443, {INTERNET}")],
        ),
        (
            policy("api.example.com", within=["10.0.0.0/8"]),
            policy("api.example.com", within=["10.1.0.0/16"]),
            [("closes", "api.example.com with tcp/443, wherever these names lead in 10.0.0.0/8")],
        ),
        (
            API,
            policy("api.example.com", within=["10.1.0.0/16"]),
            [
                ("opens", "api.example.com with tcp/443, wherever these names lead in 10.1.0.0/16"),
                ("closes", f"api.example.com with tcp/443, {INTERNET}"),
            ],
        ),
        (policy("api.example.com", egress_names="none"), API, [("opens", f"api.example.com with tcp/443, {INTERNET}")]),
    ],
)
def test_what_a_change_does_to_names(
    before: ResolvedPolicy | None, after: ResolvedPolicy | None, sentences: list[tuple[str, str]]
) -> None:
    assert [(direction, text) for direction, text, _variable in opened_names(before, after)] == sentences


def test_a_run_says_which_names_it_opened() -> None:
    (sentence,) = effects(API, policy("api.example.com", "b.example.com"))
    assert sentence == f"opened: b.example.com with tcp/443, {INTERNET}"
