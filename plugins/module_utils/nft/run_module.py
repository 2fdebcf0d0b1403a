# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module from its parameters to its result: the common part of all nft_* modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import report_errors
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import FAMILIES, TableSpec

from . import nf_tables
from .command import Nft
from .engine import Engine

if TYPE_CHECKING:
    from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state import persist

FAMILY: dict[str, Any] = {"type": "str", "choices": list(FAMILIES), "default": "inet"}
STATE: dict[str, Any] = {"type": "str", "choices": ["present", "absent"], "default": "present"}
IN_TABLE: dict[str, Any] = {"family": FAMILY, "table": {"type": "str", "required": True}, "state": STATE}
"""Options of every module that owns an object of a table."""
SET_PROPERTIES: dict[str, Any] = {
    "flags": {"type": "list", "elements": "str", "choices": ["constant", "interval", "timeout", "dynamic"]},
    "timeout": {"type": "str"},
    "gc_interval": {"type": "str"},
    "size": {"type": "int"},
    "auto_merge": {"type": "bool"},
    "counter": {"type": "bool"},
    "statements": {"type": "str"},
    "policy": {"type": "str", "choices": ["performance", "memory"]},
    "comment": {"type": "str"},
}
"""Options of sets and maps, apart from their elements."""


def _persist_file(path: str) -> persist.PersistFile:
    from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state import persist

    return persist.PersistFile(path)


def run(options: Mapping[str, Any], read: Callable[[dict[str, Any]], Sequence[TableSpec]], **rules: Any) -> None:
    """Run a module. options: argument_spec; rules: more arguments of AnsibleModule; read: from params to tables."""
    module = AnsibleModule(argument_spec=dict(options), supports_check_mode=True, **rules)
    with report_errors(module):
        desired = read(module.params)
        path = module.params.get("persist")
        save = _persist_file(path) if path else None
        result = Engine(Nft(), check=module.check_mode).run(desired, save)
        counted = desired if module.params.get("counters") else ()
        counts = {f"{spec.family} {spec.name}": nf_tables.counters(spec.family, spec.name) for spec in counted}
    for warning in result.warnings:
        module.warn(warning)
    module.exit_json(**result.as_dict(), **({"counters": counts} if counted else {}))
