# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe asks and what came of it."""

from __future__ import annotations

import errno
from dataclasses import dataclass

PROTOCOLS = ("tcp", "udp")

ANSWERED = "answered"
"""The connection was established (TCP), or a datagram came back (UDP)."""
REFUSED = "refused"
"""Somebody said no: the packet filter of this host, a reset, or an ICMP error."""
SILENT = "silent"
"""Nothing came back in time."""
FAILED = "failed"
"""No packet could be sent (no route, no address of that family) or the error is neither: nothing was proven."""

# ip(7), icmp(7), and what Linux makes of ICMP codes (icmp_err_convert, icmpv6_err_convert)
REFUSALS = frozenset(
    {
        errno.ECONNREFUSED,  # a reset, or ICMP port unreachable
        errno.ECONNRESET,
        errno.EPERM,  # this host's packet filter dropped what send() handed over
        errno.EACCES,  # ICMPv6 administratively prohibited
        errno.EHOSTUNREACH,  # ICMP administratively prohibited or host unreachable
        errno.ENOPROTOOPT,  # ICMP protocol unreachable
        errno.EPROTO,  # ICMPv6 parameter problem
    }
)


@dataclass(frozen=True)
class Probe:
    """One connection attempt: ``to`` is an IPv4 or IPv6 address, ``port`` 1 to 65535.

    ``user`` is a user name or a uid in digits; None is whoever runs the probe. ``name`` is the caller's own.
    """

    to: str
    protocol: str
    port: int
    user: str | None = None
    name: str = ""


@dataclass(frozen=True)
class Result:
    """What came of one probe: the outcome, the symbolic errno when there was one, and how long it took."""

    outcome: str
    errno: str | None
    milliseconds: float


class ProbeError(Exception):
    """Probes that cannot be made as asked. ``index`` is the place of the one at fault, None when it is not one's."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


def outcome_of(number: int) -> str:
    """Return the outcome that an errno of connect, send or receive stands for; 0 is an answer."""
    if number == 0:
        return ANSWERED
    if number == errno.ETIMEDOUT:
        return SILENT
    return REFUSED if number in REFUSALS else FAILED
