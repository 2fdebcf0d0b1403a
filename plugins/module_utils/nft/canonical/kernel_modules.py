# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this kernel may lack when it answers "No such file or directory" to an object or a statement."""

from __future__ import annotations

import re

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens

_OBJECTS = {
    "flowtable": "flowtables (modules nf_flow_table and nf_flow_table_inet)",
    "secmark": "security marks (CONFIG_NETWORK_SECMARK), or its security module does not know this context",
    "ct helper": "connection tracking helper of this type (module nf_conntrack_TYPE, such as nf_conntrack_ftp)",
    "ct timeout": "timeouts of connections (module nfnetlink_cttimeout)",
    "synproxy": "synproxies (module nft_synproxy)",
}
_STATEMENTS = {
    "flow": "flowtables (modules nf_flow_table and nf_flow_table_inet)",
    "queue": "queues to programs (module nft_queue)",
    "osf": "fingerprints of systems (module nft_osf)",
    "tproxy": "transparent proxies (module nft_tproxy)",
    "synproxy": "synproxies (module nft_synproxy)",
    "socket": "lookups of sockets (module nft_socket)",
    "fib": "lookups of routes (module nft_fib_inet)",
    "numgen": "number generators (module nft_numgen)",
    "masquerade": "masquerading (module nft_masq)",
    "redirect": "redirections (module nft_redir)",
    "count": "counts of connections (module nft_connlimit)",
    "ct": "connection tracking (module nft_ct)",
    "log": "logging (modules nft_log and nf_log_syslog)",
    "reject": "rejections (modules nft_reject and nft_reject_inet)",
    "limit": "limits (module nft_limit)",
    "quota": "quotas (module nft_quota)",
}
"""What a kernel may lack, by a word of the statement. Kernels of containers and small devices lack common ones, too."""


def of_object(header: str) -> str:
    """Return what the kernel of a rejected object lacks, "" when that is unknown. header: kind and name."""
    return _OBJECTS.get(header.rpartition(" ")[0], "")


def of_rule(text: str) -> str:
    """Return what the kernel of a rejected rule may lack, "" for nothing."""
    words = re.findall(r"[^\s{},;]+", tokens.unquoted(text))
    return " or ".join(dict.fromkeys(_STATEMENTS[word] for word in words if word in _STATEMENTS))
