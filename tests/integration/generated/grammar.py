# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A grammar of rules: what can be matched, in which shapes, and what is done then; everything in two spellings.

Written from nft(8). Each table's row is one thing; the product of the tables is what nft is used for in practice.
"""

from __future__ import annotations

from dataclasses import dataclass

IP = frozenset(("ip", "inet", "bridge", "netdev"))
IP6 = frozenset(("ip6", "inet", "bridge", "netdev"))
LAYER3 = IP | IP6
ROUTED = frozenset(("ip", "ip6", "inet"))
LINK = frozenset(("bridge", "netdev"))
ALL = LAYER3 | {"arp"}


@dataclass(frozen=True)
class Match:
    """Something of a packet. values: (spelling, another), ascending where ordered; words of other shapes follow.

    ordered: knows ranges and comparisons. in_set: can be looked up in a set. families: where it is known.
    """

    text: str
    values: tuple[tuple[str, str], ...]
    families: frozenset[str] = ALL
    ordered: bool = True
    in_set: bool = True
    other: str = ""
    """Another spelling of the thing itself."""

    @property
    def sized(self) -> bool:
        """Whether its type says how long it is, without which nft joins it to nothing else."""
        return self.values is not NUMBERS and self.text not in UNSIZED

    def goes_with(self, second: Match) -> bool:
        """Whether a packet can have both."""
        ours, theirs = (LAYERS.get(match.text, LAYERS.get(match.text.split()[0], {})) for match in (self, second))
        return all(ours.get(layer, value) == value for layer, value in theirs.items())


def same(*values: str) -> tuple[tuple[str, str], ...]:
    """Values that are spelled in one way only."""
    return tuple((value, value) for value in values)


PORTS = (("ssh", "22"), ("domain", "53"), ("http", "80"), ("https", "0x1bb"), ("8080", "8080"))
NUMBERS = (("3", "0x3"), ("20", "0x14"), ("55", "0x37"), ("200", "0xc8"))
PROTOCOLS = (("icmp", "1"), ("tcp", "6"), ("udp", "17"), ("sctp", "132"))
ADDRESSES = (("10.0.0.1", "10.0.0.1/32"), ("10.1.2.3", "10.1.2.3"), ("192.0.2.7", "192.0.2.7/32"))
ADDRESSES6 = (("2001:DB8::1", "2001:db8:0:0::1"), ("2001:db8::20", "2001:db8::20/128"), ("fd00::1", "FD00:0::1"))
LINKS = (("00:0F:54:0C:11:04", "00:0f:54:0c:11:04"), ("02:00:00:00:00:01", "2:0:0:0:0:1"))

UNSIZED = ("ip length", "meta length", "ct bytes", "ct expiration", "ip dscp", "tcp option maxseg size", "icmp code")

LAYERS: dict[str, dict[int, str]] = {
    "ip": {3: "ip"}, "ip6": {3: "ip6"}, "arp": {3: "arp"}, "frag": {3: "ip6"},
    "icmp": {3: "ip", 4: "icmp"}, "icmpv6": {3: "ip6", 4: "icmpv6"}, "th": {4: "th"},
    **{name: {4: name} for name in ("tcp", "udp", "sctp", "dccp", "udplite", "esp", "ah", "comp")},
    "meta l4proto": {4: "any"}, "ip protocol": {3: "ip", 4: "any"}, "ip6 nexthdr": {3: "ip6", 4: "any"},
    "meta nfproto": {3: "any"}, "meta protocol": {3: "any"}, "ct l3proto": {3: "any"},
}  # fmt: skip
"""What a match says of a packet's layers; two that say different things of one go not together."""

