# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader of egress_prefix_lists: every declaration, all errors at once. It touches no file and no server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import hints, known, values

from . import options
from .model import AWS_URL, TIMEOUT, PrefixList, TemplateFailure

VARIABLE = "egress_prefix_lists"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DOCUMENT = ("aws", "region", "query", "sha256")
_GUARDS = ("max_age_days", "max_change", "shared")
Keys = Mapping[str, tuple[str, ...]]
SOURCE_KEYS: Keys = {"file": _DOCUMENT, "url": (*_DOCUMENT, "timeout")}
"""The keys of an element of `sources`, in the form of KEYS."""
# Source of a list -> the keys that may stand beside it. aws alone is a url with a default, known what a bundle says.
KEYS: Keys = {
    "prefixes": ("shared",),
    "file": (*_DOCUMENT, *_GUARDS),
    "url": (*_DOCUMENT, *_GUARDS, "refresh_minutes", "timeout"),
    "sources": (*_GUARDS, "refresh_minutes"),
    "fed_by": ("names", "shared"),
}
_KNOWN = tuple(dict.fromkeys((*KEYS, "aws", "known", *(key for keys in KEYS.values() for key in keys))))
# Common names from other tools for our keys; consulted before a guess by similarity.
_INSTEAD: Mapping[str, str] = {
    **dict.fromkeys(("address", "endpoint", "href", "link", "uri"), "url"),
    **dict.fromkeys(("filename", "local", "path", "src"), "file"),
    **dict.fromkeys(("addresses", "cidr", "cidrs", "elements", "entries", "ips", "list", "networks", "to"), "prefixes"),
    **dict.fromkeys(("filter", "jmespath", "jq", "json_query", "jsonpath", "select"), "query"),
    **dict.fromkeys(("amazon", "provider", "service", "services"), "aws"),
    **dict.fromkeys(("location", "regions", "zone"), "region"),
    **dict.fromkeys(("checksum", "digest", "hash", "pin", "sha256sum"), "sha256"),
    **dict.fromkeys(("age", "expires", "max_age", "ttl"), "max_age_days"),
    **dict.fromkeys(("change", "max_delta", "max_growth", "max_removed", "max_shrink"), "max_change"),
    **dict.fromkeys(("cache", "cache_minutes", "interval", "refresh"), "refresh_minutes"),
    **dict.fromkeys(("external", "fed", "filled_by", "managed_by"), "fed_by"),
    **dict.fromkeys(("multi_tenant", "public"), "shared"),
    **dict.fromkeys(("domain", "domains", "fqdn", "fqdns", "name"), "names"),
}


def template_each(value: Any, template: Callable[[Any], Any], failure: type[Exception]) -> Any:
    """Return the declarations, each templated on its own: a host that uses no cloud list need not define its region.

    value: egress_prefix_lists before templating. failure: the exception that template raises.
    """
    whole = value if isinstance(value, Mapping) else template(value)
    if not isinstance(whole, Mapping):
        return whole
    declarations: dict[Any, Any] = {}
    for name in whole:
        try:
            declarations[name] = template(whole[name])
        except failure as error:
            declarations[name] = TemplateFailure(" ".join(str(error).split()))
    return declarations


def parse(report: ErrorReport, value: Any) -> dict[str, PrefixList]:
    """Return the lists by name; errors go to the report, and a list with an error or a failed template is left out."""
    place = variable(VARIABLE)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        report.error(place, "is not a mapping", "write NAME: {…}")
        return {}
    lists = [
        _declaration(report, place.key(str(name)), name, item)
        for name, item in value.items()
        if not isinstance(item, TemplateFailure)
    ]
    return {declared.name: declared for declared in lists if declared is not None}


def _declaration(report: ErrorReport, place: Place, name: Any, value: Any) -> PrefixList | None:
    errors = len(report.errors)
    if not isinstance(name, str):
        report.error(place, f"the name is read by YAML as {values.kind(name)}", "write it in quotes")
    elif not _NAME.fullmatch(name):
        fix = "use letters, digits, - and _, beginning with a letter or digit, at most 64"
        report.error(place, f"{values.show(name)} is not a valid name for a list", fix)
    if not isinstance(value, Mapping):
        report.error(place, *_not_a_mapping(value))
        return None
    # `sha256: null` means the same as no sha256 at all.
    declaration = {str(key): item for key, item in value.items() if item is not None or key in KEYS}
    complete = _with_published(report, place, declaration)
    source = None if complete is None else _checked_source(report, place, complete, KEYS)
    if complete is None or source is None:
        return None
    declared = _read(report, place, str(name), source, complete)
    return declared if len(report.errors) == errors else None


def _with_published(report: ErrorReport, place: Place, declaration: dict[str, Any]) -> dict[str, Any] | None:
    """Return a declaration with what its key known stands for, None after an error.

    A mirror (url, file) and a query of its own count for more.
    """
    if "known" not in declaration:
        return declaration
    own = {key: item for key, item in declaration.items() if key != "known"}
    name = values.text(report, place.key("known"), declaration["known"])
    published = None if name is None else known.published(name.removeprefix(known.PREFIX))
    if name is not None and published is None:
        report.error(place.key("known"), *known.unpublished(name.removeprefix(known.PREFIX)))
    if "region" in own:
        report.error(place.key("region"), "has no meaning beside known, which names the region", "remove it")
    if published is None:
        return None
    return {key: item for key, item in published.items() if key != "url" or "file" not in own} | own


