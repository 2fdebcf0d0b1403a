# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The datagram of a UDP probe: a question that the usual service of the port answers, else an empty one."""

from __future__ import annotations

import os
import struct

DNS = 53
NTP = 123


def datagram(port: int) -> bytes:
    """Return what to send to a UDP port: a DNS question (RFC 1035), an NTP client request (RFC 5905), or no bytes."""
    if port == DNS:
        return dns_question()
    if port == NTP:
        return ntp_request()
    return b""


def dns_question() -> bytes:
    """Return a question for the name servers of the root, which every resolver knows and which reveals nothing."""
    recursion_desired = 0x0100
    header = struct.pack("!2s5H", os.urandom(2), recursion_desired, 1, 0, 0, 0)
    root, ns, internet = b"\0", 2, 1
    return header + root + struct.pack("!2H", ns, internet)


def ntp_request() -> bytes:
    """Return a request of version 4, mode client. The transmit time is random, since a server only copies it."""
    return bytes([0o043]) + bytes(39) + os.urandom(8)
