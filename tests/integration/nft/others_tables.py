# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501  # as nft writes them
"""Tables as programs and people write them: container engines, ban tools, proxies, routers, in all families.

Written for these tests in the manner of each.
"""

from __future__ import annotations

from typing import NamedTuple


class Written(NamedTuple):
    """A table as nft's text. edit: a text in it and what to make of that. oldest: the first nft that reads it."""

    family: str
    name: str
    text: str
    edit: tuple[str, str]
    oldest: tuple[int, ...] = (0, 9, 8)


TABLES: dict[str, Written] = {
    "a container engine": Written(
        "inet",
        "containers",
        """
        chain INPUT {
            type filter hook input priority filter; policy accept;
            ip saddr 10.88.0.0/16 meta l4proto { tcp, udp } th dport 53 accept
        }
        chain FORWARD {
            type filter hook forward priority filter; policy accept;
            ct state invalid drop
            jump ISOLATION-1
        }
        chain POSTROUTING {
            type nat hook postrouting priority srcnat; policy accept;
            meta mark & 0x00002000 == 0x00002000 masquerade
            jump nv_2f259bab_10_88_0_0_nm16
        }
        chain PREROUTING {
            type nat hook prerouting priority dstnat; policy accept;
            fib daddr type local jump DNAT
        }
        chain OUTPUT {
            type nat hook output priority -100; policy accept;
            fib daddr type local jump DNAT
        }
        chain SETMARK { meta mark set meta mark | 0x00002000
        }
        chain ISOLATION-1 { iifname "br-1a2b3c4d5e6f" oifname != "br-1a2b3c4d5e6f" jump ISOLATION-2
        }
        chain ISOLATION-2 { oifname "podman0" drop
        }
        chain nv_2f259bab_10_88_0_0_nm16 {
            ip daddr 10.88.0.0/16 accept
            ip daddr != 224.0.0.0/4 masquerade
        }
        chain DNAT { jump nv_2f259bab_10_88_0_0_nm16_dnat
        }
        chain nv_2f259bab_10_88_0_0_nm16_dnat {
            ip saddr 10.88.0.0/16 tcp dport 8080 jump SETMARK
            ip saddr 127.0.0.1 tcp dport 8080 jump SETMARK
            tcp dport 8080 dnat ip to 10.88.0.2:80
        }
        """,
        ("dnat ip to 10.88.0.2:80", "dnat ip to 10.88.0.3:80"),
    ),
    "a service proxy of a cluster": Written(
        "ip",
        "kube-proxy",
        """
        comment "rules for kube-proxy";
        set cluster-ips { type ipv4_addr; comment "Active ClusterIPs"; elements = { 172.30.0.41, 172.30.0.45 } }
        set nodeport-ips { type ipv4_addr; elements = { 192.168.0.2 } }
        chain mark-for-masquerade { meta mark set meta mark | 0x00004000
        }
        chain reject-chain { reject
        }
        chain endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80 {
            ip saddr 10.180.0.1 jump mark-for-masquerade
            update @affinity-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80 { ip saddr }
            meta l4proto tcp dnat to 10.180.0.1:80
        }
        chain endpoint-7RVP4LUQ-ns1/svc1/tcp/p80__10.180.0.2/80 {
            ip saddr 10.180.0.2 jump mark-for-masquerade
            meta l4proto tcp dnat to 10.180.0.2:80
        }
        chain service-ULMVA6XW-ns1/svc1/tcp/p80 {
            ip daddr 172.30.0.41 tcp dport 80 ip saddr != 10.0.0.0/8 jump mark-for-masquerade
            ip saddr @affinity-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80 goto endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80
            numgen random mod 2 vmap { 0 : goto endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80, 1 : goto endpoint-7RVP4LUQ-ns1/svc1/tcp/p80__10.180.0.2/80 }
        }
        set affinity-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80 { type ipv4_addr; flags dynamic,timeout; timeout 3h; }
        map no-endpoint-services {
            type ipv4_addr . inet_proto . inet_service : verdict
            comment "vmap to drop or reject packets to services with no endpoints"
            elements = { 172.30.0.45 . tcp . 80 comment "ns2/svc2:p80" : goto reject-chain }
        }
        map service-ips {
            type ipv4_addr . inet_proto . inet_service : verdict
            elements = { 172.30.0.41 . tcp . 80 : goto service-ULMVA6XW-ns1/svc1/tcp/p80 }
        }
        map firewall-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
        chain services {
            ip daddr . meta l4proto . th dport vmap @service-ips
            ip daddr @nodeport-ips fib daddr type local meta l4proto . th dport vmap { tcp . 30001 : goto service-ULMVA6XW-ns1/svc1/tcp/p80 }
        }
        chain filter-prerouting {
            type filter hook prerouting priority dstnat - 10; policy accept;
            ct state new ip daddr . meta l4proto . th dport vmap @firewall-ips
        }
        chain filter-input {
            type filter hook input priority -110; policy accept;
            ct state new ip daddr . meta l4proto . th dport vmap @no-endpoint-services
        }
        chain nat-output { type nat hook output priority -100; policy accept;
            jump services
        }
        chain masquerading {
            meta mark & 0x00004000 == 0x00000000 return
            meta mark set meta mark ^ 0x00004000
            masquerade fully-random
        }
        chain nat-postrouting { type nat hook postrouting priority srcnat; policy accept;
            jump masquerading
        }
        """,
        (
            "ip daddr 172.30.0.41 tcp dport 80 ip saddr != 10.0.0.0/8",
            "ip daddr 172.30.0.41 tcp dport 80 ip saddr != 11.0.0.0/8",
        ),
    ),
    "a firewall of zones": Written(
        "inet",
        "firewalld",
        """
        ct helper helper-ftp-tcp { type "ftp" protocol tcp; l3proto inet; }
        chain mangle_PREROUTING { type filter hook prerouting priority mangle + 10; policy accept;
            jump mangle_PREROUTING_ZONES
        }
        chain mangle_PREROUTING_ZONES { iifname "perm_dummy" goto mangle_PRE_public
            goto mangle_PRE_public
        }
        chain mangle_PRE_public { jump mangle_PRE_public_log
        }
        chain mangle_PRE_public_log { }
        chain filter_PREROUTING { type filter hook prerouting priority filter + 10; policy accept;
            icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
            meta nfproto ipv6 fib saddr . mark . iif oif missing drop
        }
        chain filter_INPUT { type filter hook input priority filter + 10; policy accept;
            ct state { established, related } accept
            ct status dnat accept
            iifname "lo" accept
            ct state invalid drop
            jump filter_IN_public_allow
            reject with icmpx type admin-prohibited
        }
        chain filter_OUTPUT { type filter hook output priority filter + 10; policy accept;
            oifname "lo" accept
            ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002::/24, 2002:a00::/24, 2002:7f00::/24, 2002:a9fe::/32,
                2002:ac10::/28, 2002:c0a8::/32, 2002:e000::/19 } reject with icmpv6 type addr-unreachable
        }
        chain filter_IN_public_allow {
            tcp dport 21 ct helper set "helper-ftp-tcp"
            tcp dport 22 ct state { new, untracked } accept
            ip6 daddr fe80::/64 udp dport 546 ct state { new, untracked } accept
            ip saddr 198.51.100.0/24 log prefix "filter_IN_public_REJECT: " level info limit rate 3/minute burst 5 packets accept
        }
        chain nat_POSTROUTING { type nat hook postrouting priority srcnat + 10; policy accept;
            meta nfproto ipv4 oifname != "lo" masquerade
        }
        """,
        ("tcp dport 22 ct state", "tcp dport 2222 ct state"),
    ),
    "a ban tool": Written(
        "inet",
        "f2b-table",
        """
        set addr-set-sshd { type ipv4_addr; flags interval; auto-merge; elements = { 192.0.2.7, 198.51.100.0/24 } }
        set addr6-set-sshd { type ipv6_addr; elements = { 2001:db8::bad } }
        set addr-set-nginx-http-auth { type ipv4_addr; timeout 10m; gc-interval 1m; comment "10 minutes, then again"; }
        chain f2b-chain { type filter hook input priority filter - 1; policy accept;
            tcp dport 22 ip saddr @addr-set-sshd reject with icmp type port-unreachable
            tcp dport 22 ip6 saddr @addr6-set-sshd reject with icmpv6 type port-unreachable
            tcp dport { 80, 443 } ip saddr @addr-set-nginx-http-auth counter drop
        }
        """,
        ("tcp dport 22 ip saddr", "tcp dport { 22, 2222 } ip saddr"),
    ),
    "a ban tool that counts": Written(
        "ip6",
        "crowdsec6",
        """
        set crowdsec6-blacklists { type ipv6_addr; flags timeout; elements = { 2001:db8::1 timeout 1h, 2001:db8::2 comment "mine: timeout 1h" } }
        set flood { type ipv6_addr; size 65535; flags dynamic,timeout; timeout 1m; }
        set greedy { type ipv6_addr; size 4096; flags dynamic; }
        counter processed { packets 12 bytes 3456
        }
        quota month { over 25000 mbytes used 17 mbytes
        }
        limit calm { rate 10/second burst 5 packets
        }
        limit much { rate over 1 mbytes/second burst 3 mbytes
        }
        chain crowdsec6-chain-input { type filter hook input priority filter - 10; policy accept;
            counter name "processed"
            ip6 saddr @crowdsec6-blacklists counter packets 5 bytes 400 drop
            ct state new add @flood { ip6 saddr limit rate over 10/second burst 20 packets } drop
            tcp dport 443 ct state new add @greedy { ip6 saddr ct count over 20 } counter reject with tcp reset
            quota name "month" drop
            limit name "calm" accept
            udp dport 1-1024 limit name "much" counter drop
            quota over 100 mbytes used 3 mbytes log prefix "over quota: \\"never\\" " drop
        }
        """.replace('\\"never\\"', "'never'"),
        ("udp dport 1-1024", "udp dport 1-1023"),
    ),
    "a hypervisor": Written(
        "ip",
        "libvirt_network",
        """
        chain forward { type filter hook forward priority filter; policy accept;
            counter jump guest_cross
            counter jump guest_input
            counter jump guest_output
        }
        chain guest_output { ip saddr 192.168.122.0/24 iif "lo" counter packets 7 bytes 560 accept
            iifname "virbr0" counter reject
        }
        chain guest_input { oifname "virbr0" ip daddr 192.168.122.0/24 ct state related,established counter accept
            oifname "virbr0" counter reject
        }
        chain guest_cross { iifname "virbr0" oifname "virbr0" counter accept
        }
        chain guest_nat { type nat hook postrouting priority srcnat; policy accept;
            ip saddr 192.168.122.0/24 ip daddr 224.0.0.0/24 counter return
            meta l4proto tcp ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 counter masquerade to :1024-65535
            meta l4proto udp ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 counter masquerade to :1024-65535
            ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 counter masquerade
        }
        """,
        ("ip daddr 224.0.0.0/24 counter return", "ip daddr { 224.0.0.0/24, 255.255.255.255 } counter return"),
    ),
    "a simple firewall in front of iptables": Written(
        "ip6",
        "ufw6",
        """
        chain ufw6-before-input {
            iifname "lo" accept
            rt type 0 drop
            meta l4proto ipv6-icmp icmpv6 type echo-request accept
            icmpv6 type nd-router-solicit ip6 hoplimit 255 accept
            udp sport 547 udp dport 546 ip6 saddr fe80::/10 ip6 daddr fe80::/10 accept
            ip6 daddr ff02::fb udp dport 5353 accept
        }
        chain ufw6-user-limit { limit rate 3/minute burst 5 packets log prefix "[UFW LIMIT BLOCK] "
            reject
        }
        chain ufw6-logging-deny {
            ct state invalid limit rate 3/minute burst 10 packets log prefix "[UFW AUDIT INVALID] " flags all
            limit rate 3/minute burst 10 packets log prefix "[UFW BLOCK] " group 5 queue-threshold 3 snaplen 100
        }
        chain input { type filter hook input priority filter; policy drop;
            jump ufw6-before-input
            tcp dport 22 ct state new jump ufw6-user-limit comment "dapp_OpenSSH; 'limit'"
            jump ufw6-logging-deny
        }
        """,
        ("ip6 hoplimit 255 accept", "ip6 hoplimit 254 accept"),
    ),
    "a router with everything": Written(
        "inet",
        "router",
        """
        comment "router: uplinks, tproxy – Straße 7";
        ct helper sip-5060 { type "sip" protocol udp; l3proto ip; }
        ct timeout long-lived { protocol tcp; l3proto ip; policy = { established : 7200, close_wait : 20 }; }
        ct expectation expected { protocol udp; dport 9876; timeout 2m; size 12; l3proto ip; }
        synproxy https-proxy { mss 1460; wscale 7; timestamp sack-perm; }
        counter lan-out { comment "what the LAN sends"; }
        map uplink { type ipv4_addr : mark; flags interval; elements = { 10.0.0.0/24 : 1, 10.0.1.0-10.0.1.99 : 2 } }
        map counted { type ipv4_addr : counter; elements = { 10.0.0.1 : "lan-out" } }
        map backends { type inet_service : ipv4_addr . inet_service; elements = { 80 : 10.0.0.10 . 8080, 443 : 10.0.0.11 . 8443 } }
        map ports { type inet_service : verdict; flags interval; elements = { 0-1023 : jump low, 1024-65535 : accept } }
        set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80-443, 192.168.1.1 . 22 comment "box, of mine" } }
        set macs { typeof ether saddr; elements = { 00:11:22:33:44:55, 66:77:88:99:aa:bb } }
        set users { type uid; elements = { 0, 1000 } }
        set marks { type mark; elements = { 0x1, 0xff } }
        set states { type ct_state; elements = { new, invalid } }
        set words { type ifname; elements = { "eth0", "wg-Ä" } }
        set constant-ports { type inet_service; flags constant; elements = { 22, 80 } }
        set small { type ipv4_addr; policy memory; size 16; elements = { 10.0.0.1 } }
        chain low { tcp flags & (fin|syn|rst|ack) == syn counter
        }
        chain steer { type filter hook prerouting priority mangle; policy accept;
            meta mark set ip saddr map @uplink
            counter name ip saddr map @counted
            ct mark set jhash ip saddr . tcp sport mod 4 seed 0xdeadbeef offset 10
            meta mark set numgen inc mod 3 offset 100
            meta mark set symhash mod 2
            socket transparent 1 meta mark set 0x00000001 accept
            meta l4proto tcp tproxy ip to 127.0.0.1:15001 accept
            tcp dport 8000-8100 tproxy to :15002
            osf name "Linux" counter
            ip dscp set cs1
            meta priority set 1:10
            ct zone set 7
            meta pkttype { broadcast, multicast } drop
            meta hour "08:00"-"17:30" meta day { 1, 2 } counter
        }
        chain proxied { type filter hook forward priority filter; policy drop;
            tcp dport 443 ct state invalid,untracked synproxy name "https-proxy"
            tcp dport 444 synproxy mss 1400 wscale 9 timestamp sack-perm
            udp dport 5060 ct helper set "sip-5060"
            tcp dport 22 ct timeout set "long-lived"
            udp dport 9875 ct expectation set "expected"
            tcp option maxseg size set rt mtu
            th dport vmap @ports
            ip saddr . tcp dport @pairs accept
            ether saddr @macs meta skuid @users ct state @states accept
            iifname @words oifname { "eth0", "wg1" } accept comment "ünïcode; {braces} # and 'quotes'"
            ct state vmap { established : accept, related : accept, invalid : drop }
            ip daddr 10.0.0.0/8 @nh,96,32 & 0xffffff00 == 0x0a000000 accept
            @th,16,16 53 drop
            fib saddr . iif oif eq 0 drop
            ct original ip saddr 10.0.0.1 ct original bytes > 1000000 log level debug
        }
        chain inside { type nat hook prerouting priority dstnat; policy accept;
            dnat ip addr . port to tcp dport map @backends
            udp dport 9 dnat ip to 10.0.0.0-10.0.0.9:8080 random,persistent
            ip6 daddr 2001:db8::1 tcp dport 81 dnat ip6 to [2001:db8::2]:80
            tcp dport 8 redirect to :3128
        }
        """,
        ("log level debug", "log level info"),
    ),
    "neighbours": Written(
        "arp",
        "arp-guard",
        """
        set allowed { type ipv4_addr . ether_addr; elements = { 10.0.0.1 . 00:11:22:33:44:55 } }
        chain input { type filter hook input priority filter; policy drop;
            arp operation request arp saddr ip 10.0.0.0/24 counter accept
            arp operation reply arp saddr ip . arp saddr ether @allowed accept
            arp htype 1 arp ptype ip arp hlen 6 arp plen 4 limit rate 5/second accept
        }
        """,
        ("arp saddr ip 10.0.0.0/24", "arp saddr ip 10.0.0.0/25"),
    ),
    "a bridge": Written(
        "bridge",
        "vlans",
        """
        set stations { type ether_addr; elements = { 02:00:00:00:00:01 } }
        chain forward { type filter hook forward priority filter; policy accept;
            ether type arp accept
            ether type vlan vlan id 4094 vlan pcp 3 drop
            ether saddr @stations ip protocol udp udp dport 67 counter
            ip saddr 10.0.0.1 ether saddr != 02:00:00:00:00:01 log prefix "spoofed " drop
            meta protocol ip6 icmpv6 type nd-router-advert drop
        }
        """,
        ("vlan pcp 3 drop", "vlan pcp 4 drop"),
    ),
    "early drops": Written(
        "netdev",
        "early",
        """
        set bogons { type ipv4_addr; flags interval; elements = { 0.0.0.0/8, 240.0.0.0/4 } }
        map verdicts { type ipv4_addr : verdict; elements = { 192.0.2.1 : drop } }
        chain ingress { type filter hook ingress device "lo" priority -500; policy accept;
            ip frag-off & 0x1fff != 0 counter drop
            ip saddr @bogons counter packets 3 bytes 99 drop
            tcp flags & (fin|psh|urg) == fin|psh|urg drop
            tcp option maxseg size 1-500 drop
            ip saddr vmap @verdicts
            fwd to "lo"
        }
        """,
        ("maxseg size 1-500", "maxseg size 1-535"),
    ),
    "asleep": Written(
        "inet",
        "asleep",
        """
        flags dormant;
        set s { type ipv4_addr; flags dynamic; limit rate 1/second burst 5 packets counter; }
        set t { type ipv4_addr; flags dynamic; ct count over 20; }
        set q { type ipv4_addr; counter quota 500 bytes; elements = { 10.0.0.1 } }
        chain leaving { type filter hook output priority filter; policy drop;
            ip daddr @q accept
        }
        """,
        ("ip daddr @q accept", "ip daddr @q counter accept"),
    ),
    "what newer versions know": Written(
        "inet",
        "newer",
        """
        set interfaces { type ifname; flags interval; elements = { "eth0", "wg*" } }
        set seen { type ipv4_addr; last; timeout 1h; gc-interval 5m; }
        map shaped { type ipv4_addr : verdict; counter; elements = { 10.0.0.1 counter packets 0 bytes 0 : drop } }
        map judged { typeof ip daddr . meta l4proto : verdict; flags interval; elements = { 10.0.0.0/8 . 6 : accept } }
        chain inbound { type filter hook input priority filter; policy accept;
            iifname @interfaces oifname { "lo", "wg*" } accept
            tcp flags syn / fin,syn,rst,ack last accept
            ct state vmap { established counter : accept, invalid counter : drop }
            ip saddr vmap @shaped
            ip daddr . meta l4proto vmap @judged
        }
        """,
        ("last accept", "last drop"),
        (1, 1),
    ),
}