MATCHES: tuple[Match, ...] = (
    Match("ip saddr", ADDRESSES, IP),
    Match("ip daddr", ADDRESSES, IP),
    Match("ip protocol", PROTOCOLS, IP),
    Match("ip ttl", NUMBERS, IP),
    Match("ip length", (("64", "0x40"), ("1500", "0x5dc")), IP),
    Match("ip id", NUMBERS, IP),
    Match("ip dscp", (("cs1", "0x08"), ("af21", "0x12"), ("ef", "0x2e")), IP, ordered=False),
    Match("ip frag-off", NUMBERS, IP),
    Match("ip6 saddr", ADDRESSES6, IP6),
    Match("ip6 daddr", ADDRESSES6, IP6),
    Match("ip6 nexthdr", PROTOCOLS, IP6),
    Match("ip6 hoplimit", NUMBERS, IP6),
    Match("ip6 length", NUMBERS, IP6),
    Match("ip6 flowlabel", NUMBERS, IP6),
    Match("icmp type", (("echo-reply", "0"), ("echo-request", "8"), ("time-exceeded", "11")), IP, ordered=False),
    Match("icmp code", (("net-unreachable", "0"), ("port-unreachable", "3")), IP, ordered=False),
    Match("icmpv6 type", (("echo-request", "128"), ("nd-router-advert", "134"), ("mld2-listener-report", "143")), IP6,
          ordered=False),
    Match("arp operation", (("request", "1"), ("reply", "2")), frozenset(("arp",)), ordered=False),
    Match("arp htype", NUMBERS, frozenset(("arp",))),
    Match("tcp dport", PORTS, LAYER3),
    Match("tcp sport", PORTS, LAYER3),
    Match("tcp sequence", NUMBERS, LAYER3),
    Match("tcp window", NUMBERS, LAYER3),
    Match("tcp flags", (("syn", "0x02"), ("ack", "0x10")), LAYER3, ordered=False),
    Match("udp dport", PORTS, LAYER3),
    Match("udp sport", PORTS, LAYER3),
    Match("udp length", NUMBERS, LAYER3),
    Match("sctp dport", PORTS, LAYER3),
    Match("dccp sport", PORTS, LAYER3),
    Match("udplite dport", PORTS, LAYER3),
    Match("th dport", PORTS, LAYER3),
    Match("esp spi", NUMBERS, LAYER3),
    Match("ah sequence", NUMBERS, LAYER3),
    Match("comp cpi", NUMBERS, LAYER3),
    Match("ether saddr", LINKS, LINK, ordered=False),
    Match("ether daddr", LINKS, ROUTED | LINK, ordered=False),
    Match("vlan id", (("1", "0x1"), ("4094", "0xffe")), LINK, ordered=False),
    Match("meta l4proto", PROTOCOLS, LAYER3, ordered=False),
    Match("meta length", (("64", "0x40"), ("1500", "0x5dc"))),
    Match("meta mark", (("0x10", "16"), ("0x20", "0x00000020"), ("1000", "0x3e8")), other="mark"),
    Match("meta priority", (("1:10", "0001:0010"),), ordered=False, in_set=False),
    Match("meta pkttype", (("host", "0"), ("broadcast", "1"), ("multicast", "2")), ordered=False, other="pkttype"),
    Match("meta nfproto", (("ipv4", "2"), ("ipv6", "10")), frozenset(("inet",)), ordered=False),
    Match("meta protocol", (("ip", "0x0800"), ("ip6", "0x86dd")), LINK | {"inet"}, ordered=False),
    Match("meta skuid", (("root", "0"), ("1000", "1000"), ("3000", "0xbb8")), ROUTED, other="skuid"),
    Match("meta skgid", (("root", "0"), ("1000", "1000")), ROUTED, other="skgid"),
    Match("meta cpu", NUMBERS, other="cpu"),
    Match("meta cgroup", NUMBERS, ROUTED, other="cgroup"),
    Match("meta rtclassid", (("0x1", "1"), ("0x20", "32")), ROUTED, ordered=False, in_set=False, other="rtclassid"),
    Match("meta iif", (("lo", '"lo"'),), ordered=False, in_set=False, other="iif"),
    Match("meta iifname", (("lo", '"lo"'), ("eth0", '"eth0"'), ("wg1", '"wg1"')), ordered=False, other="iifname"),
    Match("meta oifname", (("lo", '"lo"'), ("eth0", '"eth0"')), ROUTED, ordered=False, other="oifname"),
    Match("meta iiftype", (("ether", "1"), ("loopback", "772")), ROUTED, ordered=False, in_set=False, other="iiftype"),
    Match("ct state", (("established", "established"), ("related", "related"), ("new", "new")), ROUTED, ordered=False),
    Match("ct direction", (("original", "0"), ("reply", "1")), ROUTED, ordered=False),
    Match("ct mark", (("0x10", "16"), ("0x3e8", "1000")), ROUTED),
    Match("ct status", (("snat", "snat"), ("dnat", "dnat")), ROUTED, ordered=False),
    Match("ct l3proto", (("ipv4", "ipv4"),), frozenset(("ip", "inet")), ordered=False, in_set=False),
    Match("ct expiration", (("30s", "30s"), ("60m", "1h"), ("24h", "1d")), ROUTED),
    Match("ct bytes", (("1000", "0x3e8"), ("100000", "100000")), ROUTED),
    Match("ct original packets", NUMBERS, ROUTED),
    Match("fib daddr type", (("local", "local"), ("broadcast", "broadcast")), ROUTED, ordered=False),
    Match("rt classid", (("0x1", "1"), ("0x20", "32")), ROUTED, ordered=False, in_set=False),
    Match("socket transparent", (("0", "0"), ("1", "1")), ROUTED, ordered=False, in_set=False),
    Match("socket mark", (("0x10", "16"), ("0x20", "32")), ROUTED),
    Match("frag id", NUMBERS, frozenset(("ip6", "inet"))),
    Match("tcp option maxseg size", (("1300", "0x514"), ("1460", "1460")), LAYER3),
)  # fmt: skip

