# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import this collection's modules from Ansible's zip with one compilation each.

Ansible sends a task as a zip of sources. Python compiles each module in it twice: once to learn its file name
(zipimport.zipimporter.get_filename) and once to run it. A specification that has the file name saves the first.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Sequence
from zipimport import ZipImportError, zipimporter

_COLLECTION = f"{__name__.partition('.plugins.')[0]}."


class _ZipFinder:
    """Finds the modules of this collection in a zip, and nothing else."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """Return how to import a module; None where Python's own finders are to look for it."""
        if not name.startswith(_COLLECTION):
            return None
        for entry in path or ():
            try:
                loader: Any = zipimporter(entry)
                is_package = loader.is_package(name)
            except ZipImportError:
                continue
            base = f"{entry}{os.sep}{name.rpartition('.')[2]}"
            spec = ModuleSpec(name, loader, origin=f"{base}{os.sep}__init__.py" if is_package else f"{base}.py")
            spec.has_location = True
            spec.submodule_search_locations = [base] if is_package else None
            return spec
        return None


def install() -> None:
    """Use one compilation for what is imported from now on; nothing changes when this module is not from a zip."""
    if isinstance(globals().get("__loader__"), zipimporter) and _ZipFinder not in sys.meta_path:
        sys.meta_path.insert(0, _ZipFinder)
