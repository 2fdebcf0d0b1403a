# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the guard that are sent to a host alone, without Ansible's module framework and the guard's sources.

Those cost a host ten times what such a question does. The module is the file of egress_apply.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction

MODULE = "egress_apply"


def program(of: ModuleType) -> str:
    """Return the source of a module whose ``main`` answers a request, with the call of it."""
    return f"{Path(str(of.__file__)).read_text(encoding='utf-8')}\nmain(json.loads(REQUEST))\n"


def run(action: TidegateAction, source: str, request: Mapping[str, Any]) -> Any:
    """Return what a program answers on the action's host. Raise AnsibleConnectionFailure for one out of reach."""
    return action.execute(MODULE, {"program": source, **request})
