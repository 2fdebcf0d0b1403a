# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the installed program is made of: the guard, and what it imports of the other rooms."""

from __future__ import annotations

import hashlib
from typing import Callable, Iterator, Mapping

ROOMS = "ansible_collections.tidegate.nftables.plugins.module_utils"
PARTS: Mapping[str, str] = {
    "": (
        "bridges connection_tracking domain_names errors files intervals printable protocols suggested_entries "
        "table_names unit_names unit_protections"
    ),
    "guard": "apply installed run_module unchanged",
    "guard.host": (
        "background clock errors files lock name_service paths ssh_session system_log systemd_units ulogd unit_files"
    ),
    "guard.program": (
        "arguments ask boot cli console emergency exporter follow_units followed_units install manual names "
        "names_watch package parts proxy_files report requested_names requested_units resolve temporary_allow "
        "terminal timed_rollback unchanged_record uninstall watcher"
    ),
    "guard.saved": (
        "before_change confirmed_policy failsafe failsafe_records history host_floor journal last_loaded pending "
        "recorded_content recorded_table records request resolver_document running_time settings"
    ),
    "guard.sight": (
        "allowed_flows answer denied_ledger evaluate explain flow_lines kept_ledger ledger_facts level login_needs "
        "metrics observed own_connection preflight_gate status temporary_allows verdict"
    ),
    "guard.table": "blocks desired fingerprint hand_edits host live_table older_connections restore unit_sets",
    "guard.trial": "commit_confirm decide policy_tests rollback timer waiting",
    "netlink": (
        "batch commits connection counted_elements declaration decode difference element_changes elements errors "
        "garbage_collection handles made_elements namespace plain_elements read_elements rule_counters ruleset sets "
        "snapshot snapshot_changes snapshot_difference tables text typed_sets wire"
    ),
    "nft": "command engine errors mirror nf_tables",
    "nft.canonical": "draft kernel_modules preview roundtrip_check scratch words",
    "nft.changes": (
        "applicable desired_elements desired_table elements_plan plan reference_check removals result rules "
        "rules_plan sequence transaction version_quirks"
    ),
    "nft.desired": (
        "arguments element_files expand_files hooks parse parse_sets resolvers rule_addresses spec table_text tokens "
        "users validate"
    ),
    "nft.live": "cut element_intervals listing literals model reader references render typed_tables",
    "nft.netlink_path": "direct edits file_elements file_set_changes file_set_store file_sets named_elements",
    "nft.runs": (
        "chunks created_anew full misplaced new_sets_first planning rejection run_plan table_info text_tables"
    ),
    "nft.state": "last_run persist proof run_directory",
    "preflight": (
        "effects facts findings foreign_tables forwarding host_files iptables loaders need needs_dns_ntp "
        "needs_software program"
    ),
    "probe": "arguments cgroup loop model payload run users",
    "proxy": "access_log health",
    "resolver": (
        "answers configuration directory document kernel messages periodic question record service shares "
        "unbound_module writer"
    ),
    "units": "cgroups fill keys probe_cgroups temporary",
}
"""By room below ROOMS: its modules."""


def names() -> Iterator[str]:
    """Yield the modules below ROOMS, such as guard.apply."""
    for room, modules in PARTS.items():
        yield from (f"{room}.{module}".lstrip(".") for module in modules.split())


def digest(source: Callable[[str], bytes]) -> str:
    """Return the checksum of these modules, by which controller and host know whether they have the same ones.

    source: returns that of a module, by its name below ROOMS.
    """
    checksum = hashlib.sha256()
    for name in names():
        text = source(name)
        checksum.update(f"{name} {len(text)} ".encode() + text)
    return checksum.hexdigest()
