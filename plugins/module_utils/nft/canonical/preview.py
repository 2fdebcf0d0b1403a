# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List a desired table as `nft -j list table` would, before it is live."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import resolvers, users
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import ChainSpec, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

from . import scratch
from .draft import ScratchDraft, draft


def objects(nft: Nft, spec: TableSpec, state: RunDirectory) -> list[dict[str, Any]]:
    """Return nft's JSON objects of a desired table, hooks and elements included.

    They come from a scratch table without hooks, which no packet meets. Raise EngineError when nft rejects it.
    """
    resolved, _missing = users.resolve(resolvers.fill(spec))
    scratch_draft = draft(resolved, None)
    name = scratch.name()
    with state.using(name, {"tables": [f"{spec.family} {name}"], "namespace": nf_tables.namespace()}):
        listed_objects = _listed(scratch.as_json(nft, scratch_draft, f"{spec.family} {name}"))
    chains = {chain.name: chain for chain in resolved.chains}
    for item in listed_objects:
        if "chain" in item:
            _hooked(item["chain"], chains.get(item["chain"]["name"]))
        elif "set" in item:
            _filled(item["set"], scratch_draft)
    return listed_objects


def _listed(text: str) -> list[dict[str, Any]]:
    try:
        listed_objects: list[dict[str, Any]] = json.loads(text)["nftables"]
    except (ValueError, KeyError) as error:
        raise EngineError("not_applied", "nft did not list the desired table as JSON.") from error
    return listed_objects


def _hooked(item: dict[str, Any], chain: ChainSpec | None) -> None:
    if chain is not None and chain.hook is not None:
        hook = chain.hook
        item.update({"type": hook.type, "hook": hook.hook, "prio": hook.priority, "policy": hook.policy})


def _filled(item: dict[str, Any], drafted: ScratchDraft) -> None:
    """Add the elements that the scratch table left out."""
    known = drafted.known.get(item["name"])
    if known is not None:
        item["elem"] = [_element(element.canon) for element in known]


def _element(text: str) -> Any:
    """Return an address, network or range as nft's JSON has it."""
    if "/" in text:
        address, _slash, length = text.partition("/")
        return {"prefix": {"addr": address, "len": int(length)}}
    if "-" in text:
        return {"range": text.split("-")}
    return text
