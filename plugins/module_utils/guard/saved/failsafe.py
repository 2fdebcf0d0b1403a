# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table for the worst day: the saved policy cannot be loaded, and still nobody is locked out.

Replies, loopback, ICMP errors and neighbour discovery, memberships, DHCP, DNS and NTP. Replies of inbound SSH pass
twice: as established connections, and as TCP segments that open nothing, for a kernel that does not know the
connection.
"""

from __future__ import annotations

import ipaddress
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import FAILSAFE_COUNTER, OUTPUT_CHAIN, TABLE

from . import settings
from .settings import Settings

_FLOOR = """\
		oifname "lo" accept
		ct state established,related accept
		tcp flags & (fin | syn | rst | ack) != syn accept
		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
		icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
		icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept
		ip daddr 224.0.0.0/4 meta l4proto 2 accept
		meta nfproto ipv4 udp sport 68 udp dport 67 accept
		ip6 daddr { fe80::/10, ff02::1:2 } udp sport 546 udp dport 547 accept
"""
_REFUSAL = """\
		meta l4proto 6 reject with tcp reset
		reject with icmpx type admin-prohibited
"""


def table(chosen: Settings) -> str:
    """Return the table.

    In observe mode it lets everything through and counts, for nothing was refused before either.
    """
    refuses = chosen.mode == "enforce"
    servers = _servers(chosen.dns, "meta l4proto { 6, 17 } th dport { 53, 853 }") + _servers(
        chosen.ntp, "udp dport 123"
    )
    return (
        f"table {' '.join(TABLE)} {{\n"
        f"\tcounter {FAILSAFE_COUNTER} {{\n\t\tpackets 0 bytes 0\n\t}}\n\n"
        f"\tchain {OUTPUT_CHAIN} {{\n"
        f"\t\ttype filter hook output priority 0; policy {'drop' if refuses else 'accept'};\n"
        f"{_FLOOR}{servers}"
        f'\t\tcounter name "{FAILSAFE_COUNTER}"\n'
        f"{_REFUSAL if refuses else ''}"
        "\t}\n}\n"
    )


def script(chosen: Settings) -> bytes:
    """Return the table as the file that nft alone loads at a boot without Python."""
    return restore.script(table(chosen)).encode()


def keep(paths: Paths, chosen: Settings) -> None:
    """Make these the settings of a host that has some already. Raise GuardError when they cannot be written."""
    files.write(paths.settings, settings.dump(chosen))
    files.write(paths.failsafe, script(chosen))


def _servers(networks: Sequence[str], match: str) -> str:
    """Return the rules that let a service out to its servers, to any when none is known."""
    if not networks:
        return f"\t\t{match} accept\n"
    text = ""
    for family, version in (("ip", 4), ("ip6", 6)):
        those = [network for network in networks if ipaddress.ip_network(network).version == version]
        if those:
            text += f"\t\t{family} daddr {{ {', '.join(those)} }} {match} accept\n"
    return text
