# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of this collection in Ansible's zip are compiled once, and are otherwise as Python imports them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import nft, zip_import

PACKAGE = zip_import.__name__.rpartition(".")[0]
PROGRAM = """
import collections, importlib, json, sys, traceback
compiled = collections.Counter()
sys.addaudithook(lambda event, arguments: event == "compile" and compiled.update([str(arguments[1])]))
package, name = sys.argv[1:]
nft = importlib.import_module(f"{package}.nft")
inner = importlib.import_module(f"{package}.nft.room")
try:
    importlib.import_module(name).fail()
except ValueError:
    trace = traceback.format_exc()
print(json.dumps({
    "compiled": {name.rpartition("module_utils/")[2]: times for name, times in compiled.items()},
    "files": [nft.__file__, inner.__file__, sys.modules[name].__file__],
    "package": inner.__package__,
    "trace": trace,
}))
"""


def import_from_zip(folder: Path, **sources: str) -> dict[str, Any]:
    """What a program reports that imports ``nft.room.module`` from a zip as Ansible sends it."""
    path = folder / "module.zip"
    parents = PACKAGE.split(".")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for depth in range(1, len(parents) + 1):
            archive.writestr("/".join([*parents[:depth], "__init__.py"]), "")
        base = "/".join(parents)
        archive.write(str(zip_import.__file__), f"{base}/zip_import.py")
        archive.write(str(nft.__file__), f"{base}/nft/__init__.py")
        archive.writestr(f"{base}/nft/room/__init__.py", "")
        for name, source in sources.items():
            archive.writestr(f"{base}/nft/room/{name}.py", source)
    # -S: site packages would bring the checkout, which is no zip.
    command = [sys.executable, "-S", "-c", PROGRAM, PACKAGE, f"{PACKAGE}.nft.room.module"]
    environment = {**os.environ, "PYTHONPATH": str(path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


SOURCE = "from . import other\n\n\ndef fail():\n    raise ValueError(other.TEXT)\n"


def test_each_module_after_the_first_package_is_compiled_once(tmp_path: Path) -> None:
    compiled = import_from_zip(tmp_path, module=SOURCE, other="TEXT = 'reason'\n")["compiled"]
    assert {name: times for name, times in compiled.items() if name.startswith("nft/room/")} == {
        "nft/room/__init__.py": 1,
        "nft/room/module.py": 1,
        "nft/room/other.py": 1,
    }


def test_modules_know_their_place_and_a_traceback_shows_their_source(tmp_path: Path) -> None:
    report = import_from_zip(tmp_path, module=SOURCE, other="TEXT = 'reason'\n")
    base = f"{tmp_path}/module.zip/{PACKAGE.replace('.', '/')}/nft"
    assert report["files"] == [f"{base}/__init__.py", f"{base}/room/__init__.py", f"{base}/room/module.py"]
    assert report["package"] == f"{PACKAGE}.nft.room"
    assert "raise ValueError(other.TEXT)" in report["trace"]


def test_nothing_is_installed_outside_of_a_zip() -> None:
    before = list(sys.meta_path)
    zip_import.install()
    assert sys.meta_path == before
