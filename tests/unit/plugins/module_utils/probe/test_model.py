# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which errors are a refusal, and which prove nothing."""

from __future__ import annotations

import errno

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.probe.model import outcome_of


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (0, "answered"),
        (errno.ECONNREFUSED, "refused"),
        (errno.EPERM, "refused"),
        (errno.EACCES, "refused"),
        (errno.EHOSTUNREACH, "refused"),
        (errno.ETIMEDOUT, "silent"),
        (errno.ENETUNREACH, "failed"),
        (errno.EAFNOSUPPORT, "failed"),
        (errno.EADDRNOTAVAIL, "failed"),
        (errno.EMFILE, "failed"),
    ],
)
def test_outcome_of_an_errno(number: int, outcome: str) -> None:
    assert outcome_of(number) == outcome
