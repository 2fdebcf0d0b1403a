# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes and what came of them."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError

PROTOCOLS = ("tcp", "udp")

Outcome = Literal["answered", "refused", "silent", "failed"]

ANSWERED: Outcome = "answered"
"""The connection was established (TCP), or a datagram came back (UDP)."""
REFUSED: Outcome = "refused"
"""The packet filter of this host, a reset or an ICMP error refused it."""
SILENT: Outcome = "silent"
"""Nothing came back in time."""
FAILED: Outcome = "failed"
"""No packet could be sent (no route, no address of that family), or the error is another: it proves nothing."""

OUTCOMES: tuple[Outcome, ...] = (ANSWERED, REFUSED, SILENT, FAILED)

# ip(7), icmp(7), and how Linux maps ICMP codes (icmp_err_convert, icmpv6_err_convert)
REFUSALS = frozenset(
    {
        errno.ECONNREFUSED,  # a reset, or ICMP port unreachable
        errno.ECONNRESET,
        errno.EPERM,  # this host's packet filter dropped the packet
        errno.EACCES,  # ICMPv6 administratively prohibited
        errno.EHOSTUNREACH,  # ICMP administratively prohibited or host unreachable
        errno.ENOPROTOOPT,  # ICMP protocol unreachable
        errno.EPROTO,  # ICMPv6 parameter problem
    }
)


@dataclass(frozen=True)
class Probe:
    """One connection attempt.

    to: IPv4 or IPv6 address. protocol: one of PROTOCOLS. port: 1 to 65535. user: name or number as text, None for the
    user of this process. name: anything, for the caller. cgroup: the folder of its socket's cgroup, "" for the cgroup
    of this process.
    """

    to: str
    protocol: str
    port: int
    user: str | None = None
    name: str = ""
    cgroup: str = ""


@dataclass(frozen=True)
class Measurement:
    """What came of one probe. errno: symbolic name of the error, None for an answer; milliseconds: until then."""

    outcome: Outcome
    errno: str | None
    milliseconds: float


UNSENT = "No packet was sent."


class ProbeError(TidegateError):
    """Probes that cannot be sent as they are written; no packet was sent.

    index: place of the probe among the probes, None when the error is not about one of them.
    """

    reason = "bad_spec"

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(self.reason, message, "" if index is None else f"probes[{index}]")
        self.index = index


class ProbeProcessError(ProbeError):
    """The process that sends the probes of a user ended without an answer, or cannot become that user."""

    reason = "probe_failed"


def outcome_of(number: int) -> Outcome:
    """Return the outcome for an errno of connect, send or receive; 0 is an answer."""
    if number == 0:
        return ANSWERED
    if number == errno.ETIMEDOUT:
        return SILENT
    return REFUSED if number in REFUSALS else FAILED
