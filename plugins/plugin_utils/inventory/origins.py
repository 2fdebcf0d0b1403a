# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file, line and column of a value, as far as the running ansible-core records them.

ansible-core 2.19 and later tag every value from a YAML file with its origin; 2.17 and 2.18 keep a position on
untemplated YAML objects only. Neither is a public interface: an unknown origin is ``None``, never an error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # ansible-core 2.17, 2.18
    Origin = None


def _from_tag(value: object) -> tuple[str, int | None, int | None] | None:
    tag = Origin.get_tag(value) if Origin is not None else None
    if tag is None or not tag.path:
        return None
    return str(tag.path), tag.line_num, tag.col_num


def _from_position(value: object) -> tuple[str, int | None, int | None] | None:
    position = getattr(value, "ansible_pos", None)
    if not (isinstance(position, tuple) and len(position) == 3 and position[0]):
        return None
    return str(position[0]), position[1], position[2]


def origin_of(value: object) -> str | None:
    """Return ``path:line:column`` of a templated or raw variable value (any type), or None when it is not known.

    The path is relative when it is below the working directory.
    """
    origin = _from_tag(value) or _from_position(value)
    if origin is None:
        return None
    path, line, column = origin
    return ":".join(str(part) for part in (_shown(path, os.getcwd()), line, column) if part)  # noqa: PTH109


@cache
def _shown(path: str, directory: str) -> str:
    """Return a path as people see it from a directory."""
    relative = os.path.relpath(path, directory)
    return path if relative.startswith("..") else relative


def origins_in(*layers: Mapping[str, Any]) -> Callable[[Sequence[str | int]], str | None]:
    """Return a function from a path such as ``("egress_allow_app", 0, "to", 1)`` to the origin of that value.

    layers: mappings of the same variables, the most exact first (templated, then raw). The deepest known origin in any
    layer counts: of the list's element, else of the list, else of the variable.
    """

    def walk(value: Any, path: Sequence[str | int]) -> list[str | None]:
        origins = [origin_of(value)]
        for key in path:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                break
            origins.append(origin_of(value))
        return origins

    def find(path: Sequence[str | int]) -> str | None:
        name, rest = str(path[0]), path[1:]
        walks = [walk(layer[name], rest) for layer in layers if name in layer]
        deepest = max((len(origins) for origins in walks), default=0)
        for depth in range(deepest - 1, -1, -1):
            for origins in walks:
                if depth < len(origins) and origins[depth]:
                    return origins[depth]
        return None

    return find
