# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a host whether it is as a whole run of the guard recorded it, by a module of a few kilobytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import unchanged
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shapes import UNCHANGED

from . import guard, sent_alone

_PROGRAM = sent_alone.program(unchanged)
_NOT_COMPARED = ("who", "preflight")
"""What of a request a host that is right does not look at: who asks, and what is looked at before a change."""


_NOTHING: Mapping[str, Any] = {
    "changed": False,
    "diff": {"before": "", "after": ""},
    "transaction": "",
    "changes": [],
    "path": "fast",
    "files": [],
    "guard": None,
    "recovered": "",
    "preflight": [],
    "confirmation": None,
    "effects": [],
}
"""What a whole run and its confirmation return where nothing changes, but for what the host adds."""


_OF_HOST = ("missing_users", "missing_units", "names_without_address", "nft_version", "counters")


def digest(request: Mapping[str, Any], guards: str) -> str:
    """Return the checksum of a request for the phase apply that has to be equal for a host to be right.

    guards: the checksum of the guards of its policy, so that a run which changes nothing but a guard says so.
    """
    compared = {key: value for key, value in request.items() if key not in _NOT_COMPARED}
    return hashlib.sha256(json.dumps([guard.SOURCES, guards, compared], sort_keys=True).encode()).hexdigest()


def ask(action: TidegateAction, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a whole run would return of a host where nothing is to be done, None for every other host.

    request: of the phase apply, with its digest. Raise AnsibleConnectionFailure for a host that cannot be reached.
    """
    raw = sent_alone.run(action, _PROGRAM, {"root": request["root"], "digest": request["digest"]})
    answer = action.known_result(sent_alone.MODULE, raw, UNCHANGED)
    if answer.get("failed") or not answer.get("unchanged"):
        action.say_details(f"not as recorded: {answer.get('differs', 'no answer')}")
        return None
    return {**_NOTHING, **{key: value for key, value in answer.items() if key in _OF_HOST}}