# (spelling, another, families): matches in a shape of their own.
WHOLE: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("ip saddr 10.1.2.3/8", "ip saddr 10.0.0.0/8", IP),
    ("ip daddr 192.0.2.16-192.0.2.31", "ip daddr 192.0.2.16  -  192.0.2.31", IP),
    ("ip daddr { 10.0.0.0/25, 10.0.0.128/25, 10.1.1.1 }", "ip daddr {10.1.1.1/32,10.0.0.128/25,10.0.0.0/25}", IP),
    ("ip daddr { 10.1.0.0/24, 10.1.1.0/24 }", "ip daddr {10.1.1.0/24, 10.1.0.0/24}", IP),
    ("ip daddr != { 10.1.0.0/24, 10.1.1.0-10.1.1.9 }", "ip daddr ne {10.1.1.0-10.1.1.9, 10.1.0.0/24}", IP),
    ("ip6 daddr { 2001:db8::/33, 2001:db8:8000::/33 }", "ip6 daddr {2001:DB8:8000::/33, 2001:db8::/33}", IP6),
    ("udp dport { 137-138, 139 }", "udp dport {139,137-138}", LAYER3),
    ('iifname { "eth*", "eth1" }', 'iifname {eth1, "eth*"}', ALL),
    ("meta mark { 1-2, 3 }", "mark {3,0x1-0x2}", ALL),
    ("ip saddr & 255.0.0.0 == 10.0.0.0", "ip saddr and 255.0.0.0 eq 10.0.0.0", IP),
    ("ip6 daddr FE80::/10", "ip6 daddr fe80:0::/10", IP6),
    ("ip6 saddr { 2001:db8::1-2001:db8::ff, ::1 }", "ip6 saddr {0:0::1, 2001:DB8::1-2001:DB8::FF}", IP6),
    ("ct state related,established", "ct state established,related", ROUTED),
    ("ct state { related, established, new }", "ct state {new,established,related}", ROUTED),
    ("ct state != invalid,untracked", "ct state != untracked,invalid", ROUTED),
    ("ct mark & 0xff == 0x10", "ct mark and 0x000000ff == 16", ROUTED),
    ("ct direction original ct status dnat", "ct direction 0 ct status dnat", ROUTED),
    ("tcp flags & (syn|rst) == syn", "tcp flags & ( rst | syn )  ==  syn", LAYER3),
    ("tcp flags & (fin | syn | rst | ack) != syn", "tcp flags & (ack|rst|syn|fin) != syn", LAYER3),
    ("tcp dport { 33-55, 22, 100-110 }", "tcp dport {100-110,ssh,33 - 55}", LAYER3),
    ("meta l4proto { tcp, udp } th dport 53", "meta l4proto {17,6} th dport domain", LAYER3),
    ("iifname wg*", 'meta iifname "wg*"', ALL),
    ("meta mark & 0x3 == 0x1", "mark and 0x00000003 == 1", ALL),
    ("fib saddr . iif oif missing", "fib saddr . iif  oif missing", ROUTED),
    ("meta hour 08:00-17:00", 'meta hour "08:00"-"17:00"', ROUTED),
    ("meta day Saturday", "meta day 6", ROUTED),
    ("@th,16,16 0x35", "@th,16,16 53", ROUTED),
    ("limit rate 10/second", "limit rate 10/second burst 5 packets", ALL),
    ("limit rate over 1 mbytes/second burst 2048 bytes", "limit rate over 1024 kbytes/second burst 2 kbytes", ALL),
    ("limit rate 120/minute burst 20 packets", "limit rate 120/minute  burst 20 packets", ALL),
    ("quota over 1 mbytes", "quota over 1024 kbytes", ALL),
    ("quota until 2048 bytes", "quota 2 kbytes", ALL),
    ("ct count over 20", "ct count   over 20", ROUTED),
    ("numgen inc mod 3 0", "numgen inc mod 0x3 0", ALL),
    ("jhash ip saddr mod 4 seed 0xbeef 1", "jhash ip saddr mod 4 seed 48879 1", IP),
)

