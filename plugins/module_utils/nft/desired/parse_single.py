# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the arguments of the modules that own one object of a table and leave the rest as it is."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Literal

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec

from . import arguments, hooks, parse_sets, validate
from .spec import ChainSpec, ObjectSpec, Position, RuleEdit, SetSpec, TableSpec

_COMMON = ("family", "table", "state")


def _inside(params: dict[str, Any], **parts: Any) -> tuple[TableSpec, ...]:
    """Return the table that holds the objects of the task; it must exist and is otherwise left as it is."""
    name = validate.name(params["table"], "table")
    return (TableSpec(params["family"], name, others="stay", must_exist=True, where="table", **parts),)


def _own(params: dict[str, Any], *without: str) -> dict[str, Any]:
    return {key: value for key, value in params.items() if value is not None and key not in (*_COMMON, *without)}


def table(params: dict[str, Any]) -> tuple[TableSpec, ...]:
    """Return the spec of nft_table."""
    comment = params.get("comment")
    return (
        TableSpec(
            family=params["family"],
            name=validate.name(params["name"], "name"),
            comment=None if comment is None else validate.comment(comment, "comment"),
            present=params["state"] == "present",
            others="stay",
            where="name",
        ),
    )


def chain(params: dict[str, Any]) -> tuple[TableSpec, ...]:
    """Return the spec of nft_chain."""
    from . import parse

    if params["state"] == "absent":
        return _inside(params, chains=(ChainSpec(validate.name(params["name"], "name"), present=False, where="name"),))
    fields = _own(params)
    spec = ChainSpec(
        name=validate.name(params["name"], "name"),
        parts=hooks.parse(fields, params["family"], ""),
        comment=validate.comment(fields["comment"], "comment") if "comment" in fields else None,
        rules=arguments.items(fields["rules"], "rules", parse.rule) if "rules" in fields else None,
        where="name",
    )
    return _inside(params, chains=(spec,))


def set_(params: dict[str, Any]) -> tuple[TableSpec, ...]:
    """Return the spec of nft_set."""
    return _set("set", params)


def _set(kind: Literal["set", "map"], params: dict[str, Any]) -> tuple[TableSpec, ...]:
    if params["state"] == "absent":
        name = validate.name(params["name"], "name")
        return _inside(params, sets=(SetSpec(kind, name, (), present=False, where="name"),))
    fields = _own(params)
    spec = parse_sets.parse(kind, fields, "")
    return _inside(params, sets=(replace(spec, named=parse_sets.named(fields), where="name"),))


def map_(params: dict[str, Any]) -> tuple[TableSpec, ...]:
    """Return the spec of nft_map."""
    return _set("map", params)


def object_(params: dict[str, Any]) -> tuple[TableSpec, ...]:
    """Return the spec of nft_object."""
    from . import parse

    if params["state"] == "absent":
        name = validate.name(params["name"], "name")
        return _inside(params, objects=(ObjectSpec(params["kind"], name, (), present=False, where="name"),))
    fields = _own(params, "comment")
    comment = params["comment"]
    spec = parse.stateful(fields["kind"], fields.get("text"), fields["name"])
    return _inside(
        params, objects=(replace(spec, comment=None if comment is None else validate.comment(comment, "comment")),)
    )


def element(params: dict[str, Any]) -> tuple[TableSpec, ...]:
    """Return the spec of nft_element."""
    absent = params["state"] == "absent"
    read = partial(parse_sets.element, kind="", keys_only=absent)
    spec = SetSpec(
        kind="",
        name=validate.name(params["set"], "set"),
        declaration=None,
        elements=arguments.items(params["elements"], "elements", read),
        mode="remove" if absent else "add",
        where="set",
    )
    return _inside(params, sets=(spec,))


def rule(params: dict[str, Any]) -> tuple[TableSpec, ...]:
    """Return the spec of nft_rule."""
    from . import parse

    present = params["state"] == "present"
    text = None if params["rule"] is None else validate.rule(params["rule"], "rule")
    comment = None if params["comment"] is None else validate.comment(params["comment"], "comment")
    if text is not None:
        own_comment = validate.rule_comment(text)
        if own_comment is None and comment:
            text = f'{text} comment "{comment}"'
        elif own_comment is not None and comment is not None:
            raise bad_spec(
                "comment", "The text of the rule already has a comment. Fix: write the comment in one of the two."
            )
        comment = own_comment if own_comment is not None else comment
    neighbour: Position = "before" if params["before"] is not None else "after" if params["after"] is not None else ""
    users = {key: params[key] for key in ("users", "missing_users") if params.get(key) is not None}
    edit = RuleEdit(
        rule=None if text is None else parse.rule({"rule": text, **users} if users else text, "rule"),
        comment=comment or None,
        place=neighbour or params["position"] or "",
        anchor=validate.comment(params[neighbour], neighbour) if neighbour else "",
        present=present,
    )
    return _inside(params, chains=(ChainSpec(validate.name(params["chain"], "chain"), edit=edit, where="chain"),))
