# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the next login needs beside its connection: name servers, and the directory that its user comes from.

The login that confirms a change proves neither: NSS and SSSD answer from their caches for hours.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Iterator, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.preflight import needs_dns_ntp, needs_software
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.host_files import HostFiles
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.need import Need, is_local, line_of, lines

_SSHD = ("/etc/ssh/sshd_config.d/*.conf", "/etc/ssh/sshd_config")
"""In the order in which the first value of an option counts (sshd_config(5))."""

_USE_DNS = re.compile(r"^[ \t]*UseDNS[ \t=]+\"?(?P<value>\w+)", re.IGNORECASE | re.MULTILINE)
_DIRECTORIES = re.compile(r"^[ \t]*passwd:.*\b(?P<source>sss|ldap|winbind)\b", re.MULTILINE)
_DIRECTORY_SOFTWARE = ("sssd", "ldap")
_STUBS = ("127.0.0.53", "127.0.0.54")
"""Where systemd-resolved answers (systemd-resolved.service(8))."""

_LOCAL_USER = "log in as a user of /etc/passwd"


@dataclass(frozen=True)
class LoginNeed:
    """One of several servers of which a login needs one.

    what: DNS or the directory, for people; why: what needs it, with file and line; fix: beside letting it through.
    """

    what: str
    why: str
    fix: str
    servers: tuple[Need, ...]


def of_user(host: HostFiles, user: str) -> list[LoginNeed]:
    """Return what a login of this user needs; what the host itself answers is nothing that a policy cuts."""
    directory = _directory(host, user)
    reasons = [*_sshd_asks(host)]
    named = [need for need in directory if not _is_address(need.host)]
    if named:
        reasons.append((f"{named[0].host}, where user {user} comes from, is a name ({named[0].where})", _LOCAL_USER))
    needs = [LoginNeed("DNS", why, fix, _name_servers(host)) for why, fix in reasons[:1]]
    if directory:
        needs.append(LoginNeed("the directory", f"user {user} comes from there", _LOCAL_USER, _by_address(directory)))
    return [need for need in needs if need.servers]


def _name_servers(host: HostFiles) -> tuple[Need, ...]:
    """Return the name servers that programs ask, those behind systemd-resolved; none where another program asks."""
    first = "/etc/resolv.conf"
    used = [words[1] for _where, words in lines(first, host.text(first)) if words[0] == "nameserver" and words[1:]]
    servers = [need for need in needs_dns_ntp.needs(host) if need.port == needs_dns_ntp.DNS]
    if any(server in _STUBS for server in used):
        return tuple(replace(need, user="systemd-resolve") for need in servers if not need.where.startswith(first))
    return tuple(need for need in servers if need.where.startswith(first)) if not any(map(is_local, used)) else ()


def _sshd_asks(host: HostFiles) -> Iterator[tuple[str, str]]:
    """Yield where sshd is told to ask for the names of its clients: logins wait for it, and rules may name them."""
    for path, text in host.texts(*_SSHD):
        for match in _USE_DNS.finditer(text):
            if match["value"].lower() == "yes":
                yield (
                    f"sshd asks for the names of its clients ({line_of(path, text, match.start('value'))})",
                    "set UseDNS no",
                )
            return


def _directory(host: HostFiles, user: str) -> list[Need]:
    """Return the servers that users come from, none where this one is in the host's own file."""
    if not user or re.search(rf"^{re.escape(user)}:", host.text("/etc/passwd"), re.MULTILINE):
        return []
    if not _DIRECTORIES.search(host.text("/etc/nsswitch.conf")):
        return []
    return [need for need in needs_software.needs(host) if need.what in _DIRECTORY_SOFTWARE]


def _by_address(needs: Sequence[Need]) -> tuple[Need, ...]:
    """Return the servers by address; a name that cannot be resolved now is left out."""
    by_address = []
    for need in needs:
        with suppress(OSError, UnicodeError):
            answers = socket.getaddrinfo(need.host, need.port, type=socket.SOCK_STREAM)
            by_address += [replace(need, host=str(answer[4][0]).partition("%")[0]) for answer in answers]
    return tuple(by_address)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