# (spelling, another, families, hook it needs or ""): what is done.
STATEMENTS: tuple[tuple[str, str, frozenset[str], str], ...] = (
    ("accept", " accept", ALL, ""),
    ("drop", "drop ", ALL, ""),
    ("return", "return", ALL, ""),
    ("continue", "continue", ALL, ""),
    ("jump other", "jump   other", ALL, ""),
    ("goto other", "goto\tother".replace("\t", "  "), ALL, ""),
    ("counter", "counter packets 0 bytes 0", ALL, ""),
    ("counter packets 5 bytes 500 accept", "counter accept", ALL, ""),
    ("counter name hits", 'counter name "hits"', ALL, ""),
    ("quota name daily drop", 'quota name "daily" drop', ALL, ""),
    ("limit name calm accept", 'limit name "calm" accept', ALL, ""),
    ("log", "log level warn", ALL, ""),
    ('log prefix "in: " level info', 'log level info prefix "in: "', ALL, ""),
    ("log group 2 snaplen 128", "log snaplen 0x80 group 0x2", ALL, ""),
    ('log prefix "a; { #" flags tcp sequence,options', 'log  prefix "a; { #"  flags tcp sequence,options', ROUTED, ""),
    ("reject", "reject with icmp type port-unreachable", frozenset(("ip",)), "input"),
    ("reject", "reject with icmpx type port-unreachable", frozenset(("inet",)), "input"),
    ("reject with icmpx type admin-prohibited", "reject with icmpx type 3", frozenset(("inet",)), "input"),
    ("reject with tcp reset", "meta l4proto tcp reject with tcp reset", ROUTED, "input"),
    ("meta mark set 16", "meta mark set 0x10", ALL, ""),
    ("meta mark set meta mark and 0xffff0000", "meta mark set mark & 0xffff0000", ALL, ""),
    ("meta priority set 1:10", "meta priority set 0001:0010", ALL, ""),
    ("ct mark set 16", "ct mark set 0x10", ROUTED, ""),
    ("ct mark set meta mark", "ct mark set mark", ROUTED, ""),
    ("meta mark set ct mark", "mark set ct mark", ROUTED, ""),
    ("ip dscp set cs1", "ip dscp set 0x08", IP, ""),
    ("ip ttl set 64", "ip ttl set 0x40", IP, ""),
    ("tcp option maxseg size set 1400", "tcp option maxseg size set 0x578", ROUTED, ""),
    ("add @seen { ip saddr timeout 60s }", "add @seen { ip saddr timeout 1m }", IP, ""),
    ("update @seen { ip saddr }", "set update ip saddr @seen", IP, ""),
    ("ip daddr @networks accept", "ip daddr @networks  accept", IP, ""),
    ("meta mark set tcp dport map { 22 : 1, 80 : 2 }", "mark set tcp dport map { http : 0x2, ssh : 0x1 }", LAYER3, ""),
    ("tcp dport vmap { 22 : accept, 80 : jump other }", "tcp dport vmap {http : jump other,ssh : accept}", LAYER3, ""),
    ("tcp dport vmap @verdicts", "tcp dport  vmap @verdicts", LAYER3, ""),
    ("notrack", "notrack ", ROUTED, "prerouting"),
    ("tproxy to :8080", "tproxy to :0x1f90", frozenset(("ip", "ip6")), "prerouting"),
    ("dnat to 10.0.0.1", "dnat 10.0.0.1", frozenset(("ip",)), "dstnat"),
    ("tcp dport 80 dnat to 10.0.0.1:8080", "tcp dport http dnat to 10.0.0.1:8080", frozenset(("ip",)), "dstnat"),
    ("tcp dport 80 dnat ip to 10.0.0.1:80", "tcp dport http dnat ip to 10.0.0.1:80", frozenset(("inet",)), "dstnat"),
    ("dnat to fd00::1", "dnat to FD00:0::1", frozenset(("ip6",)), "dstnat"),
    ("tcp dport 80 redirect to :8080", "tcp dport http redirect to :8080", ROUTED, "dstnat"),
    ("snat to 192.0.2.1-192.0.2.9", "snat 192.0.2.1-192.0.2.9", frozenset(("ip",)), "srcnat"),
    ("masquerade", "masquerade ", ROUTED, "srcnat"),
    ("masquerade random,persistent", "masquerade persistent,random", ROUTED, "srcnat"),
    ("meta l4proto tcp masquerade to :1024-2048", "meta l4proto 6 masquerade to :1024-2048", ROUTED, "srcnat"),
    ("dup to lo", 'dup to "lo"', frozenset(("netdev",)), ""),
    ("fwd to lo", 'fwd to "lo"', frozenset(("netdev",)), ""),
)  # fmt: skip
