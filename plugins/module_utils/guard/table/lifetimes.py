# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements that expire, as text of a listing: the time that they have left."""

from __future__ import annotations

import re

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError

_EXPIRES = " expires "
"""In every element that expires; looked for first, because most do not and there may be a hundred thousand."""
_LEFT = re.compile(r'"[^"]*"| expires (\S+)')
_DURATION = re.compile(r"(\d+)(ms|[wdhms])")
_MILLISECONDS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}


def expires(element: str) -> bool:
    """Return whether an element expires."""
    return _EXPIRES in element and any(match[1] for match in _LEFT.finditer(element))


def without_time_left(element: str) -> str:
    """Return an element without the time that it has left."""
    if _EXPIRES not in element:
        return element
    return _LEFT.sub(lambda match: match[0] if match[1] is None else "", element)


def aged(element: str, seconds: float) -> str | None:
    """Return an element as it is that many seconds later, None when it has expired by then."""
    if _EXPIRES not in element:
        return element
    left: list[int] = []

    def later(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        left.append(milliseconds(match[1]) - int(seconds * 1000))
        return f" expires {duration(left[-1])}"

    text = _LEFT.sub(later, element)
    return None if left and min(left) <= 0 else text


def milliseconds(text: str) -> int:
    """Return the length of a duration such as 1d2h3m4s5ms; raise GuardError (damaged) for any other text."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise GuardError("damaged", f"The listing of a table cannot be read: {text!r} is no duration.")
    return sum(int(number) * _MILLISECONDS[unit] for number, unit in parts)


def duration(length: int) -> str:
    """Return milliseconds as nft writes them; at least one."""
    length = max(length, 1)
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        number, length = divmod(length, _MILLISECONDS[unit])
        text += f"{number}{unit}" if number else ""
    return text
