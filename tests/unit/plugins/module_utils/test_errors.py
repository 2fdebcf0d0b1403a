# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module's failure holds."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError, report_errors
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import REASONS, bad_spec


class Module:
    """What of AnsibleModule a failure uses."""

    def fail_json(self, **failure: Any) -> None:
        self.failure = failure
        raise SystemExit(1)


def failure_of(error: BaseException) -> dict[str, Any]:
    module = Module()
    with pytest.raises(SystemExit), report_errors(module):
        raise error
    return module.failure


def test_an_error_of_the_arguments_names_the_place() -> None:
    assert failure_of(bad_spec("tables[0].name", "'a b' is not a name.")) == {
        "msg": "tables[0].name: 'a b' is not a name. Nothing was changed.",
        "reason": "bad_spec",
        "where": "tables[0].name",
    }


def test_details_are_keys_of_the_failure() -> None:
    error = TidegateError("busy", "Another run holds the lock.", details={"holder": 17})
    assert failure_of(error) == {"msg": "Another run holds the lock.", "reason": "busy", "where": "", "holder": 17}


def test_a_lack_of_memory_is_a_failure_with_a_reason() -> None:
    failure = failure_of(MemoryError())
    assert failure["reason"] == "no_memory"
    assert failure["reason"] in REASONS
    assert "raise the limit and run again" in failure["msg"]


def test_other_errors_and_the_end_of_a_module_pass() -> None:
    module = Module()
    with pytest.raises(ZeroDivisionError), report_errors(module):
        raise ZeroDivisionError
    with pytest.raises(SystemExit) as end, report_errors(module):
        raise SystemExit(0)
    assert end.value.code == 0
