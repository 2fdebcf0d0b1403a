# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may read which names the programs of a host ask for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.record import Record

READERS = {
    # As the watcher and egress-why are confined, and root of a container that has no capability for files.
    "root without a capability": (("--bounding-set=-all", "--inh-caps=-all"), True),
    "another user": (("--reuid=65533", "--regid=65533", "--clear-groups"), False),
    "another user in root's group": (("--reuid=65533", "--regid=0", "--clear-groups"), False),
    "a user in the resolver's group": (("--reuid=65533", "--regid=65534", "--clear-groups"), False),
}


@pytest.mark.parametrize(("options", "may"), READERS.values(), ids=READERS)
def test_root_alone_reads_what_the_resolver_recorded(tmp_path: Path, options: tuple[str, ...], may: bool) -> None:
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    path = tmp_path / "record.json"
    for _again in range(2):
        # A second time, for the writer writes over what is left of the first.
        record = Record(path, lambda _line: None)
        record.other("secret.example.net.", [bytes((192, 0, 2, 1))])
        record.save(now=True)
        os.chown(path, 65534, 65534)

    read = subprocess.run(["setpriv", *options, "cat", path], capture_output=True, text=True, check=False)

    assert (read.returncode == 0) == ("secret.example.net" in read.stdout) == may, read
