# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to get a packet past the policy, one a line."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Identity = Literal["user", "binder", "container"]


@dataclass(frozen=True)
class Attack:
    """One way to send what the policy refuses.

    name: for people. way: the function of send.py, with its arguments. who: the identities that are able to send it.
    seen: the destination that leaves the host, where it is not the one that is sent to.
    """

    name: str
    way: str
    arguments: Mapping[str, Any]
    who: tuple[Identity, ...]
    to: str = field(default="", kw_only=True)

    @property
    def seen(self) -> str:
        """The destination of the packet as it leaves the host."""
        return self.to or str(self.arguments["to"])

    def __str__(self) -> str:
        return self.name


_HOST: tuple[Identity, ...] = ("user", "binder")
_ALL: tuple[Identity, ...] = ("user", "binder", "container")
OUT4, OUT6 = "203.0.113.9", "2001:db8::9"

_CONTAINER: tuple[Identity, ...] = ("container",)
METADATA, NEVER = "169.254.169.254", "203.0.113.66"
# Where a reply of the outside would find the container.
FROM4, FROM6 = "172.30.0.2", "fd00:30::2"
UNREACHABLE, ECHO, NEIGHBOUR, ADVERTISEMENT, LISTENER = 3, 8, 135, 136, 143
NAME_SERVER, NAME_SERVER6, WEB = "198.18.0.53", "2001:2::53", "198.18.0.80"
UPLINK = "tgout"
SEGMENTS = {"ACK": 16, "PSH and ACK": 24, "FIN": 1, "RST": 4, "SYN and FIN": 3, "SYN and ACK": 18, "no flags": 0}


def _by(hop: str) -> tuple[int, int, str]:
    """Return the option of a socket (IP_OPTIONS) that has packets go by way of a hop (RFC 791, loose source route)."""
    return socket.IPPROTO_IP, socket.IP_OPTIONS, (bytes([131, 7, 4]) + socket.inet_aton(hop) + b"\0").hex()


def _segments(to: str, hop: str) -> tuple[int, int, str]:
    """Return the option of a socket (IPV6_RTHDR) that has packets go by way of a hop (RFC 8754)."""
    addresses = b"".join(socket.inet_pton(socket.AF_INET6, address) for address in (to, hop))
    return socket.IPPROTO_IPV6, socket.IPV6_RTHDR, (bytes([0, 4, 4, 1, 1, 0, 0, 0]) + addresses).hex()


def _datagram(source: str, to: str, hops: int) -> str:
    """Return a UDP datagram to port 443 with its header of IP, whose checksum the kernel writes, in hex."""
    family, body = (
        socket.AF_INET6 if ":" in to else socket.AF_INET,
        struct.pack("!HHHH", 40001, 443, 16, 0) + b"tidegate",
    )
    header = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, hops, 17, 0)
    if ":" in to:
        header = struct.pack("!IHBB", 6 << 28, len(body), 17, hops)
    return (header + socket.inet_pton(family, source) + socket.inet_pton(family, to) + body).hex()


