# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an item of a list was changed last is what version control says of its lines."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory import ages

TEXT = """---
egress_allow_app:
  - name: old
    to:
      - 203.0.113.0/24
    services: [https]

  - {name: one-line, to: [198.51.100.1], services: [http]}
  - name: new
    to: [198.51.100.9]
"""


def commit(folder: Path, when: int) -> None:
    env = {"GIT_AUTHOR_DATE": f"{when} +0000", "GIT_COMMITTER_DATE": f"{when} +0000", "HOME": str(folder)}
    for words in (["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=folder, check=True, env=env)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "app.yml").write_text(TEXT)
    commit(tmp_path, 1_700_000_000)
    (tmp_path / "app.yml").write_text(TEXT.replace("      - 203.0.113.0/24", "      - 203.0.113.0/25"))
    commit(tmp_path, 1_750_000_000)
    for cached in (ages._blame, ages._lines):
        cached.cache_clear()
    return tmp_path


def test_an_item_is_as_old_as_its_newest_line(repository: Path) -> None:
    path = repository / "app.yml"
    assert ages.changed(f"{path}:3:5") == 1_750_000_000
    assert ages.changed(f"{path}:8:5") == 1_700_000_000
    assert ages.changed(f"{path}:9:5") == 1_700_000_000


def test_what_is_not_committed_was_changed_now(repository: Path) -> None:
    path = repository / "app.yml"
    path.write_text(path.read_text().replace("[198.51.100.9]", "[198.51.100.10]"))
    changed = ages.changed(f"{path}:9:5")
    assert changed is not None
    assert changed >= time.time() - 600
    assert ages.changed(f"{path}:8:5") == 1_700_000_000


@pytest.mark.parametrize("origin", ["", "nowhere.yml:3:5", "/:1:1", "text"])
def test_what_no_version_control_knows_is_unknown(origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ages.changed(origin) is None
