# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raise for text that nft would not read as exactly one rule, element or name."""

from __future__ import annotations

import re

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec

from . import rule_addresses, tokens

COMMENT_MAX = 128
"""Bytes; NFTNL_UDATA_COMMENT_MAXLEN of libnftnl, for rules, elements, sets, chains and tables alike."""

NAME_MAX = 255
"""Bytes; NFT_NAME_MAXLEN of the kernel without its final zero."""

PREFIX_MAX = 127
"""Bytes; NF_LOG_PREFIXLEN of the kernel without its final zero. nft 0.9.8 and 1.0.6 crash on more."""

_WORD = re.compile(r'"[^"]*"|[^\s,;{}"]+')
_PREFIX = re.compile(r'"[^"]*"|\bprefix\s+"([^"]*)"')
_COMMENT = re.compile(r'"[^"]*"|\bcomment\s+("[^"]*"|[^\s"]+)')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SIMPLE = re.compile(r"[0-9A-Za-z.:/-]+")
_VARIABLE = re.compile(r"\$\w+")
_PLACES = ("handle", "position", "index")


def name(value: object, where: str) -> str:
    """Return a name of a table, chain, set or object that nft can read."""
    if not isinstance(value, str) or not tokens.plain(value):
        raise bad_spec(
            where,
            f"{value!r} is not a name for nft: a letter, '_' or '.' comes first, then letters, digits and any of "
            "'_./-'.",
        )
    if value in ("True", "False"):
        raise bad_spec(where, f"{value!r} is how YAML reads on, off, yes and no. Fix: quote the name.")
    if len(value.encode()) > NAME_MAX:
        raise bad_spec(
            where, f"The name has {len(value.encode())} bytes; the kernel allows {NAME_MAX}. Fix: shorten it."
        )
    return value


def comment(value: object, where: str) -> str:
    """Return a comment that nft can quote and the kernel can store."""
    if not isinstance(value, str):
        raise bad_spec(where, f"The comment is {value!r}, not a text.")
    if '"' in value or _control(value):
        raise bad_spec(
            where, "A comment cannot hold a double quote, a line break or another control character: nft has no escape."
        )
    size = len(value.encode("utf-8", "surrogateescape"))
    if size > COMMENT_MAX:
        raise bad_spec(where, f"The comment has {size} bytes; nft allows {COMMENT_MAX}. Fix: shorten it.")
    return value


def word(value: object, where: str) -> str:
    """Return a plain word, such as the type or hook of a chain."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z]+", value):
        raise bad_spec(where, f"{value!r} is not a plain word such as nft uses.")
    return value


def device(value: object, where: str) -> str:
    """Return the name of a network device."""
    if not isinstance(value, str) or not re.fullmatch(r'[^\s/:"{},;#]{1,15}', value):
        raise bad_spec(where, f"{value!r} is not the name of a network device.")
    return value


def rule(value: object, where: str) -> str:
    """Return the text of a single rule, as it follows ``add rule FAMILY TABLE CHAIN``."""
    text = _text(value, where, "rule")
    blank = tokens.unquoted(text)
    depth = 0
    for mark in blank:
        depth += {"{": 1, "}": -1}.get(mark, 0)
        if depth < 0:
            raise bad_spec(where, "The rule closes a brace that it did not open, which would end the block around it.")
        if mark == ";" and depth == 0:
            raise bad_spec(
                where,
                "The rule holds ';', which ends a rule and begins another. Write each rule as a separate item.",
            )
    if depth:
        raise bad_spec(where, "The rule opens a brace that it does not close.")
    rule_addresses.check(text, where)
    if blank.split()[0] in _PLACES:
        raise bad_spec(where, f"A rule cannot begin with {blank.split()[0]!r}: its position in the list is its place.")
    for match in _COMMENT.finditer(text):
        if match.group(1) is not None:
            comment(match.group(1).strip('"'), where)
    return text


def rule_comment(text: str) -> str | None:
    """Return the comment at the end of a rule's text, None when there is none."""
    comment = None
    for match in _COMMENT.finditer(text):
        if match.group(1) is not None and match.end() == len(text):
            comment = match.group(1).strip('"')
    return comment


