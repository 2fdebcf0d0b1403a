# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the programs of a host for its proxy: our lines in files of shells, systemd, apt, dnf, pip and git.

Our lines stand between two marks, in files of others too, so what is around them stays as it is, byte by byte.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

PROXY = "proxy"
BEGIN, END = "# tidegate begin\n", "# tidegate end\n"
SYSTEMD = "/etc/systemd/system.conf.d/tidegate-proxy.conf"
_NAME = "tidegate-proxy"
"""Leads to all proxies where there are several: a program tries one address of a name after the other."""
_DIRECT = re.compile(r"\.[a-z0-9_.-]+|[0-9a-f.:]+/[0-9]+")
_ALWAYS_DIRECT = ("localhost", "127.0.0.1", "::1")


class ProxySettings(NamedTuple):
    """The settings of a client. url: of the proxy. direct: what goes around it: .NAME with all below, and networks."""

    url: str
    addresses: tuple[str, ...]
    direct: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The names among what goes around the proxy, without their dot."""
        return [text[1:] for text in self.direct if text.startswith(".")]

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables of the environment. Not HTTP_PROXY: a request to a CGI program could set it."""
        around = ",".join([*_ALWAYS_DIRECT, *self.direct])
        lower = {"http_proxy": self.url, "https_proxy": self.url, "no_proxy": around}
        return {**lower, "HTTPS_PROXY": self.url, "NO_PROXY": around}


class _File(NamedTuple):
    """path: of the file. lines: ours. section: after whose head they stand, "" for at the end.

    belongs: the folder without which a host has nothing to tell.
    """

    path: str
    lines: Callable[[ProxySettings], str]
    belongs: str
    section: str = ""


def _shell(settings: ProxySettings) -> str:
    return "".join(f"export {name}='{value}'\n" for name, value in settings.variables.items())


def _systemd(settings: ProxySettings) -> str:
    return (
        "[Manager]\nDefaultEnvironment="
        + " ".join(f'"{name}={value}"' for name, value in settings.variables.items())
        + "\n"
    )


def _apt(settings: ProxySettings) -> str:
    around = "".join(
        f'Acquire::{way}::Proxy::{name} "DIRECT";\n' for way in ("http", "https") for name in settings.names
    )
    return f'Acquire::http::Proxy "{settings.url}";\nAcquire::https::Proxy "{settings.url}";\n{around}'


def _git(settings: ProxySettings) -> str:
    around = (f'[http "https://{label}{name}"]\n\tproxy =\n' for name in settings.names for label in ("", "*."))
    return f"[http]\n\tproxy = {settings.url}\n{''.join(around)}"


def _hosts(settings: ProxySettings) -> str:
    return "".join(f"{address} {_NAME}\n" for address in settings.addresses)


_HOSTS = _File("/etc/hosts", _hosts, "/etc")
_FILES: Mapping[str, _File] = {
    "login": _File("/etc/profile.d/tidegate-proxy.sh", _shell, "/etc"),
    "systemd": _File(SYSTEMD, _systemd, "/etc/systemd"),
    "apt": _File("/etc/apt/apt.conf.d/90tidegate-proxy", _apt, "/etc/apt"),
    "dnf": _File("/etc/dnf/dnf.conf", lambda settings: f"proxy={settings.url}\n", "/etc/dnf", "[main]"),
    "pip": _File("/etc/pip.conf", lambda settings: f"proxy = {settings.url}\n", "/etc", "[global]"),
    "git": _File("/etc/gitconfig", _git, "/etc"),
}


def check(document: Mapping[str, Any]) -> None:
    """Raise TidegateError (bad_request) for a document of a proxy that cannot be used."""
    try:
        _settings(document)
        unknown = [str(kind) for kind in document["configured"] if kind not in _FILES]
        if unknown:
            raise ValueError(f"nobody knows how to tell {', '.join(unknown)}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else error
        raise TidegateError("bad_request", f"The proxy of the policy cannot be used: {cause}.", "names") from error


def texts(paths: Paths, document: Mapping[str, Any]) -> dict[Path, str]:
    """Return the files with their whole texts. Raise TidegateError where another proxy is named in one."""
    settings = _settings(document)
    chosen = [_FILES[kind] for kind in document["configured"]]
    if chosen and len(settings.addresses) > 1:
        chosen.append(_HOSTS)
    return {paths.at(file.path): _text(paths, file, settings) for file in chosen if paths.at(file.belongs).is_dir()}


def own(paths: Paths) -> Iterator[Path]:
    """Yield the files that have lines of ours."""
    for file in (*_FILES.values(), _HOSTS):
        path = paths.at(file.path)
        if BEGIN in (files.read(path) or ""):
            yield path


def split(text: str) -> tuple[str, str, str]:
    """Return a text before, in and after our lines."""
    before, begin, rest = text.partition(BEGIN)
    ours, _end, after = rest.partition(END)
    return before, ours if begin else "", after


def _settings(document: Mapping[str, Any]) -> ProxySettings:
    addresses = tuple(str(ipaddress.ip_address(str(text))) for text in document["addresses"])
    if not addresses:
        raise ValueError("there is no proxy")
    direct = tuple(map(str, document["direct"]))
    wrong = [text for text in direct if not _DIRECT.fullmatch(text)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is neither a name with all below it nor a network")
    host = addresses[0] if len(addresses) == 1 else _NAME
    shown = f"[{host}]" if ":" in host else host
    return ProxySettings(f"http://{shown}:{int(document['port'])}", addresses, direct)


def _text(paths: Paths, file: _File, settings: ProxySettings) -> str:
    """Return the text of a file with our lines where they are, or belong."""
    present = files.read(paths.at(file.path)) or ""
    before, _ours, after = split(present)
    lines = file.lines(settings)
    if not file.section:
        return _whole_lines(before) + BEGIN + lines + END + after
    others = before + after
    if re.search(r"(?m)^\s*proxy\s*=", others):
        raise TidegateError(
            "bad_request",
            f"A proxy is already in {file.path}. Nothing was changed. Fix: remove its line proxy=, or leave it out of "
            "egress_proxy_for.",
            "names",
        )
    head = re.search(rf"(?m)^{re.escape(file.section)}[ \t]*$", others)
    if head is None:
        return _whole_lines(others) + BEGIN + f"{file.section}\n{lines}" + END
    end = head.end() + 1
    return _whole_lines(others[:end]) + BEGIN + lines + END + others[end:]


def _whole_lines(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"
