# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Squid will do, and whether the proxy runs when systemd does not answer at once.

The rest is in tests/integration/proxy.
"""

from __future__ import annotations

import shutil

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
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


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("Squid Cache: Version 4.13\nconfigure options: '--with-openssl' '--with-default-user=proxy'", ("proxy", 4)),
        ("Squid Cache: Version 6.13\nconfigure options: '--with-openssl'", ("nobody", 6)),
        ("Squid Cache: Version 3.5.27\nconfigure options: '--with-openssl'", "is of release 3"),
        ("Squid Cache: Version 6.13\nconfigure options: '--with-gnutls'", "no OpenSSL"),
    ],
)
def test_a_squid_that_cannot_do_it_is_no_squid(
    monkeypatch: pytest.MonkeyPatch, reported: str, expected: tuple[str, int] | str
) -> None:
    monkeypatch.setattr(shutil, "which", "/usr/sbin/{}".format)
    monkeypatch.setattr(service, "_output", lambda _command: (0, reported))
    if isinstance(expected, str):
        with pytest.raises(TidegateError, match=expected):
            service.find_program()
    else:
        assert service.find_program() == ("/usr/sbin/squid-openssl", *expected)
