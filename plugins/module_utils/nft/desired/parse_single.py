# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Specs of the modules that own one object of a table and leave the rest as it is."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec

from . import arguments, parse_sets, validate
from .spec import ChainSpec, RuleEdit, SetSpec, TableSpec

_COMMON = ("family", "table", "state")


def _inside(given: dict[str, Any], **things: Any) -> tuple[TableSpec, ...]:
    """Return the table that something is in; it must be there and stays as it is."""
    name = validate.name(given["table"], "table")
    return (TableSpec(given["family"], name, others="stay", must_exist=True, where="table", **things),)


def _own(given: dict[str, Any], *without: str) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value is not None and key not in (*_COMMON, *without)}


def table(given: dict[str, Any]) -> tuple[TableSpec, ...]:
    """Return the spec of nft_table."""
    comment = given.get("comment")
    return (
        TableSpec(
            family=given["family"],
            name=validate.name(given["name"], "name"),
            comment=None if comment is None else validate.comment(comment, "comment"),
            present=given["state"] == "present",
            others="stay",
            where="name",
        ),
    )


def chain(given: dict[str, Any]) -> tuple[TableSpec, ...]:
    """Return the spec of nft_chain."""
    from . import parse

    if given["state"] == "absent":
        return _inside(given, chains=(ChainSpec(validate.name(given["name"], "name"), present=False, where="name"),))
    return _inside(given, chains=(_named(parse.chain(_own(given), "", given["family"])),))


def _named(spec: ChainSpec) -> ChainSpec:
    return replace(spec, where="name")


def set_(given: dict[str, Any]) -> tuple[TableSpec, ...]:
    """Return the spec of nft_set."""
    if given["state"] == "absent":
        name = validate.name(given["name"], "name")
        return _inside(given, sets=(SetSpec("set", name, (), present=False, where="name"),))
    return _inside(given, sets=(replace(parse_sets.parse("set", _own(given), ""), where="name"),))


def element(given: dict[str, Any]) -> tuple[TableSpec, ...]:
    """Return the spec of nft_element."""
    absent = given["state"] == "absent"
    read = partial(parse_sets.element, kind="", keys_only=absent)
    spec = SetSpec(
        kind="",
        name=validate.name(given["set"], "set"),
        declaration=None,
        elements=arguments.items(given["elements"], "elements", read),
        mode="remove" if absent else "add",
        where="set",
    )
    return _inside(given, sets=(spec,))


def rule(given: dict[str, Any]) -> tuple[TableSpec, ...]:
    """Return the spec of nft_rule."""
    from . import parse

    present = given["state"] == "present"
    text = None if given["rule"] is None else validate.rule(given["rule"], "rule")
    comment = None if given["comment"] is None else validate.comment(given["comment"], "comment")
    if text is not None:
        said = validate.rule_comment(text)
        if said is None and comment:
            text = f'{text} comment "{comment}"'
        elif said is not None and comment is not None:
            raise bad_spec("comment", "The rule has a comment in its text already: give it there or here.")
        comment = said if said is not None else comment
    place = next((key for key in ("before", "after") if given[key] is not None), "")
    edit = RuleEdit(
        rule=None if text is None else parse.rule(text, "rule"),
        comment=comment or None,
        place=place or given["position"] or "",
        anchor=validate.comment(given[place], place) if place else "",
        present=present,
    )
    return _inside(given, chains=(ChainSpec(validate.name(given["chain"], "chain"), edit=edit, where="chain"),))
