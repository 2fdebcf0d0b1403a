# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name servers and time servers: resolv.conf(5), systemd-resolved, chrony, timesyncd, ntpd."""

from __future__ import annotations

import re
from typing import Iterator

from .host_files import HostFiles
from .need import Need, is_host, is_local, line_of, lines

_RESOLVED = ("/etc/systemd/resolved.conf", "/etc/systemd/resolved.conf.d/*.conf")
_TIMESYNCD = ("/etc/systemd/timesyncd.conf", "/etc/systemd/timesyncd.conf.d/*.conf")
_CHRONY = (
    "/etc/chrony.conf",
    "/etc/chrony/chrony.conf",
    "/etc/chrony/conf.d/*.conf",
    "/etc/chrony/sources.d/*.sources",
    "/etc/chrony.d/*.conf",
    "/run/chrony-dhcp/*.sources",
)
_NTPD = ("/etc/ntp.conf", "/etc/ntpsec/ntp.conf", "/etc/ntpd.conf")
_DAEMON = "/usr/lib/systemd/systemd-timesyncd"
_CLIENTS = {"chrony": ("_chrony", "chrony"), "timesyncd": ("systemd-timesync",), "ntpd": ("ntpsec", "ntp")}
"""Users that the packages of the daemons make; the first that exists counts."""

DNS, NTP, NTS = 53, 123, 4460


def needs(host: HostFiles) -> Iterator[Need]:
    """Yield name servers and time servers."""
    yield from _servers(host)
    yield from _timesyncd(host)
    for what, patterns in (("chrony", _CHRONY), ("ntpd", _NTPD)):
        user = _user(host, what)
        for path, text in host.texts(*patterns):
            for where, words in lines(path, text):
                if len(words) > 1 and words[0] in ("server", "servers", "pool", "peer") and is_host(words[1]):
                    yield from _time(what, where, words[1], user, nts="nts" in words[2:])


def _servers(host: HostFiles) -> Iterator[Need]:
    for path in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"):
        for where, words in lines(path, host.text(path)):
            if len(words) > 1 and words[0] == "nameserver":
                yield from _dns("resolv.conf", where, words[1])
    for path, text in host.texts(*_RESOLVED):
        for match in re.finditer(r"^\s*(?:Fallback)?DNS\s*=(?P<servers>.*)$", text, re.MULTILINE):
            for server in match["servers"].split():
                yield from _dns("systemd-resolved", line_of(path, text, match.start()), server)


def _dns(what: str, where: str, server: str) -> Iterator[Need]:
    """Yield one server as resolved.conf(5) writes it: an address, perhaps with :port, %interface and #name."""
    address = server.partition("#")[0].partition("%")[0].strip("[]")
    if address.count(":") == 1 or "]:" in address:
        address = address.rpartition(":")[0].strip("[]")
    if is_host(address) and not is_local(address):
        yield Need(what, where, address, DNS, "udp")


def _timesyncd(host: HostFiles) -> Iterator[Need]:
    """Yield the configured servers, else the fallback, else the built-in servers, which the file has as a comment."""
    if not host.exists(_DAEMON) and not host.exists("/lib/systemd/systemd-timesyncd"):
        return
    user = _user(host, "timesyncd")
    texts = host.texts(*_TIMESYNCD)
    for pattern in (
        r"^NTP\s*=(?P<servers>.+)$",
        r"^FallbackNTP\s*=(?P<servers>.+)$",
        r"^#FallbackNTP=(?P<servers>.+)$",
    ):
        matches = [(path, text, match) for path, text in texts for match in re.finditer(pattern, text, re.MULTILINE)]
        for path, text, match in matches:
            for server in match["servers"].split():
                yield from _time("timesyncd", line_of(path, text, match.start()), server, user)
        if matches:
            return


def _time(what: str, where: str, server: str, user: str | None, *, nts: bool = False) -> Iterator[Need]:
    if is_local(server):
        return
    yield Need(what, where, server, NTP, "udp", user)
    if nts:
        yield Need(what, where, server, NTS, "tcp", user)


def _user(host: HostFiles, what: str) -> str | None:
    passwd = host.text("/etc/passwd")
    return next((user for user in _CLIENTS[what] if re.search(rf"^{user}:", passwd, re.MULTILINE)), None)
