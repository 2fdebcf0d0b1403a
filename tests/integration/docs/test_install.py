# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages say about installing works twice, with the archive and a clone in place of Galaxy and GitHub."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.tidegate.nftables.tests.integration.docs import installed
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.waiting import run

VERSION = "tidegate.nftables 0.1.0"


def test_each_way_to_install_works_again_and_again(tmp_path: Path) -> None:
    environment = installed.environment(tmp_path)
    clone = tmp_path / "clone"
    run(["git", "clone", "--quiet", "--shared", str(CHECKOUT), str(clone)])
    run(["git", "checkout", "--quiet", "-B", "main"], cwd=clone)
    (archive,) = (tmp_path / "archive").glob("*.tar.gz")
    (tmp_path / "requirements.yml").write_text(f"collections: [{{name: 'file://{clone}', type: git, version: main}}]\n")
    for words in (
        ["install", str(archive)],
        ["install", str(archive), "--upgrade"],
        ["install", f"git+file://{clone},main"],
        ["install", f"git+file://{clone},main"],
        ["install", "-r", "requirements.yml"],
    ):
        done = run(["ansible-galaxy", "collection", *words, "--offline"], env=environment, cwd=tmp_path)
        assert "ERROR" not in done.stderr
        listing = run(["ansible-galaxy", "collection", "list", "tidegate.nftables"], env=environment).stdout
        assert VERSION in listing
