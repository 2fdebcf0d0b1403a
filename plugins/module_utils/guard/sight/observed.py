# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long this host has only observed, and what it would have refused in that time."""

from __future__ import annotations

import contextlib
import pwd
import socket
import time
from typing import Any, Iterator

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import confirmed_policy, history, records
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.records import Record
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import observes
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host

from . import denied_ledger, observed_ledger

_NUMBERS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "dccp": 33, "ipv6-icmp": 58, "sctp": 132}
"""For hosts without /etc/protocols, which minimal images leave out."""


def facts(host: Host) -> dict[str, Any]:
    """Return the evidence as plain values.

    confirmed: whether there is a confirmed policy; observes: whether that one refuses nothing. since: when the first of
    the observing policies that followed one another until now was confirmed, in seconds since 1970, None when there is
    none. now: the host's clock. ledger: who would have been refused what, with user, the name of the uid, where it has
    one.
    """
    record = confirmed_policy.read(host.paths)
    since = None
    for one in [record, *_earlier(host.paths)]:
        if one is None or not observes(one.listing):
            break
        since = one.when
    lines = observed_ledger.merged(observed_ledger.read(host.paths), denied_ledger.ledger(host.table), time.time())
    return {
        "confirmed": record is not None,
        "observes": record is not None and observes(record.listing),
        "since": since,
        "now": time.time(),
        "ledger": [
            {
                "address": line.address,
                "protocol": protocol(line.protocol),
                "port": line.port,
                "uid": line.uid,
                "user": _user(line.uid),
                "packets": line.packets,
                "last": line.last,
            }
            for line in lines
        ],
    }


def protocol(name: str) -> int:
    """Return the number of a protocol as nft lists it; 255, which is reserved, for a name that is not known here."""
    if name.isdigit():
        return int(name)
    if name in _NUMBERS:
        return _NUMBERS[name]
    with contextlib.suppress(OSError):
        return socket.getprotobyname(name)
    return 255


def _earlier(paths: Paths) -> Iterator[Record | None]:
    """Yield the earlier policies, the latest first; one that is damaged ends what is known."""
    for one in history.earlier(paths):
        found: Record | None = None
        with contextlib.suppress(GuardError):
            found = records.load(one.path)
        yield found


def _user(uid: int | None) -> str | None:
    if uid is None:
        return None
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
