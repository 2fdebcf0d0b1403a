# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and time: resolv.conf(5), systemd-resolved, chrony, timesyncd, ntpd."""

from __future__ import annotations

import re
from typing import Iterator

from .host import Host
from .need import Need, is_host, lines, local, place

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
"""Users that the daemons' packages make; the first that exists."""

DNS, NTP, NTS = 53, 123, 4460


def needs(host: Host) -> Iterator[Need]:
    """Yield name servers and time servers."""
    yield from _servers(host)
    yield from _timesyncd(host)
    for what, patterns in (("chrony", _CHRONY), ("ntpd", _NTPD)):
        user = _user(host, what)
        for path, text in host.texts(*patterns):
            for where, words in lines(path, text):
                if len(words) > 1 and words[0] in ("server", "servers", "pool", "peer") and is_host(words[1]):
                    yield from _time(what, where, words[1], user, nts="nts" in words[2:])


def _servers(host: Host) -> Iterator[Need]:
    for path in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"):
        for where, words in lines(path, host.text(path)):
            if len(words) > 1 and words[0] == "nameserver":
                yield from _dns("resolv.conf", where, words[1])
    for path, text in host.texts(*_RESOLVED):
        for found in re.finditer(r"^\s*(?:Fallback)?DNS\s*=(?P<servers>.*)$", text, re.MULTILINE):
            for server in found["servers"].split():
                yield from _dns("systemd-resolved", place(path, text, found.start()), server)


def _dns(what: str, where: str, server: str) -> Iterator[Need]:
    """One server as resolved.conf(5) writes it: address, :port, %interface and #name are possible."""
    address = server.partition("#")[0].partition("%")[0].strip("[]")
    if address.count(":") == 1 or "]:" in address:
        address = address.rpartition(":")[0].strip("[]")
    if is_host(address) and not local(address):
        yield Need(what, where, address, DNS, "udp")


def _timesyncd(host: Host) -> Iterator[Need]:
    """Servers that are written, else the fallback that is: as a comment, the file shows the one that is built in."""
    if not host.exists(_DAEMON) and not host.exists("/lib/systemd/systemd-timesyncd"):
        return
    user = _user(host, "timesyncd")
    texts = host.texts(*_TIMESYNCD)
    for pattern in (
        r"^NTP\s*=(?P<servers>.+)$",
        r"^FallbackNTP\s*=(?P<servers>.+)$",
        r"^#FallbackNTP=(?P<servers>.+)$",
    ):
        found = [(path, text, one) for path, text in texts for one in re.finditer(pattern, text, re.MULTILINE)]
        for path, text, one in found:
            for server in one["servers"].split():
                yield from _time("timesyncd", place(path, text, one.start()), server, user)
        if found:
            return


def _time(what: str, where: str, server: str, user: str | None, *, nts: bool = False) -> Iterator[Need]:
    if local(server):
        return
    yield Need(what, where, server, NTP, "udp", user)
    if nts:
        yield Need(what, where, server, NTS, "tcp", user)


def _user(host: Host, what: str) -> str | None:
    known = host.text("/etc/passwd")
    return next((user for user in _CLIENTS[what] if re.search(rf"^{user}:", known, re.MULTILINE)), None)
