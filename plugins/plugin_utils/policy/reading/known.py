# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles of names that are wanted together, `known:github`: shipped as data files, or written in egress_known."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles

from . import hints, names, values

VARIABLE = "egress_known"
PREFIX = "known:"
OLD = dt.timedelta(days=365)
"""The age at which a review names a bundle: names of providers come and go."""
_KEYS = ("extends", "names", "services", "prefix_lists", "shared", "read", "about", "source")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")
_OF_REGIONS = "aws-REGION"


@dataclass(frozen=True)
class Bundle:
    """Names, and the prefix lists beside them.

    names: patterns in their one form. services: what entries without services of their own speak. prefix_lists: names
    of declared lists. shared: whether anyone can host a service there. read: the day that the names are from.
    """

    names: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    prefix_lists: tuple[str, ...] = ()
    shared: bool = False
    read: dt.date | None = None


def own(report: ErrorReport, variables: Mapping[str, Any]) -> dict[str, Bundle]:
    """Read egress_known, with every error in it."""
    place, value = variable(VARIABLE), variables.get(VARIABLE)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        report.error(place, "is not a mapping", "write NAME: {names: […], services: [https]}")
        return {}
    return {str(name): _bundle(report, place.key(str(name)), written) for name, written in value.items()}


def find(own_bundles: Mapping[str, Bundle], name: str) -> Bundle | None:
    """Return the bundle of this name: the user's own before a shipped one."""
    return own_bundles[name] if name in own_bundles else _shipped(name)


def published(name: str) -> Mapping[str, Any] | None:
    """Return the networks that a shipped bundle's provider publishes, as keys of a prefix list; None where it does not.

    shared: as that of the bundle.
    """
    row, region = _row(name)
    if row is None or "published" not in row:
        return None
    texts = {key: text.replace("REGION", region) for key, text in row["published"].items()}
    return {**texts, "shared": row.get("shared", False)}


def unpublished(name: str) -> tuple[str, str]:
    """Return cause and fix for a name of no shipped bundle whose provider publishes its networks."""
    every = [each for each in datafiles.names("known") if "published" in datafiles.load(f"known/{each}")]
    return f'there are no published networks of "{PREFIX}{name}"', f"write one of {', '.join(every)}, or a url"


def unknown(own_bundles: Mapping[str, Bundle], name: str) -> tuple[str, str]:
    """Return cause and fix for a name of no bundle."""
    every = sorted({*own_bundles, *datafiles.names("known")})
    guess = hints.guess(name, every)
    fix = f"did you mean {PREFIX}{guess}?" if guess else f"write one of {', '.join(every)}, or declare it in {VARIABLE}"
    return f'there is no bundle "{PREFIX}{name}"', fix


def _row(name: str) -> tuple[Mapping[str, Any] | None, str]:
    """Return the data of a shipped bundle, and the region in its name; None where there is none."""
    if name != _OF_REGIONS and name in datafiles.names("known"):
        return datafiles.load(f"known/{name}"), ""
    region = name.removeprefix(_OF_REGIONS.removesuffix("REGION"))
    is_region = region != name and _REGION.fullmatch(region)
    return (datafiles.load(f"known/{_OF_REGIONS}"), region) if is_region else (None, "")


def _shipped(name: str) -> Bundle | None:
    row, region = _row(name)
    if row is None:
        return None
    patterns = (str(names.parse(text.replace("REGION", region))) for text in row["names"])
    return Bundle(tuple(patterns), tuple(row["services"]), (), row.get("shared", False), row["read"])


def _bundle(report: ErrorReport, place: Place, written: Any) -> Bundle:
    read = values.mapping(report, place, written, _KEYS) or {}
    patterns = [
        names.pattern(report, at, text)
        for at, item in _items(report, place, read, "names")
        if (text := values.text(report, at, item)) is not None
    ]
    lists = [values.text(report, at, item) for at, item in _items(report, place, read, "prefix_lists")]
    if not read.get("names") and not read.get("prefix_lists") and not read.get("extends"):
        report.error(place, "has neither names nor prefix_lists", "name what the bundle stands for")
    base = _extended(report, place.key("extends"), read["extends"]) if "extends" in read else Bundle()
    return Bundle(
        tuple(dict.fromkeys([*base.names, *(str(pattern) for pattern in patterns if pattern is not None)])),
        tuple(str(item) for _at, item in _items(report, place, read, "services")) or base.services,
        tuple(text for text in lists if text is not None),
        bool(values.boolean(report, place.key("shared"), read["shared"])) if "shared" in read else base.shared,
        values.date(report, place.key("read"), read["read"]) if "read" in read else base.read,
    )


def _extended(report: ErrorReport, place: Place, written: Any) -> Bundle:
    name = values.text(report, place, written)
    base = Bundle() if name is None else _shipped(name.removeprefix(PREFIX))
    if base is None:
        report.error(place, *unknown({}, str(name).removeprefix(PREFIX)))
    return base or Bundle()


def _items(report: ErrorReport, place: Place, read: Mapping[str, Any], key: str) -> Iterable[tuple[Place, Any]]:
    return values.items(report, place.key(key), read[key]) or () if key in read else ()
