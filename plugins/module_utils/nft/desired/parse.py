# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read tables, chains, rules and objects from untyped arguments: the only way from plain data to a spec."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec

from . import arguments, hooks, parse_sets, validate
from .spec import FAMILIES, ChainSpec, MaxRemoved, MissingUsers, ObjectSpec, RuleSpec, TableSpec

TABLE_KEYS = (
    "family", "name", "comment", "flags", "state", "counters", "quotas", "limits", "others", "sets", "maps", "chains",
    "max_removed", "text",
)  # fmt: skip
CHAIN_KEYS = ("name", "type", "hook", "priority", "policy", "devices", "comment", "rules")
RULE_KEYS = ("rule", "users", "missing_users")
OTHER_KEYS = ("kind", "name", "text", "comment")
OTHER_KINDS = ("ct helper", "ct timeout", "ct expectation", "synproxy", "secmark", "flowtable", "tunnel")
OBJECTS = {"counters": ("counter", ""), "quotas": ("quota", "quota"), "limits": ("limit", "limit")}
"""By key of a table: (kind of object, key of its text in nft's language)."""


def tables(value: object, where: str = "tables") -> tuple[TableSpec, ...]:
    """Return the tables of a list of mappings."""
    specs = arguments.items(value, where, table)
    arguments.unique((((spec.family, spec.name), spec.where) for spec in specs), "tables")
    return specs


def table(value: object, where: str) -> TableSpec:
    """Return the table that a mapping of TABLE_KEYS describes."""
    fields = arguments.mapping(value, where, TABLE_KEYS)
    limit = _max_removed(fields["max_removed"], f"{where}.max_removed") if "max_removed" in fields else None
    if "text" in fields:
        return _of_text(fields, limit, where)
    family = arguments.choice(fields.get("family", "inet"), f"{where}.family", FAMILIES)
    sets = arguments.items(fields.get("sets", []), f"{where}.sets", partial(parse_sets.parse, "set"))
    sets += arguments.items(fields.get("maps", []), f"{where}.maps", partial(parse_sets.parse, "map"))
    chains = arguments.items(fields.get("chains", []), f"{where}.chains", partial(chain, family=family))
    objects = [
        spec
        for key, (kind, text_key) in OBJECTS.items()
        for spec in arguments.items(
            fields.get(key, []), f"{where}.{key}", partial(_object, kind=kind, text_key=text_key)
        )
    ]
    objects += arguments.items(fields.get("others", []), f"{where}.others", _other)
    arguments.unique(((spec.name, spec.where) for spec in sets), "sets or maps")
    arguments.unique(((spec.name, spec.where) for spec in chains), "chains")
    arguments.unique((((spec.kind, spec.name), spec.where) for spec in objects), "objects")
    return TableSpec(
        family=family,
        name=validate.name(arguments.needed(fields, "name", where), f"{where}.name"),
        comment=_comment(fields, where),
        flags=arguments.items(fields.get("flags", []), f"{where}.flags", _flag),
        present=arguments.choice(fields.get("state", "present"), f"{where}.state", ("present", "absent")) == "present",
        objects=tuple(objects),
        sets=sets,
        chains=chains,
        max_removed=limit,
        where=where,
    )


def _of_text(fields: dict[str, Any], limit: MaxRemoved | None, where: str) -> TableSpec:
    """Return the table that a file for nft declares."""
    from . import table_text

    # family and state have defaults, with which a module fills them in.
    other = next(
        (key for key in fields if key not in ("text", "max_removed", "family", "state") and fields[key] != []), None
    )
    if other:
        raise bad_spec(f"{where}.{other}", f"'text' declares the whole table, so {other!r} has no place beside it.")
    if not isinstance(fields["text"], str):
        raise bad_spec(f"{where}.text", "'text' is not a text.")
    text = table_text.read(fields["text"], f"{where}.text")
    present = arguments.choice(fields.get("state", "present"), f"{where}.state", ("present", "absent")) == "present"
    return TableSpec(text.family, text.name, max_removed=limit, text=text, present=present, where=where)


