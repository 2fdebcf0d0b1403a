# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one grammar of domain names in a policy, for both sides.

``api.example.com`` is exactly this name, ``*.example.com`` every name below it and not itself, ``.example.com`` both.
Targets and the resolver translate a Pattern into their own words; nobody passes on what a user typed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

EXACT, BELOW, BOTH = "exact", "below", "both"
_PREFIXES = ((BELOW, "*."), (BOTH, "."))
"""How a kind is written before the name."""

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NAME_MAX = 253
"""Characters of a name without the dot at its end (RFC 1035: 255 octets with lengths and root)."""
_TWO_READINGS = re.compile("[\u00df\u1e9e\u03c2\u200c\u200d]")
"""Sharp s, final sigma and joiners are other names in IDNA 2003 than in IDNA 2008 (RFC 5894, section 7.2)."""


class DomainNameError(ValueError):
    """A text that is no pattern of names. cause: a sentence that follows the text. fix: what to write."""

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(f"{cause}; {fix}")
        self.cause = cause
        self.fix = fix


class Pattern(NamedTuple):
    """The names that a destination means. kind: EXACT, BELOW or BOTH. name: ASCII, small letters, no dot at its end."""

    kind: str
    name: str

    @property
    def wild(self) -> bool:
        """Whether it means more than one name."""
        return self.kind != EXACT

    def __str__(self) -> str:
        return dict(_PREFIXES).get(self.kind, "") + self.name


def parse(text: str) -> Pattern:
    """Return the pattern of a text. Raise DomainNameError for everything else, with the reason."""
    kind, rest = next(((kind, text[len(p) :]) for kind, p in _PREFIXES if text.startswith(p)), (EXACT, text))
    if "*" in rest:
        raise DomainNameError(*_star(text))
    rest = rest[:-1] if rest.endswith(".") else rest
    labels = [_ascii(label) for label in rest.split(".")]
    name = ".".join(labels)
    if len(name) > _NAME_MAX:
        raise DomainNameError(f"is a name of {len(name)} characters", f"the DNS has names of at most {_NAME_MAX}")
    if labels[-1].isdigit():
        raise DomainNameError("ends in a number, so it is no domain name", "write a whole address or a whole name")
    if len(labels) == 1 and kind != EXACT:
        raise DomainNameError("is every name of a top-level domain", f"name the domain: *.example.{name}")
    if len(labels) == 1:
        raise DomainNameError("is a single label, whose meaning depends on the host", "write the full name")
    return Pattern(kind, name)


def is_name(destination: str) -> bool:
    """Tell whether a destination is a domain name; else it is an address."""
    return ":" not in destination and not destination.rpartition(".")[2].isdigit()


def matches(pattern: Pattern, name: str) -> bool:
    """Tell whether a pattern means a name. name: as in a question, in ASCII and small letters, no dot at its end."""
    if name == pattern.name:
        return pattern.kind != BELOW
    return pattern.kind != EXACT and name.endswith("." + pattern.name)


def includes(pattern: Pattern, other: Pattern) -> bool:
    """Tell whether every name that ``other`` means is meant by ``pattern``."""
    if other.kind != EXACT and pattern.name == other.name:
        return pattern.kind in (BOTH, other.kind)
    return matches(pattern, other.name) and (other.kind == EXACT or pattern.kind != EXACT)


def _ascii(label: str) -> str:
    """Return the label as the DNS has it: IDNA 2003 (RFC 3490), where IDNA 2008 means the same name."""
    if not label:
        raise DomainNameError("has an empty label", "write labels with one dot between them")
    if label.isascii():
        converted = label.lower()
        if len(converted) > 63:
            raise DomainNameError(f"has a label of {len(converted)} characters", "the DNS has labels of at most 63")
    elif _TWO_READINGS.search(label):
        raise DomainNameError("has a letter that standards read differently", "write the name's ASCII form (xn--…)")
    else:
        try:
            converted = label.encode("idna").decode("ascii").lower()
        except UnicodeError:
            raise DomainNameError(
                "has letters that have no ASCII form", "write the name's ASCII form (xn--…)"
            ) from None
    if not _LABEL.fullmatch(converted):
        raise DomainNameError(
            f"has the label {label!r}", "labels have letters, digits, _ and -, and - neither first nor last"
        )
    return converted


def _star(text: str) -> tuple[str, str]:
    """Return cause and fix for a star that is not the first label of a longer name."""
    if text == "*":
        return "is every name", "name the domains, or write the word internet for every public address"
    return "has a * that is not its whole first label", "write *.example.com for everything below example.com"
