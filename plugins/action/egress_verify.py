# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare what a host's kernel lets through with its policy, for every flow at once."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import host_policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.compare import findings, others
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.sentences import (
    kernel_of,
    not_compared,
    sentence,
)

READER = "tidegate.nftables.egress_kernel"


class ActionModule(ActionBase):
    """The door: the policy and one module run in, sentences out."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what differs; never changed."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec({"fail": {"type": "bool", "default": True}})
        try:
            resolved = host_policy(self, variables)
        except policy.PolicyErrors as errors:
            return {**result, "failed": True, "msg": str(errors)}
        users = sorted({user for entry in resolved.entries for user in entry.users or ()} | resolved.named_users())
        read: dict[str, Any] = self._execute_module(
            module_name=READER, module_args={"users": users}, task_vars=variables
        )
        if read.get("failed"):
            return {**result, **read}
        kernel = kernel_of(read)
        differences = [sentence(one) for one in findings(resolved, kernel)]
        answer = {
            **result,
            "changed": False,
            "equal": not differences,
            "differences": differences,
            "others": [sentence(one) for one in others(resolved, kernel)],
            "not_compared": not_compared(resolved),
        }
        if differences and given["fail"]:
            said = "\n".join(f"  {one}" for one in differences)
            return {**answer, "failed": True, "msg": f"The kernel does not hold what the policy says:\n{said}"}
        return answer
