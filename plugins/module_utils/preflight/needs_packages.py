# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where packages come from: apt (sources.list(5), apt.conf(5)), dnf (dnf.conf(5)), pip, npm."""

from __future__ import annotations

import re
from typing import Iterator

from .host_files import HostFiles
from .need import Need, endpoint, line_of, lines

_ANY = re.MULTILINE | re.IGNORECASE
_APT = ("/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list")
_DEB822 = ("/etc/apt/sources.list.d/*.sources",)
_APT_CONF = ("/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*")
_DNF = ("/etc/yum.repos.d/*.repo", "/etc/dnf/dnf.conf", "/etc/yum.conf", "/etc/zypp/repos.d/*.repo")
_PIP = ("/etc/pip.conf", "/root/.pip/pip.conf", "/root/.config/pip/pip.conf", "/etc/uv/uv.toml")
_NPM = ("/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc", "/root/.npmrc")

_APT_PROXY = re.compile(r"^\s*Acquire::(?P<scheme>https?|ftp)::proxy(?:::\S+)?\s+\"(?P<url>[^\"]+)\"", _ANY)
_DNF_URL = re.compile(r"^\s*(?:baseurl|mirrorlist|metalink|proxy)\s*=\s*(?P<url>\S+)", re.MULTILINE)
_PIP_URL = re.compile(
    r"^\s*(?:index-url|extra-index-url|find-links|proxy|default-index|url)\s*=\s*(?P<url>.+)$",
    _ANY,
)
_NPM_URL = re.compile(r"^\s*(?:(?:@[^:=\s]+:)?registry|(?:https-)?proxy)\s*=\s*(?P<url>\S+)", re.MULTILINE)
_DISABLED = re.compile(r"^\s*(?:enabled\s*=\s*(?:0|no|false)|Enabled:\s*(?:no|false))\s*$", _ANY)
_APT_USER = "_apt"


def needs(host: HostFiles) -> Iterator[Need]:
    """Yield the sources of packages."""
    user = _APT_USER if re.search(rf"^{_APT_USER}:", host.text("/etc/passwd"), re.MULTILINE) else None
    for what, where, url in (*_apt(host), *_ini(host)):
        destination = endpoint(url, None)
        if destination:
            yield Need(what, where, *destination, user=user if what == "apt" else None)


def _apt(host: HostFiles) -> Iterator[tuple[str, str, str]]:
    for path, text in host.texts(*_APT):
        for where, words in lines(path, text):
            if words[0] in ("deb", "deb-src"):
                yield from (("apt", where, word) for word in words[1:] if "://" in word)
    for path, text in host.texts(*_DEB822):
        for begin, stanza in _stanzas(text):
            if not _DISABLED.search(stanza):
                for match in re.finditer(r"^URIs:\s*(?P<urls>(?:.+\n?)(?:[ \t].+\n?)*)", stanza, _ANY):
                    where = line_of(path, text, begin + match.start())
                    yield from (("apt", where, url) for url in match["urls"].split() if "://" in url)
    for path, text in host.texts(*_APT_CONF):
        for match in _APT_PROXY.finditer(text):
            yield "apt", line_of(path, text, match.start()), match["url"]


def _ini(host: HostFiles) -> Iterator[tuple[str, str, str]]:
    for path, text in host.texts(*_DNF):
        for begin, section in _sections(text):
            if not _DISABLED.search(section):
                for match in _DNF_URL.finditer(section):
                    yield "dnf", line_of(path, text, begin + match.start()), match["url"]
    for path, text in host.texts(*_PIP):
        for match in _PIP_URL.finditer(text):
            where = line_of(path, text, match.start())
            yield from (("pip", where, url) for url in match["url"].split() if "://" in url)
    for path, text in host.texts(*_NPM):
        for match in _NPM_URL.finditer(text):
            yield "npm", line_of(path, text, match.start()), match["url"]


def _stanzas(text: str) -> Iterator[tuple[int, str]]:
    offset = 0
    for stanza in re.split(r"(\n\s*\n)", text):
        yield offset, stanza
        offset += len(stanza)


def _sections(text: str) -> Iterator[tuple[int, str]]:
    starts = [0, *(match.start() for match in re.finditer(r"^\[", text, re.MULTILINE))]
    for begin, end in zip(starts, [*starts[1:], len(text)]):
        yield begin, text[begin:end]