def element(value: object, where: str) -> str:
    """Return the text of a single element: key, options, data; no comma, no brace."""
    if isinstance(value, str) and _SIMPLE.fullmatch(value):
        return value
    text = _text(value, where, "element")
    for mark, meaning in (
        (",", "separates elements"),
        (";", "ends a statement"),
        ("{", "opens a list"),
        ("}", "ends the list"),
    ):
        if mark in tokens.unquoted(text):
            raise bad_spec(
                where, f"The element holds {mark!r}, which {meaning}. Write each element as a separate item."
            )
    return text


def statement(value: object, where: str) -> str:
    """Return a declaration line, such as the type of a set or the rate of a limit."""
    text = _text(value, where, "value")
    for mark in ";{}":
        if mark in tokens.unquoted(text):
            raise bad_spec(where, f"The value holds {mark!r}, which ends or opens another block.")
    return text


def statements(value: object, where: str) -> tuple[str, ...]:
    """Return the lines of a declaration, which ';' or line breaks separate."""
    stripped = value.strip() if isinstance(value, str) else value
    text = _text(stripped.replace("\n", " ") if isinstance(stripped, str) else stripped, where, "text")
    blank = tokens.unquoted(stripped.replace("\n", ";") if isinstance(stripped, str) else text)
    depth = start = 0
    lines = []
    for at, mark in enumerate(f"{blank};"):
        depth += {"{": 1, "}": -1}.get(mark, 0)
        if depth < 0:
            raise bad_spec(where, "The text closes a brace that it did not open, which would end the block around it.")
        if mark == ";" and depth == 0:
            lines.append(text[start:at].strip())
            start = at + 1
    if depth:
        raise bad_spec(where, "The text opens a brace that it does not close.")
    return tuple(line for line in lines if line)


def _text(value: object, where: str, what: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise bad_spec(where, f"The {what} is {value!r}, not a text.")
    text = str(value).strip()
    if not text:
        raise bad_spec(where, f"The {what} is empty.")
    if "\n" in text:
        raise bad_spec(
            where,
            f"The {what} holds a line break. Fix: write it on one line; in YAML, '>-' in place of '|' joins lines.",
        )
    if _control(text):
        raise bad_spec(where, f"The {what} holds a control character, which nft cannot read.")
    variable = _VARIABLE.search(tokens.unquoted(text))
    if variable:
        raise bad_spec(
            where,
            f"{variable.group()} is a variable of nft's scripts, which a task does not have. Fix: write its value, or "
            f"the Ansible variable: {{{{ {variable.group()[1:].lower()} }}}}.",
        )
    if text.count('"') % 2:
        raise bad_spec(where, f"The {what} opens a double quote that it does not close.")
    if text.endswith("\\"):
        raise bad_spec(where, f"The {what} ends with a backslash, which would join it with the next line.")
    _check_lengths(text, where, what)
    if "#" in tokens.unquoted(text):
        raise bad_spec(where, f"The {what} holds '#', which starts a remark that nft ignores. Fix: use comment \"…\".")
    return text


def _check_lengths(text: str, where: str, what: str) -> None:
    """Raise for lengths that make nft write beyond its buffers, at least up to 1.0.6."""
    if any(len(word.encode("utf-8", "surrogateescape")) > NAME_MAX for word in _WORD.findall(text)):
        raise bad_spec(
            where, f"The {what} has a word of more than {NAME_MAX} bytes, the limit of nft. Fix: shorten it."
        )
    for match in _PREFIX.finditer(text):
        size = len((match.group(1) or "").encode("utf-8", "surrogateescape"))
        if size > PREFIX_MAX:
            raise bad_spec(where, f"The log prefix has {size} bytes; the kernel allows {PREFIX_MAX}. Fix: shorten it.")


def without_remark(line: str) -> str:
    """Return a line of a file without its remark, which '#' outside of quotes starts."""
    at = tokens.unquoted(line).find("#")
    return (line if at < 0 else line[:at]).strip()


def _control(text: str) -> bool:
    return _CONTROL.search(text) is not None
