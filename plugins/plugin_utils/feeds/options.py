# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the single options of a prefix list. None is what an error leaves."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import destinations, hints, values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet

from .model import Aws

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_NUMBER = re.compile(r"[1-9][0-9]{0,4}")
_PERCENT = re.compile(r"(?P<number>[0-9]{1,4}(\.[0-9]{1,3})?) ?%")
_SERVICE = re.compile(r"[A-Za-z0-9_]{1,64}")
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}")
_SECRETIVE = re.compile(r"[\x00-\x20\x7f]")

T = TypeVar("T")


def optional(
    report: ErrorReport,
    place: Place,
    given: Mapping[str, Any],
    key: str,
    read: Callable[[ErrorReport, Place, Any], T | None],
) -> T | None:
    """The value of a key that need not be there."""
    return read(report, place.key(key), given[key]) if key in given else None


def prefixes(report: ErrorReport, place: Place, value: Any) -> AddressSet:
    """The networks of an inline list; at least one, and not everything."""
    elements = values.items(report, place, value)
    if elements is None:
        return NOTHING
    if not elements:
        report.error(place, "is an empty list", "name at least one network, or take the list out")
    found = []
    for at, item in elements:
        if not isinstance(item, str):
            report.error(at, f"{values.show(item)} is read by YAML as {values.kind(item)}", "write it in quotes")
            continue
        try:
            found.append(addresses.parse(item.strip()))
        except addresses.AddressError as error:
            report.error(at, str(error))
    joined = addresses.union(found)
    whole = everything(joined)
    if whole:
        report.error(place, f"is all of {whole}", "a list names some networks; everything is the word any")
    return joined


def everything(found: AddressSet) -> str | None:
    """`IPv4` or `IPv6` when the set has every address of that family."""
    for version in (4, 6):
        if found.size(version) == 1 << addresses.BITS[version]:
            return f"IPv{version}"
    return None


def fed_by(report: ErrorReport, place: Place, value: Any) -> None:
    """The one word that is a value of fed_by."""
    if value != "external":
        cure = "the only word is external: a set that others fill"
        report.error(place, f"unknown word {values.show(value)}", cure)


def names(report: ErrorReport, place: Place, value: Any) -> tuple[str, ...] | None:
    """The domain names that fill a list, in small letters, each once; at least one."""
    elements = values.items(report, place, value)
    if elements == []:
        report.error(place, "is an empty list", "name at least one domain, or take it out")
    found = []
    for at, item in elements or []:
        text = values.text(report, at, item)
        if text is not None and not destinations.is_name(text):
            report.error(at, f"{values.show(text)} is no domain name", "write whole names such as api.example.com")
        elif text is not None:
            found.append(text.rstrip(".").lower())
    return tuple(sorted(set(found)))


def path(report: ErrorReport, place: Place, value: Any, _pinned: bool) -> str | None:
    """The path of a file, absolute or to be searched."""
    text = values.text(report, place, value)
    if text is not None and "://" in text:
        report.error(place, f"{values.show(text)} is a URL", "write it as url:")
        return None
    return text


def url(report: ErrorReport, place: Place, value: Any, pinned: bool) -> str | None:
    """An https URL. http only to this machine or with a pinned content: else anybody on the way could open holes."""
    text = values.text(report, place, value)
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        report.error(place, f"{values.show(text)} is no URL: {error}")
        return None
    if parts.scheme == "file":
        report.error(place, f"{values.show(text)} is a file", f"write file: {parts.path}")
    elif parts.scheme not in ("https", "http") or not host or _SECRETIVE.search(text):
        report.error(place, f"{values.show(shown(text))} is no https URL", "write https://HOST/PATH")
    elif parts.scheme == "http" and not pinned and not _this_machine(host):
        cause = f"{values.show(shown(text))} is not encrypted, anybody on the way could add networks"
        report.error(place, cause, "write https://, or pin the content with sha256")
    else:
        return text
    return None


def shown(text: str) -> str:
    """A URL for messages: without the user, the password and the query, which can hold tokens."""
    parts = urlsplit(text)
    if not parts.hostname:
        return text.partition("?")[0]
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def query(report: ErrorReport, place: Place, value: Any) -> str | None:
    """A JMESPath expression that compiles (https://jmespath.org/specification.html)."""
    text = values.text(report, place, value)
    if text is None:
        return None
    try:
        import jmespath  # type: ignore[import-untyped]
        from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]
    except ImportError:
        report.error(place, "needs jmespath on the controller", "pip install jmespath")
        return None
    try:
        jmespath.compile(text)
    except JMESPathError as error:
        reason = " ".join(str(error).split())
        cure = "write a JMESPath expression such as prefixes[].cidr (jq's begin with a dot, JMESPath's do not)"
        report.error(place, f"{values.show(text)} is no query: {reason}", cure)
        return None
    return text


def aws(report: ErrorReport, place: Place, given: Mapping[str, Any]) -> Aws | None:
    """aws and region, in AWS's own spelling of capitals."""
    if "aws" not in given:
        return None
    cure = "write it as S3 or CLOUDFRONT"
    service = _name(report, place.key("aws"), given["aws"], form=_SERVICE, what="service of AWS", cure=cure)
    regions: list[str | None] = []
    if "region" in given:
        at = place.key("region")
        elements = values.items(report, at, given["region"]) or []
        if given["region"] in ([], ()):
            report.error(at, "is an empty list", "leave it out to mean every region")
        cure = "write it as eu-west-1 or GLOBAL"
        regions = [_name(report, one, item, form=_REGION, what="region of AWS", cure=cure) for one, item in elements]
    if service is None or None in regions:
        return None
    lower = sorted({one.lower() for one in regions if one is not None})
    return Aws(service.upper(), tuple("GLOBAL" if one == "global" else one for one in lower))


def sha256(report: ErrorReport, place: Place, value: Any) -> str | None:
    """A pinned content."""
    if isinstance(value, str) and _SHA256.fullmatch(value.strip()):
        return value.strip().lower()
    report.error(place, f"{values.show(value)} is no SHA-256", "write its 64 hexadecimal digits, in quotes")
    return None


def positive(report: ErrorReport, place: Place, value: Any) -> int | None:
    """A whole number from 1 on."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 100_000:
        return int(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return int(value)  # Jinja makes texts of numbers.
    report.error(place, f"{values.show(value)} is no whole number from 1 to 99999")
    return None


def percent(report: ErrorReport, place: Place, value: Any) -> float | None:
    """A share such as 30%."""
    found = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found:
        return float(found["number"])
    text = values.show(value)
    cure = f"write {value}%" if isinstance(value, int) and not isinstance(value, bool) else "write it as 30%"
    report.error(place, f"{text} is no share", cure)
    return None


def guess(word: str, known: list[str]) -> str:
    """A cure for a word that is none of many, whatever its capitals."""
    spelled = {one.lower(): one for one in known}
    close = hints.guess(word, spelled)
    return f"did you mean {spelled[close]}?" if close else ""


def _name(report: ErrorReport, place: Place, value: Any, *, form: re.Pattern[str], what: str, cure: str) -> str | None:
    if isinstance(value, str) and form.fullmatch(value.strip()):
        return value.strip()
    report.error(place, f"{values.show(value)} is no {what}", cure)
    return None


def _this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
