# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of the single options of a prefix list. After an error they return None."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import hints, values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import names as domain_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet

from .model import Aws

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_NUMBER = re.compile(r"[1-9][0-9]{0,4}")
_PERCENT = re.compile(r"(?P<number>[0-9]{1,4}(\.[0-9]{1,3})?) ?%")
_SERVICE = re.compile(r"[A-Za-z0-9_]{1,64}")
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")

T = TypeVar("T")


def optional(
    report: ErrorReport,
    place: Place,
    declaration: Mapping[str, Any],
    key: str,
    read: Callable[[ErrorReport, Place, Any], T | None],
) -> T | None:
    """Return the value of a key that may be absent."""
    return read(report, place.key(key), declaration[key]) if key in declaration else None


def prefixes(report: ErrorReport, place: Place, value: Any) -> AddressSet:
    """Return the networks of an inline list: at least one, and not everything."""
    elements = values.items(report, place, value)
    if elements is None:
        return NOTHING
    if not elements:
        report.error(place, "is an empty list", "name at least one network, or remove the list")
    networks = []
    for at, item in elements:
        if not isinstance(item, str):
            report.error(at, f"{values.show(item)} is read by YAML as {values.kind(item)}", "write it in quotes")
            continue
        try:
            networks.append(addresses.parse(item.strip()))
        except addresses.AddressError as error:
            report.error(at, error.cause, error.fix)
    joined = addresses.union(networks)
    whole = everything(joined)
    if whole:
        report.error(place, f"is all of {whole}", "name single networks; for everything use the word any")
    return joined


def everything(networks: AddressSet) -> str | None:
    """Return `IPv4` or `IPv6` when the set has every address of that family, else None."""
    for version in (4, 6):
        if networks.size(version) == 1 << addresses.BITS[version]:
            return f"IPv{version}"
    return None


def fed_by(report: ErrorReport, place: Place, value: Any) -> None:
    """Check the value of fed_by: external is the only word."""
    if value != "external":
        fix = "write external: a set that others fill"
        report.error(place, f"unknown word {values.show(value)}", fix)


def names(report: ErrorReport, place: Place, value: Any) -> tuple[str, ...] | None:
    """Return the domain names that fill a list, in lower case, each once; at least one."""
    elements = values.items(report, place, value)
    if elements == []:
        report.error(place, "is an empty list", "name at least one domain, or remove the key")
    domains = []
    for at, item in elements or []:
        text = values.text(report, at, item)
        pattern = None if text is None else domain_names.pattern(report, at, text)
        if pattern is not None:
            domains.append(str(pattern))
    return tuple(sorted(set(domains)))


def path(report: ErrorReport, place: Place, value: Any, _pinned: bool) -> str | None:
    """Return the path of a file, absolute or to be searched."""
    text = values.text(report, place, value)
    if text is not None and "://" in text:
        report.error(place, f"{values.show(text)} is a URL", "write it as url:")
        return None
    return text


def url(report: ErrorReport, place: Place, value: Any, pinned: bool) -> str | None:
    """Return an https URL. http is accepted to this machine only, or with a pinned content."""
    text = values.text(report, place, value)
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        report.error(place, f"{values.show(text)} is not a URL: {error}")
        return None
    if parts.scheme == "file":
        report.error(place, f"{values.show(text)} is a file", f"write file: {parts.path}")
    elif parts.scheme not in ("https", "http") or not host or _CONTROL.search(text):
        report.error(place, f"{values.show(shown(text))} is not an https URL", "write https://HOST/PATH")
    elif parts.scheme == "http" and not pinned and not _this_machine(host):
        cause = f"{values.show(shown(text))} is not encrypted, so anyone on the network path could add networks"
        report.error(place, cause, "write https://, or pin the content with sha256")
    else:
        return text
    return None


def shown(text: str) -> str:
    """Return a URL for messages: without user, password and query, which can hold tokens."""
    parts = urlsplit(text)
    if not parts.hostname:
        return text.partition("?")[0]
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def query(report: ErrorReport, place: Place, value: Any) -> str | None:
    """Return a JMESPath expression that compiles (https://jmespath.org/specification.html)."""
    text = values.text(report, place, value)
    if text is None:
        return None
    try:
        import jmespath  # type: ignore[import-untyped]
        from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]
    except ImportError:
        report.error(place, "needs the Python package jmespath on the controller", "run pip install jmespath")
        return None
    try:
        jmespath.compile(text)
    except JMESPathError as error:
        reason = " ".join(str(error).split())
        fix = "write a JMESPath expression such as prefixes[].cidr (without the leading dot of jq)"
        report.error(place, f"{values.show(text)} is not a JMESPath query: {reason}", fix)
        return None
    return text


def aws(report: ErrorReport, place: Place, declaration: Mapping[str, Any]) -> Aws | None:
    """Return the selection by aws and region, in AWS's own spelling."""
    if "aws" not in declaration:
        return None
    fix = "write it as S3 or CLOUDFRONT"
    service = _name(report, place.key("aws"), declaration["aws"], form=_SERVICE, what="service of AWS", fix=fix)
    regions: list[str | None] = []
    if "region" in declaration:
        at = place.key("region")
        elements = values.items(report, at, declaration["region"]) or []
        if declaration["region"] in ([], ()):
            report.error(at, "is an empty list", "remove the key to select every region")
        fix = "write it as eu-west-1 or GLOBAL"
        regions = [_name(report, where, item, form=_REGION, what="region of AWS", fix=fix) for where, item in elements]
    if service is None or None in regions:
        return None
    lower = sorted({region.lower() for region in regions if region is not None})
    return Aws(service.upper(), tuple("GLOBAL" if region == "global" else region for region in lower))


def sha256(report: ErrorReport, place: Place, value: Any) -> str | None:
    """Return the digest of a pinned content, in lower case."""
    if isinstance(value, str) and _SHA256.fullmatch(value.strip()):
        return value.strip().lower()
    report.error(place, f"{values.show(value)} is not a SHA-256 digest", "write its 64 hexadecimal digits, in quotes")
    return None


def positive(report: ErrorReport, place: Place, value: Any) -> int | None:
    """Return a whole number from 1 to 99999."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 100_000:
        return int(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return int(value)  # Jinja turns numbers into texts.
    report.error(place, f"{values.show(value)} is not a whole number from 1 to 99999")
    return None


def percent(report: ErrorReport, place: Place, value: Any) -> float | None:
    """Return a percentage such as 30%."""
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match:
        return float(match["number"])
    text = values.show(value)
    fix = f"write {value}%" if isinstance(value, int) and not isinstance(value, bool) else "write it as 30%"
    report.error(place, f"{text} is not a percentage", fix)
    return None


def guess(word: str, known: list[str]) -> str:
    """Return a suggestion for an unknown word, whatever its case, "" when no word is similar."""
    spelled = {name.lower(): name for name in known}
    close = hints.guess(word, spelled)
    return f"did you mean {spelled[close]}?" if close else ""


def _name(report: ErrorReport, place: Place, value: Any, *, form: re.Pattern[str], what: str, fix: str) -> str | None:
    if isinstance(value, str) and form.fullmatch(value.strip()):
        return value.strip()
    report.error(place, f"{values.show(value)} is not a {what}", fix)
    return None


def _this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
