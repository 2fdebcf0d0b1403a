# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the proxy runs, when systemd does not answer at once. The rest is in tests/integration/proxy."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import service


@pytest.mark.parametrize(
    ("answers", "runs"),
    [
        (["active"], True),
        (["reloading"], True),
        (["inactive"], False),
        (["failed"], False),
        (["Failed to retrieve unit state: Connection reset by peer", "", "active"], True),
        (["Failed to retrieve unit state: Connection timed out", "inactive"], False),
        (["Warning: the journal has been rotated.\nactive"], True),
    ],
)
def test_no_answer_of_systemd_is_no_state(monkeypatch: pytest.MonkeyPatch, answers: list[str], runs: bool) -> None:
    left = iter(answers)
    monkeypatch.setattr(service, "_output", lambda _command, **_options: (3, f"{next(left)}\n"))
    assert service._is_active() is runs
    assert list(left) == [], "each answer that is no state is asked again"
