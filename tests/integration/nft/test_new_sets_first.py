# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New sets of intervals come in a transaction of their own: what becomes of them when the rest is refused or killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from .conftest import Lab

CIRCLE = ({"name": "one", "rules": ["jump two"]}, {"name": "two", "rules": ["jump one"]})
"""Chains that nft takes and the kernel refuses when packets would come there."""

HOOK = {"type": "filter", "hook": "output", "priority": 0}


def looking_into(name: str, *chains: dict[str, Any]) -> dict[str, Any]:
    networks = {"name": name, "type": "ipv4_addr", "flags": ["interval"], "elements": ["10.0.0.0/8", "172.16.0.0/12"]}
    rules = [f"ip daddr @{name} accept", *(f"jump {chain['name']}" for chain in chains)]
    return {"name": "t", "sets": [networks], "chains": [{"name": "c", **HOOK, "rules": rules}, *chains]}


def scripts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What nft is given to load from now on."""
    loaded: list[str] = []
    really = Nft.load

    def watched(self: Nft, script: str, *, check: bool = False) -> Any:
        if not check:
            loaded.append(script)
        return really(self, script, check=check)

    monkeypatch.setattr(Nft, "load", watched)
    return loaded


def test_a_set_is_whole_before_a_rule_looks_into_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = scripts(monkeypatch)
    lab.run(looking_into("old"))
    assert "add set inet t new" in lab.predicted(looking_into("new")).transaction
    sets = [at for at, script in enumerate(loaded) if "add element inet t new {" in script]
    rules = [at for at, script in enumerate(loaded) if "@new" in script]
    assert sets
    assert rules
    assert max(sets) < min(rules)


@pytest.mark.parametrize("there", [False, True], ids=["new table", "table"])
def test_when_the_rest_is_refused_nothing_stays(lab: Lab, there: bool) -> None:
    if there:
        lab.run(looking_into("old"))
    before = lab.listing()
    with pytest.raises(EngineError, match="Nothing was changed") as caught:
        lab.run(looking_into("new", *CIRCLE))
    assert caught.value.reason == "rejected_by_nft"
    assert caught.value.where.startswith("tables[0].chains[")
    assert lab.listing() == before


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("there", [False, True], ids=["new table", "table"])
def test_when_nft_is_killed_at_the_rest(binary: str, tmp_path: Path, there: bool, moment: str) -> None:
    lab = Lab(binary, tmp_path / "run")
    if there:
        lab.run(looking_into("old"))
    before = lab.listing()
    wrapper = tmp_path / "nft"
    kill = f'if grep -q "@new" "$2"; then {f"{binary} -f $2;" if moment == "after" else ""} kill -KILL $$; fi'
    wrapper.write_text(f'#!/bin/sh\n[ "$1" = -f ] && {kill}\nexec "{binary}" "$@"\n')
    wrapper.chmod(0o755)
    doomed = Lab(str(wrapper), tmp_path / "run")
    if moment == "after":
        assert doomed.run(looking_into("new")).changed
    else:
        with pytest.raises(EngineError, match="Nothing was changed") as caught:
            doomed.run(looking_into("new"))
        assert caught.value.reason == "nft_crashed"
        assert lab.listing() == before
        lab.run(looking_into("new"))
    lab.settled(looking_into("new"))
