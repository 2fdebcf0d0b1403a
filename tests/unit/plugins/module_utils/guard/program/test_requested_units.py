# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says that cannot tell units apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import requested_units
from ansible_collections.tidegate.nftables.plugins.module_utils.units import cgroups

UNITS = {"units_a.service": ["a.service"]}


class Nft:
    """Stands for the binary, of which only the version counts here."""

    def version(self) -> str:
        return "0.9.8"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A host with systemd and a pure tree, and an old nft."""
    monkeypatch.setattr(clock, "systemd_runs", lambda _paths: True)
    monkeypatch.setattr(cgroups, "is_pure", lambda: True)
    monkeypatch.setattr(requested_units, "Nft", Nft)
    return Paths(str(tmp_path))


def error(host: Paths, values: Any) -> TidegateError:
    with pytest.raises(TidegateError) as raised:
        requested_units.of_module(host, values)
    return raised.value


def test_one_clear_error_for_each_host_that_cannot(host: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    assert error(host, UNITS).reason == "nft_too_old"
    monkeypatch.setattr(cgroups, "is_pure", lambda: False)
    assert error(host, UNITS).reason == "no_cgroup_v2"
    assert "systemd.unified_cgroup_hierarchy=1" in str(error(host, UNITS))
    monkeypatch.setattr(clock, "systemd_runs", lambda _paths: False)
    assert "does not run systemd" in str(error(host, UNITS))
    assert requested_units.of_module(host, None) == {}


@pytest.mark.parametrize("values", [{"units_a": []}, {"allow_a4": ["a.service"]}, {"units_a": ["../a.service"]}])
def test_what_is_no_document_is_refused(host: Paths, values: Any) -> None:
    assert error(host, values).reason == "bad_request"


def test_a_ledger_with_units_needs_the_same_nft(host: Paths) -> None:
    requested_units.need_ledger([{"sets": [{"name": "denied4"}]}])
    with pytest.raises(TidegateError) as raised:
        requested_units.need_ledger([{"sets": [{"name": "denied_unit4"}]}])
    assert raised.value.reason == "nft_too_old"