ATTACKS = (
    Attack("tcp", "tcp", {"to": OUT4, "port": 443}, _ALL),
    Attack("tcp over IPv6", "tcp", {"to": OUT6, "port": 443}, _ALL),
    Attack("udp", "udp", {"to": OUT4, "port": 443}, _ALL),
    Attack("udp over IPv6", "udp", {"to": OUT6, "port": 443}, _ALL),
    *(
        Attack(
            f"DHCP from its own port to {to}", "udp", {"to": to, "port": 67, "source_port": 68}, ("binder", "container")
        )
        for to in (OUT4, METADATA, NEVER)
    ),
    Attack("DHCPv6 from its own port", "udp", {"to": OUT6, "port": 547, "source_port": 546}, ("binder", "container")),
    Attack("DHCP from another port to its servers", "udp", {"to": "10.0.0.9", "port": 67}, _ALL),
    Attack("DHCP of a container", "udp", {"to": "10.0.0.9", "port": 67, "source_port": 68}, _CONTAINER),
    Attack(
        "neighbour solicitation off the link", "icmp6", {"to": OUT6, "kind": NEIGHBOUR, "source": FROM6}, _CONTAINER
    ),
    Attack(
        "neighbour advertisement off the link",
        "icmp6",
        {"to": OUT6, "kind": ADVERTISEMENT, "source": FROM6},
        _CONTAINER,
    ),
    Attack("membership report to a host", "icmp6", {"to": OUT6, "kind": LISTENER, "source": FROM6}, _CONTAINER),
    Attack("IGMP to a host", "raw", {"to": OUT4, "protocol": 2, "payload": "22" + "00" * 15}, _CONTAINER),
    Attack("ICMP error out of nothing", "icmp4", {"to": OUT4, "kind": UNREACHABLE}, _CONTAINER),
    Attack("ICMPv6 error out of nothing", "icmp6", {"to": OUT6, "kind": 1, "source": FROM6}, _CONTAINER),
    *(
        Attack(
            f"{name} out of nothing to {to}",
            "segment",
            {"to": to, "port": 443, "flags": flags, "source": FROM6 if ":" in to else FROM4},
            _CONTAINER,
        )
        for to in (OUT4, OUT6, METADATA)
        for name, flags in SEGMENTS.items()
    ),
    Attack("mapped address: tcp", "tcp", {"to": f"::ffff:{OUT4}", "port": 443}, _ALL, to=OUT4),
    Attack("mapped address: udp", "udp", {"to": f"::ffff:{OUT4}", "port": 443}, _ALL, to=OUT4),
    *(
        Attack(f"{name} address: {way}", way, {"to": to, "port": 443}, _ALL)
        for name, to in (
            ("NAT64", "64:ff9b::cb00:7109"),
            ("local NAT64", "64:ff9b:1::cb00:7109"),
            ("6to4", "2002:cb00:7109::1"),
            ("Teredo", "2001:0:cb00:7109::1"),
        )
        for way in ("tcp", "udp")
    ),
    Attack("TCP fast open", "tcp", {"to": OUT4, "port": 443, "fast_open": True}, _ALL),
    Attack("multipath TCP", "tcp", {"to": OUT4, "port": 443, "protocol": 262}, _ALL),
    Attack("UDP-Lite", "udp", {"to": OUT4, "port": 443, "protocol": 136}, _ALL),
    Attack("UDP-Lite over IPv6", "udp", {"to": OUT6, "port": 443, "protocol": 136}, _ALL),
    Attack("fragments", "udp", {"to": OUT4, "port": 443, "size": 4000}, _ALL),
    Attack("fragments over IPv6", "udp", {"to": OUT6, "port": 443, "size": 4000}, _ALL),
    Attack("broadcast", "udp", {"to": "255.255.255.255", "port": 443, "broadcast": True}, _HOST),
    Attack("broadcast of the link", "udp", {"to": "198.18.0.255", "port": 443, "broadcast": True}, _HOST),
    Attack("multicast", "udp", {"to": "239.1.1.1", "port": 443}, _HOST),
    Attack("user namespace", "in_user_namespace", {"way": "udp", "to": OUT4, "port": 443}, _HOST),
    Attack("reply port of a server", "tcp", {"to": OUT4, "port": 443, "source_port": 22}, ("binder", "container")),
    Attack("DNS to a stranger", "udp", {"to": OUT4, "port": 53}, _ALL),
    Attack("DNS over TCP to a stranger", "tcp", {"to": OUT4, "port": 53}, _ALL),
    Attack("DNS over TLS to a stranger", "tcp", {"to": OUT4, "port": 853}, _ALL),
    Attack("NTP to a stranger", "udp", {"to": OUT4, "port": 123}, _ALL),
    Attack("another port of the name server", "tcp", {"to": "198.18.0.53", "port": 443}, _ALL, to="198.18.0.53"),
    Attack("another port of an allowed host", "tcp", {"to": "198.18.0.80", "port": 80}, _ALL),
    Attack("another protocol of an allowed host", "udp", {"to": "198.18.0.80", "port": 443}, _ALL),
    Attack("metadata", "tcp", {"to": METADATA, "port": 80}, _ALL),
    Attack("what egress_never closes", "tcp", {"to": NEVER, "port": 443}, _ALL),
    *(
        Attack(
            f"raw packet of protocol {number}",
            "raw",
            {"to": OUT4, "protocol": number, "payload": "00" * 24},
            _CONTAINER,
        )
        for number in (4, 41, 47, 50, 112, 132)
    ),
    Attack("echo request", "icmp4", {"to": OUT4, "kind": ECHO}, _CONTAINER),
    *(
        Attack(
            f"source route by way of {hop}",
            "udp",
            {"to": NAME_SERVER, "port": 53, "options": [_by(hop)]},
            _CONTAINER,
            to=hop,
        )
        for hop in (OUT4, NEVER)
    ),
    Attack(
        "segments by way of a stranger",
        "udp",
        {"to": NAME_SERVER6, "port": 53, "options": [_segments(NAME_SERVER6, OUT6)]},
        _ALL,
        to=OUT6,
    ),
    Attack(
        "source route through the host", "udp", {"to": OUT4, "port": 443, "options": [_by("172.30.0.1")]}, _CONTAINER
    ),
    Attack(
        "segments through the host",
        "udp",
        {"to": OUT6, "port": 443, "options": [_segments(OUT6, "fd00:30::1")]},
        _CONTAINER,
    ),
    Attack("bound to the uplink", "udp", {"to": OUT4, "port": 443, "device": UPLINK}, _HOST),
    Attack("echo request without a raw socket", "ping", {"to": OUT4}, _HOST),
    Attack("echo request over IPv6 without a raw socket", "ping", {"to": OUT6}, _HOST),
    # An answer to a source that is not behind the bridge carries the packet there: a reset, or an error that quotes it.
    *(
        Attack(name, "whole", {"to": to, "packet": _datagram(source, to, hops)}, _CONTAINER, to=seen)
        for name, source, to, hops, seen in (
            ("another container's source", "172.30.0.77", OUT4, 64, OUT4),
            ("rejected, with a stranger's source", OUT4, OUT4, 64, OUT4),
            ("rejected over IPv6, with a stranger's source", OUT6, OUT6, 64, OUT6),
            ("no hop left, with a stranger's source", OUT4, WEB, 1, OUT4),
            ("no hop left over IPv6, with a stranger's source", OUT6, "2001:2::80", 1, OUT6),
            ("port of the host that is closed, with a stranger's source", OUT4, "172.30.0.1", 64, OUT4),
        )
    ),
    Attack("own address, rewritten by NAT: tcp", "tcp", {"to": "198.18.0.1", "port": 8080}, _HOST, to=OUT4),
    Attack("own address, rewritten by NAT: udp", "udp", {"to": "198.18.0.1", "port": 8080}, _HOST, to=OUT4),
    Attack("own IPv6 address, rewritten by NAT", "udp", {"to": "2001:2::1", "port": 8080}, _HOST, to=OUT6),
    Attack(
        "127.0.0.1, rewritten by NAT", "udp", {"to": "127.0.0.1", "port": 8080, "bind": "198.18.0.1"}, _HOST, to=OUT4
    ),
)