def _max_removed(value: object, where: str) -> MaxRemoved:
    """Return the limit that a percentage or a mapping describes."""
    if not isinstance(value, dict):
        return MaxRemoved(_percent(value, where))
    fields: dict[str, Any] = arguments.mapping(value, where, ("percent", "sets"))
    percent = _percent(arguments.needed(fields, "percent", where), f"{where}.percent")
    sets = fields.get("sets", "*")
    if not isinstance(sets, str) or not sets:
        raise bad_spec(f"{where}.sets", f"{sets!r} is not a pattern of names, such as 'allow_*'.")
    return MaxRemoved(percent, sets)


def _percent(value: object, where: str) -> int:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or int(text[:4]) > 100:
        raise bad_spec(where, f"{text!r} is not a percentage: write a whole number from 0 to 100.")
    return int(text)


def chain(value: object, where: str, family: str) -> ChainSpec:
    """Return the chain that a mapping of CHAIN_KEYS describes."""
    fields = arguments.mapping(value, where, CHAIN_KEYS)
    return ChainSpec(
        name=validate.name(arguments.needed(fields, "name", where), f"{where}.name"),
        hook=hooks.complete(hooks.parse(fields, family, where), None, where),
        comment=_comment(fields, where) or None,
        rules=arguments.items(fields.get("rules", []), f"{where}.rules", rule),
        where=where,
    )


def rule(value: object, where: str) -> RuleSpec:
    """Return the rule that nft text or a mapping of RULE_KEYS describes."""
    if not isinstance(value, dict):
        return RuleSpec(validate.rule(value, where), where=where)
    arguments.check_quoted(value, where, RULE_KEYS)
    fields = arguments.mapping(value, where, RULE_KEYS)
    users: tuple[str, ...] | None = None
    if "users" in fields:
        users = arguments.items(fields["users"], f"{where}.users", _user)
        if not users:
            raise bad_spec(
                where, "'users' is empty. Fix: name the users, or omit the key for a rule that applies to all users."
            )
    missing: MissingUsers = arguments.choice(
        fields.get("missing_users", "skip"), f"{where}.missing_users", ("skip", "error")
    )
    return RuleSpec(validate.rule(arguments.needed(fields, "rule", where), where), users, missing, where)


def _comment(fields: dict[str, Any], where: str) -> str | None:
    return validate.comment(fields["comment"], f"{where}.comment") if "comment" in fields else None


def _flag(value: object, where: str) -> str:
    return arguments.choice(value, where, ("dormant",))


def _user(value: object, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).strip():
        raise bad_spec(where, f"{value!r} is neither a user name nor a uid.")
    return str(value).strip()


def _object(value: object, where: str, kind: str, text_key: str) -> ObjectSpec:
    """Return a counter, quota or limit; text_key: the key of its text in nft's language, "" when it has none."""
    keys = tuple(key for key in ("name", text_key, "comment") if key)
    fields: dict[str, Any] = arguments.mapping(value, where, keys)
    lines = [validate.statement(arguments.needed(fields, text_key, where), f"{where}.{text_key}")] if text_key else []
    comment = _comment(fields, where)
    lines += [f'comment "{comment}"'] if comment else []
    name = validate.name(arguments.needed(fields, "name", where), f"{where}.name")
    return ObjectSpec(kind, name, tuple(lines), where=where)


def _other(value: object, where: str) -> ObjectSpec:
    """Return an object of a kind that has no key of its own in a table."""
    fields: dict[str, Any] = arguments.mapping(value, where, OTHER_KEYS)
    kind = arguments.choice(arguments.needed(fields, "kind", where), f"{where}.kind", OTHER_KINDS)
    text, name = arguments.needed(fields, "text", where), arguments.needed(fields, "name", where)
    spec = stateful(kind, text, name, where)
    comment = _comment(fields, where)
    declaration = (*spec.declaration, f'comment "{comment}"') if comment else spec.declaration
    return replace(spec, declaration=declaration, where=where)


def stateful(kind: str, text: object, name: object, where: str = "") -> ObjectSpec:
    """Return an object with its text in nft's language, without comment; only a counter may have no text."""
    if text is None and kind != "counter":
        raise bad_spec(f"{where}.text", f"A {kind} needs 'text'.")
    lines = () if text is None else validate.statements(text, f"{where}.text")
    if kind == "flowtable":
        lines = tuple(hooks.devices_line(line) for line in lines)
    return ObjectSpec(kind, validate.name(name, f"{where}.name"), lines, where=f"{where}.name")
