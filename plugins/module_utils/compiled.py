# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own modules compiled once and not on each run.

Ansible sends a task as a zip of sources, in a folder of its own, and Python compiles all that is imported from it, and
that twice (zipimport.get_filename compiles, too): most of what an unchanged run would take beyond a module that does
nothing. What was compiled is kept in the run directory,
by the SHA-256 of its source, so that another source is never taken for it. The directory and the file have to be this
user's own and closed to others, as for Python's own __pycache__; else, and wherever anything fails, it is compiled.
"""

from __future__ import annotations

import atexit
import hashlib
import marshal
import os
import stat
import sys
from importlib.machinery import ModuleSpec
from importlib.util import MAGIC_NUMBER
from types import CodeType, ModuleType
from typing import Any, Sequence
from zipimport import ZipImportError, zipimporter

DEFAULT = "/run/tidegate"
VARIABLE = "TIDEGATE_RUN_DIR"
"""Environment variable that names another run directory than DEFAULT."""

FILE = "code"
"""Beginning of the file's name; what Python it is for follows."""

_ROOM = f"{__name__.rpartition('.')[0]}."
_SUM = 32


def directory() -> str:
    """Return the path of the run directory."""
    return os.environ.get(VARIABLE) or DEFAULT


def own(about: os.stat_result) -> bool:
    """Whether something belongs to this user and nobody else can write to it."""
    return about.st_uid == os.geteuid() and not about.st_mode & 0o022


class Finder:
    """Finds our modules where Python does, and has those of a zip loaded from what was compiled before."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._path = os.path.join(folder, f"{FILE}.{sys.implementation.cache_tag}.{sys.flags.optimize}")  # noqa: PTH118
        self._known = self._read()
        self._new = False

    def find_spec(self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """Return how to import a module of ours; None for others."""
        if not name.startswith(_ROOM):
            return None
        for place in path or ():
            try:
                inner = zipimporter(place)
                package = inner.is_package(name)
            except ZipImportError:
                continue
            folder = f"{place}{os.sep}{name.rpartition('.')[2]}"
            loader: Any = _Loader(inner, self)
            spec = ModuleSpec(name, loader, origin=f"{folder}{os.sep}__init__.py" if package else f"{folder}.py")
            spec.has_location = True
            spec.submodule_search_locations = [folder] if package else None
            return spec
        return None

    def code(self, name: str, source: bytes) -> CodeType:
        """Return the compiled source of a module."""
        digest = hashlib.sha256(source).digest()
        known, compiled = self._known.get(name, (b"", b""))
        if known == digest:
            found = marshal.loads(compiled)  # noqa: S302  # ours, and whole: see _read
            if isinstance(found, CodeType):
                return found
        made: CodeType = compile(source, f"{name.replace('.', '/')}.py", "exec", dont_inherit=True)
        self._known[name] = (digest, marshal.dumps(made))
        self._new = True
        return made

    def save(self) -> None:
        """Keep what was compiled anew, if there is a directory for it."""
        try:
            if self._new and _is_ours(self._folder):
                content = marshal.dumps(self._known)
                name = os.path.join(self._folder, f"new.{FILE}.{os.getpid()}")  # noqa: PTH118
                number = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                with os.fdopen(number, "wb") as file:
                    file.write(_seal(content) + content)
                os.replace(name, self._path)  # noqa: PTH105
        except OSError:
            return

    def _read(self) -> dict[str, tuple[bytes, bytes]]:
        """Return source's sum and code by module; {} when there is no such file that can be trusted."""
        try:
            if not _is_ours(self._folder):
                return {}
            number = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(number, "rb") as file:
                about = os.fstat(number)
                content = file.read() if stat.S_ISREG(about.st_mode) and own(about) else b""
        except OSError:
            return {}
        if content[:_SUM] != _seal(content[_SUM:]):
            return {}
        found: dict[str, tuple[bytes, bytes]] = marshal.loads(content[_SUM:])  # noqa: S302  # nobody else wrote it
        return found


class _Loader:
    """Loads one module of a zip."""

    def __init__(self, inner: zipimporter, finder: Finder) -> None:
        self._inner = inner
        self._finder = finder

    def create_module(self, _spec: ModuleSpec) -> None:
        """Have Python make the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        source = self._inner.get_data(str(module.__file__))
        exec(self._finder.code(module.__name__, source), module.__dict__)  # noqa: S102  # as Python's own loaders do

    def __getattr__(self, name: str) -> Any:
        """Return what else a loader knows, such as get_source for a traceback."""
        return getattr(self._inner, name)


def _seal(content: bytes) -> bytes:
    """Return a sum that only the same bytes for the same Python have."""
    return hashlib.sha256(MAGIC_NUMBER + content).digest()


def _is_ours(folder: str) -> bool:
    about = os.lstat(folder)
    return stat.S_ISDIR(about.st_mode) and own(about)


def use() -> None:
    """Keep what is imported of ours from now on; nothing happens when it does not come from a zip."""
    loader: object = globals().get("__loader__")
    if isinstance(loader, zipimporter) and not any(isinstance(one, Finder) for one in sys.meta_path):
        finder = Finder(directory())
        sys.meta_path.insert(0, finder)
        atexit.register(finder.save)