def _checked_source(report: ErrorReport, place: Place, declaration: Mapping[str, Any], keys: Keys) -> str | None:
    """Return the key that names the source, None after an error. Reports every key that does not belong beside it."""
    guesses = _check_known(report, place, declaration)
    source = _source(report, place, declaration, guesses, keys)
    if source is not None:
        _check_combination(report, place, source, [key for key in declaration if key in _KNOWN], keys)
    return source


def _read(report: ErrorReport, place: Place, name: str, source: str, declaration: Mapping[str, Any]) -> PrefixList:
    """Return the declaration; it is valid only when the report has no new error."""
    shared = bool(options.optional(report, place, declaration, "shared", values.boolean))
    if source == "prefixes":
        networks = options.prefixes(report, place.key("prefixes"), declaration["prefixes"])
        return PrefixList(name, place, kind="inline", addresses=networks, shared=shared)
    if source == "fed_by":
        options.fed_by(report, place.key("fed_by"), declaration["fed_by"])
        names = options.optional(report, place, declaration, "names", options.names) or ()
        return PrefixList(name, place, kind="external", shared=shared, names=names)
    if source == "sources":
        return PrefixList(
            name,
            place,
            kind="sources",
            sources=_sources(report, place.key("sources"), name, declaration["sources"]),
            shared=shared,
            **_guards(report, place, declaration),
        )
    read_location = options.path if source == "file" else options.url
    location = AWS_URL
    if source in declaration:
        pinned = declaration.get("sha256") is not None
        location = read_location(report, place.key(source), declaration[source], pinned) or ""
    return PrefixList(
        name,
        place,
        kind="file" if source == "file" else "url",
        location=location,
        aws=options.aws(report, place, declaration),
        query=options.optional(report, place, declaration, "query", options.query),
        sha256=options.optional(report, place, declaration, "sha256", options.sha256),
        timeout=options.optional(report, place, declaration, "timeout", options.positive) or TIMEOUT,
        shared=shared,
        **_guards(report, place, declaration),
    )


def _guards(report: ErrorReport, place: Place, declaration: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that say when the content of a list is used."""
    return {
        "max_age_days": options.optional(report, place, declaration, "max_age_days", options.positive),
        "max_change": options.optional(report, place, declaration, "max_change", options.percent),
        "refresh_minutes": options.optional(report, place, declaration, "refresh_minutes", options.positive) or 0,
    }


def _sources(report: ErrorReport, place: Place, name: str, value: Any) -> tuple[PrefixList, ...]:
    """Return the elements of `sources`, each with the name of the list."""
    if not isinstance(value, (list, tuple)) or not value:
        report.error(place, "is not a list of sources", "write [{url: …}, {file: …}]")
        return ()
    read = []
    for index, item in enumerate(value):
        at = place.index(index)
        if not isinstance(item, Mapping):
            report.error(at, *_not_a_mapping(item))
            continue
        declaration = {str(key): each for key, each in item.items() if each is not None or key in SOURCE_KEYS}
        complete = _with_published(report, at, declaration)
        if complete is None:
            continue
        if "shared" not in declaration:
            complete.pop("shared", None)  # of the list alone
        source = _checked_source(report, at, complete, SOURCE_KEYS)
        if source is not None:
            read.append(_read(report, at, name, source, complete))
    return tuple(read)


def _check_known(report: ErrorReport, place: Place, declaration: Mapping[str, Any]) -> set[str]:
    """Report each unknown key; return the keys that were probably meant."""
    guesses = set()
    for key in declaration:
        if key in _KNOWN:
            continue
        close = _INSTEAD.get(key.lower()) or hints.guess(key, _KNOWN)
        fix = f"did you mean {close}?" if close else f"the keys are {', '.join(sorted(_KNOWN))}"
        report.error(place, f"unknown key {values.show(key)}", fix)
        guesses.add(close or "")
    return guesses


def _source(
    report: ErrorReport, place: Place, declaration: Mapping[str, Any], guesses: set[str], keys: Keys
) -> str | None:
    """Return the key that names the source of the list, None after an error."""
    sources = [key for key in keys if key in declaration]
    if len(sources) > 1:
        fix = "keep one of them, or write sources: [{url: …}, {file: …}]"
        report.error(place, f"has {' and '.join(sources)}, two sources", fix)
        return None
    if sources:
        return sources[0]
    if "aws" in declaration:
        return "url"
    if not guesses & {*keys, "aws", "known"}:
        report.error(place, "has no source", f"write one of {values.enumeration([*keys, 'aws', 'known'])}")
    return None


def _check_combination(report: ErrorReport, place: Place, source: str, declaration: list[str], keys: Keys) -> None:
    for key in declaration:
        if key != source and key not in keys[source]:
            report.error(place.key(key), f"has no meaning beside {source}", "remove it")
    if "aws" in declaration and "query" in declaration:
        report.error(place.key("query"), "has no meaning beside aws, which selects by service and region", "keep one")
    if "region" in declaration and "aws" not in declaration:
        report.error(place.key("region"), "has no meaning without aws", "name the service, such as aws: S3")


def _not_a_mapping(value: Any) -> tuple[str, str]:
    """Return cause and fix for the short forms that people try."""
    if isinstance(value, (list, tuple)):
        return "is a list", "write {prefixes: […]}"
    if isinstance(value, str) and "://" in value:
        return "is a text", f"write {{url: {values.show(value)}}}"
    if isinstance(value, str):
        return f"{values.show(value)} is a text", "write {prefixes: […]}, {file: …} or {url: …}"
    return f"is {values.kind(value)}", "write one of {prefixes: […]}, {file: …}, {url: …}, {aws: …}, {fed_by: external}"
