# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""unbound's configuration, and the script that makes unbound_module.py its Python module."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.module_utils.files import MARK
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import RESOLVER_ADDRESS

from . import unbound_module
from .document import Document

ALIVE = "localhost"
"""A name that unbound answers itself: whoever asks for it sees whether the resolver works."""

DOH = (
    "chrome.cloudflare-dns.com",
    "cloudflare-dns.com",
    "dns.adguard-dns.com",
    "dns.alidns.com",
    "dns.controld.com",
    "dns.google",
    "dns.mullvad.net",
    "dns.nextdns.io",
    "dns.quad9.net",
    "dns.sb",
    "dns0.eu",
    "dns10.quad9.net",
    "dns11.quad9.net",
    "dns9.quad9.net",
    "doh.cleanbrowsing.org",
    "doh.opendns.com",
    "doh.pub",
    "dot.pub",
    "firefox.dns.nextdns.io",
    "mozilla.cloudflare-dns.com",
    "one.one.one.one",
)
"""Public servers of DNS over HTTPS, from the settings of Firefox and Chromium and the operators' pages, 2026-11-30."""
CANARY = "use-application-dns.net"
"""Where this name does not exist, Firefox does not switch to DNS over HTTPS by itself."""

_SERVER = """\
{mark}server:
    interface: {address}
    port: 53
    num-threads: 1
    username: ""
    chroot: ""
    directory: ""
    pidfile: ""
    use-syslog: no
    logfile: ""
    verbosity: 0
    module-config: "python iterator"
    do-not-query-localhost: no
    unblock-lan-zones: yes
    cache-max-ttl: {longest}
    serve-expired: no
    msg-cache-size: 8m
    rrset-cache-size: 16m
    infra-host-ttl: 60
    minimal-responses: yes
    edns-buffer-size: 1232
    hide-identity: yes
    hide-version: yes
"""
_END = """\
python:
    python-script: "{script}"
remote-control:
    control-enable: no
forward-zone:
    name: "."
"""

_SCRIPT = """\
{mark}import sys
sys.path.insert(0, {program!r})
import unboundmodule
import {module} as tidegate
tidegate.unbound = unboundmodule
from {module} import deinit, inform_super, init, init_standard, operate
"""


def text(document: Document, script: Path) -> str:
    """Return unbound's configuration. script: the path of the script below."""
    lines = [_SERVER.format(mark=MARK, address=RESOLVER_ADDRESS, longest=document.longest_ttl)]
    named = [pattern.name for pattern in document.patterns]
    # unbound answers whole zones itself, such as test; a zone of its own for a name lets that one through.
    lines += [f'    local-zone: "{name}." transparent\n' for name in dict.fromkeys(named)]
    lines += [
        f'    local-zone: "{name}." always_nxdomain\n' for name in (CANARY, *DOH) if not _is_named(document, name)
    ]
    lines.append(_END.format(script=script))
    lines += [f"    forward-addr: {server}\n" for server in document.servers]
    return "".join(lines)


def script(program: Path) -> str:
    """Return the script that unbound runs. program: the archive that holds unbound_module.py."""
    return _SCRIPT.format(mark=MARK, program=str(program), module=unbound_module.__name__)


def _is_named(document: Document, name: str) -> bool:
    return any(domain_names.matches(pattern, name) for pattern in document.patterns)
