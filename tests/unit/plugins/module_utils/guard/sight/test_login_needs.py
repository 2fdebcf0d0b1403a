# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the next login needs, by the files of a host."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import login_needs
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.host_files import HostFiles

RESOLV, SSHD = "/etc/resolv.conf", "/etc/ssh/sshd_config"
SSSD = {
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
    "/etc/nsswitch.conf": "passwd: files sss\n",
    "/etc/sssd/sssd.conf": "ldap_uri = ldaps://192.0.2.7\n",
}
SERVER = {RESOLV: "nameserver 192.0.2.53\n"}
ASKS = {SSHD: "Port 22\nUseDNS yes\n"}


def needs(folder: Path, files: dict[str, str], user: str) -> list[tuple[str, list[tuple[str, int]]]]:
    for path, text in files.items():
        (folder / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (folder / path[1:]).write_text(text)
    required = login_needs.of_user(HostFiles(str(folder)), user)
    return [(need.what, [(server.host, server.port) for server in need.servers]) for need in required]


@pytest.mark.parametrize(
    ("files", "user", "expected"),
    [
        (SERVER, "ops", []),
        ({**SERVER, SSHD: "#UseDNS yes\n"}, "ops", []),
        ({**SERVER, **ASKS}, "ops", [("DNS", [("192.0.2.53", 53)])]),
        # The first value counts, and Debian's sshd_config includes the folder at its beginning.
        ({**SERVER, **ASKS, "/etc/ssh/sshd_config.d/a.conf": "usedns no\n"}, "ops", []),
        ({RESOLV: "nameserver 127.0.0.1\n", **ASKS}, "ops", []),
        (
            {RESOLV: "nameserver 127.0.0.53\n", "/run/systemd/resolve/resolv.conf": "nameserver 192.0.2.54\n", **ASKS},
            "ops",
            [("DNS", [("192.0.2.54", 53)])],
        ),
        ({**SERVER, **SSSD}, "ops", [("the directory", [("192.0.2.7", 636)])]),
        (
            {**SERVER, **SSSD, "/etc/sssd/sssd.conf": "ldap_uri = ldap://dir.invalid\n"},
            "ops",
            [("DNS", [("192.0.2.53", 53)])],
        ),
        # A local user logs in whatever the directory says.
        ({**SERVER, **SSSD}, "root", []),
        ({**SERVER, **SSSD, "/etc/nsswitch.conf": "passwd: files\n"}, "ops", []),
        ({**SERVER, **SSSD}, "", []),
    ],
)
def test_what_a_login_needs(
    files: dict[str, str], user: str, expected: list[tuple[str, list[tuple[str, int]]]], tmp_path: Path
) -> None:
    assert needs(tmp_path, files, user) == expected
