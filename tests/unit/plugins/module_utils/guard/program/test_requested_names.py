# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host needs for a resolver, said before anything is changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import requested_names
from ansible_collections.tidegate.nftables.tests.support.resolver import DOCUMENT

TEXT = json.dumps(DOCUMENT)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A host with nothing but setpriv."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    install(tmp_path / "bin" / "setpriv")
    return Paths(str(tmp_path))


def install(program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.touch(0o755)


def test_missing_packages_stop_a_run_and_not_a_dry_run(host: Paths) -> None:
    with pytest.raises(GuardError) as failed:
        requested_names.missing(host, TEXT, check=False)
    assert failed.value.reason == "unbound_missing"
    assert failed.value.details == {"missing_packages": ["unbound", "python3-unbound"]}
    (warning,) = requested_names.missing(host, TEXT, check=True)
    assert "does not have unbound and python3-unbound" in warning


def test_a_host_without_names_or_with_periodic_ones_needs_nothing(host: Paths) -> None:
    assert requested_names.missing(host, "", check=False) == []
    assert requested_names.missing(host, json.dumps({**DOCUMENT, "mode": "periodic"}), check=False) == []


def test_what_is_there_is_not_missing(host: Paths) -> None:
    for name in ("unbound", "unbound-checkconf"):
        install(host.at(f"/bin/{name}"))
    with pytest.raises(GuardError) as failed:
        requested_names.missing(host, TEXT, check=False)
    assert failed.value.details == {"missing_packages": ["python3-unbound"]}
    install(host.at("/usr/lib/python3/dist-packages/unboundmodule.py"))
    assert requested_names.missing(host, TEXT, check=False) == []
