# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's parameters to its result: what all modules share."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.engine import Engine
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.spec import TableSpec


def run(argument_spec: Mapping[str, Any], read: Callable[[dict[str, Any]], Sequence[TableSpec]], **rules: Any) -> None:
    """Run a module that makes tables so. read: from its parameters to the tables; rules: what else AnsibleModule takes."""
    module = AnsibleModule(argument_spec=dict(argument_spec), supports_check_mode=True, **rules)
    try:
        wanted = read(module.params)
        result = Engine(Nft(), check=module.check_mode).run(wanted)
    except EngineError as error:
        module.fail_json(msg=str(error), reason=error.reason, where=error.where)
    module.exit_json(**result.as_dict())
