# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that a policy reads of other hosts, read once a run.

Ansible calculates all variables of a host to tell one of them, about a millisecond each. Every worker would ask for the
hosts of every pattern, so a fleet would take time by its square. Values without templates are therefore kept in a file
of the run that all workers share.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ansible.errors import AnsibleError

NAMES = ("egress_addresses", "ansible_host", "egress_tier")
"""The variables that are read of other hosts."""
FILE = "inventory-variables.jsonl"
_TEMPLATE = ("{{", "{%", "{#")


class LiteralVariables:
    """The variables NAMES of each host.

    hostvars: Ansible's, without facts. folder: of the run; None to keep nothing. basedir: of the playbook, whose
    group_vars count.
    """

    def __init__(self, hostvars: Mapping[str, Mapping[str, Any]], folder: Path | None, basedir: str = "") -> None:
        self._hostvars = hostvars
        self._folder = folder if hasattr(hostvars, "raw_get") else None
        self._basedir = basedir
        self._kept: dict[tuple[str, str], dict[str, Any] | None] = {}
        self._offset = 0

    def of(self, host: str) -> Mapping[str, Any]:
        """Return a host's variables; those with templates are templated when they are read."""
        if self._folder is None:
            return self._hostvars[host]
        try:
            state = self._state(host)
        except (AttributeError, AnsibleError):
            return self._hostvars[host]  # Another Ansible: slower, never wrong.
        key = (host, state)
        if key not in self._kept:
            with self._file(self._folder) as file:
                self._read(file)
                if key not in self._kept:
                    self._add(file, key)
        literal = self._kept[key]
        return self._hostvars[host] if literal is None else literal

    def _state(self, host: str) -> str:
        """Return a digest of what can change these variables in a run: set_fact, groups, variables added later."""
        manager: Any = self._hostvars._variable_manager  # type: ignore[attr-defined]  # noqa: SLF001
        entity: Any = self._hostvars._inventory.get_host(host)  # type: ignore[attr-defined]  # noqa: SLF001
        changing = [manager._nonpersistent_fact_cache.get(host), manager._vars_cache.get(host)]  # noqa: SLF001
        groups = entity.get_groups()
        sources = [*changing, entity.vars, *(group.vars for group in groups)]
        values = [repr(source[name]) for source in sources for name in NAMES if source and name in source]
        places = [(place, name) for place, source in enumerate(sources) for name in NAMES if source and name in source]
        state = (self._basedir, [group.name for group in groups], places, values)
        return hashlib.sha256(repr(state).encode(errors="surrogatepass")).hexdigest()

    @contextmanager
    def _file(self, folder: Path) -> Iterator[IO[bytes]]:
        """Open the file of the run; one worker at a time."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (folder / FILE).open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    def _read(self, file: IO[bytes]) -> None:
        """Read what other workers added since the last time; a killed worker may leave a part of a line."""
        file.seek(self._offset)
        for line in file:
            try:
                host, state, values = json.loads(line)
            except ValueError:
                continue
            self._kept[host, state] = values
        self._offset = file.tell()

    def _add(self, file: IO[bytes], key: tuple[str, str]) -> None:
        raw = self._hostvars.raw_get(key[0])  # type: ignore[attr-defined]
        values = {name: raw[name] for name in NAMES if name in raw} if isinstance(raw, Mapping) else None
        literal = values if values is not None and is_literal(values) else None
        file.write(b"\n" + json.dumps([*key, literal]).encode() + b"\n")
        file.flush()
        self._kept[key] = literal


def is_literal(value: Any) -> bool:
    """Return whether a value is plain data without a template or a secret in it."""
    if isinstance(value, str):
        return not any(mark in value for mark in _TEMPLATE)
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_literal(key) and is_literal(part) for key, part in value.items())
    if isinstance(value, list):
        return all(is_literal(part) for part in value)
    return value is None or isinstance(value, bool | int | float)
