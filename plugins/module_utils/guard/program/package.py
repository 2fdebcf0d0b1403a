# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed program: the guard and what it needs of the nft engine, as one file that Python runs (zipapp).

It is a zip archive after a line with the interpreter, uncompressed, so that `less` on a host shows the sources. One
rename replaces it, so a rollback timer never runs half an update. Beside each module is the module compiled for this
host's Python, which checks that it is of that source (PEP 552); for another Python, the sources are there.
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import os
import subprocess
import sys
import zipfile
from functools import lru_cache
from typing import Any, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import installed
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.systemd_units import FOLLOW_UNITS, RESOLVE
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import timer

from . import cli, follow_units, parts, resolve, timed_rollback

OLDEST = (3, 8)
_SYSTEM = "/usr/bin/python3"
# From the imported module: Ansible sends to the host what is imported.
# The resolver, what units run, and a rollback timer need a part of the modules, all of which Python would compile anew.
_MAIN = f"""\
import sys

if sys.argv[1:] == ["{RESOLVE}"]:
    from {resolve.__name__} import main
elif sys.argv[1:2] == ["{FOLLOW_UNITS}"]:
    from {follow_units.__name__} import main
elif len(sys.argv) == 3 and sys.argv[1] in ("{timer.WAIT_COMMAND}", "{timer.COMMAND}"):
    from {timed_rollback.__name__} import main
else:
    from {cli.__name__} import main

sys.exit(main())
"""
_DATE = (1980, 1, 1, 0, 0, 0)


@lru_cache(maxsize=1)
def build() -> bytes:
    """Return the program, with a seal at its end (guard/installed.py)."""
    # -I: the environment and the user's folders do not change what is imported. -S: site packages do not either.
    archive, sources, magic = io.BytesIO(), _sources(), _magic()
    archive.write(_first_line())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as folder:
        for name, source in sorted(sources.items()):
            _add(folder, name, source)
        for name, source in sorted(sources.items()) if any(magic) else ():
            _add(folder, f"{name}c", _compiled(name, source))
    # The last two bytes of an archive are the length of the comment behind it.
    content = archive.getvalue()[:-2] + installed.SEAL.to_bytes(2, "little")
    return content + installed.seal(content, _digest(sources), magic)


def is_built(data: bytes) -> bool:
    """Return whether a program on this host is as `build` makes it, without building it."""
    return installed.sealed(data) == (_digest(_sources()), _magic()) and data.startswith(_first_line())


def _first_line() -> bytes:
    return f"#!{interpreter()} -IS\n".encode()


def _magic() -> bytes:
    """Return the magic number of the modules in the program, zeros where they are not compiled."""
    own = importlib.util.MAGIC_NUMBER
    return own if _is_own(interpreter()) or _about(interpreter())[1:] == (own.hex(),) else bytes(4)


def _digest(sources: Mapping[str, bytes]) -> str:
    return parts.digest(lambda name: sources[_path(name)])


def _path(name: str) -> str:
    return f"{parts.ROOMS}.{name}".replace(".", "/") + ".py"


def _add(folder: zipfile.ZipFile, name: str, content: bytes) -> None:
    about = zipfile.ZipInfo(name, _DATE)
    about.create_system = 3
    about.external_attr = 0o644 << 16
    folder.writestr(about, content)


def _compiled(name: str, source: bytes) -> bytes:
    """Return a module as Python keeps it in a file: magic number, flags (checked by hash), hash, code (PEP 552)."""
    code = compile(source, name, "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + b"\3\0\0\0" + importlib.util.source_hash(source) + marshal.dumps(code)


def shown(content: str) -> str:
    """Return a file's text for a diff; for the program only its size."""
    return f"(a program, {len(content)} bytes)\n" if "PK\x03\x04" in content[:200] else content


def interpreter() -> str:
    """Return the Python that runs the program: the system's, whose path survives upgrades of the system.

    Where that is missing or too old, the Python that runs the module.
    """
    if _is_own(_SYSTEM) or _about(_SYSTEM)[:1] >= (OLDEST,):
        return _SYSTEM
    if not sys.executable:
        raise GuardError(
            "bad_request",
            f"The program needs a Python: there is no {_SYSTEM}, and the path of this one is unknown. {UNCHANGED}",
        )
    return sys.executable


def _is_own(path: str) -> bool:
    return os.path.realpath(path) == os.path.realpath(sys.executable)


@lru_cache(maxsize=None)
def _about(path: str) -> tuple[Any, ...]:
    """Return version and magic number of a Python, nothing where it does not run."""
    asked = "import sys, importlib.util as util; print(*sys.version_info[:2], util.MAGIC_NUMBER.hex())"
    try:
        done = subprocess.run(
            [path, "-IS", "-c", asked],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ()
    major, minor, magic = done.stdout.split()
    return (int(major), int(minor)), magic


@lru_cache(maxsize=1)
def _sources() -> Mapping[str, bytes]:
    sources = {"__main__.py": _MAIN.encode()}
    above = parts.ROOMS.split(".")
    packages = [above[:depth] for depth in range(1, len(above) + 1)]
    for room in [*packages, *([*above, *room.split(".")] for room in parts.PARTS if room)]:
        sources["/".join([*room, "__init__.py"])] = b""
    for name in parts.names():
        spec = importlib.util.find_spec(f"{parts.ROOMS}.{name}")
        loader: Any = spec.loader if spec else None
        source: str | bytes | None = loader.get_source(f"{parts.ROOMS}.{name}") if loader else None
        if source is None:
            raise GuardError("bad_request", f"The source of {name} cannot be read. {UNCHANGED}")
        # Ansible's own loader, of a program that it imports from the checkout, gives bytes.
        sources[_path(name)] = source if isinstance(source, bytes) else source.encode()
    return sources
