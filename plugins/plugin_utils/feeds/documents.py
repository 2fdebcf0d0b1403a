# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the bytes of a document to the addresses in it. All of it must be understood, or none of it is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

from .model import Aws, PrefixList, Unusable
from .options import everything, guess

# Where each family of AWS's document is, and under which key (docs.aws.amazon.com, "AWS IP address range JSON").
_AWS_FAMILIES = (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix"))


def read(declared: PrefixList, body: bytes) -> AddressSet:
    """The addresses that the declaration picks out of a document: some, and not everything. Raises Unusable."""
    _check_pin(declared, body)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable("the document is no text in UTF-8") from error
    if declared.aws:
        found = _joined(_pick_aws(declared.aws, _json(text)))
    elif declared.query:
        found = _joined(_pick(declared.query, _json(text)))
    else:
        found = _joined(
            _elements(_json(text), "the document") if text.lstrip()[:1] in ("[", "{", '"') else _lines(text)
        )
    whole = everything(found)
    if whole:
        raise Unusable(f"the list is all of {whole}: no feed may open everything", "is it the right list?")
    if not found:
        raise Unusable("the list is empty", "mend the query" if declared.query else "")
    return found


def _check_pin(declared: PrefixList, body: bytes) -> None:
    if declared.sha256 is None:
        return
    found = hashlib.sha256(body).hexdigest()
    if found != declared.sha256:
        cause = f"the content is not the pinned one: its SHA-256 is {found}, sha256 says {declared.sha256}"
        raise Unusable(cause, "look at what changed, then write the new sha256")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise Unusable("the document is no JSON that anybody wrote: it is nested too deeply") from error
    except ValueError as error:
        raise Unusable(f"the document is no JSON ({error}); it begins with {_begin(text)}") from error


def _begin(text: str) -> str:
    return values.show(text.strip()[:60])


def _pick(query: str, document: Any) -> list[str]:
    import jmespath  # type: ignore[import-untyped]
    from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]

    try:
        found = jmespath.search(query, document)
    except (JMESPathError, RecursionError) as error:
        raise Unusable(f"the query {values.show(query)} fails: {' '.join(str(error).split())}", "mend it") from error
    if found is None or found == []:
        raise Unusable(f"the query {values.show(query)} finds nothing", f"mend it; {_keys(document)}")
    return _elements(found, f"the query {values.show(query)}")


def _elements(found: Any, what: str) -> list[str]:
    """The texts of a list; a single text stands for a list of one."""
    if isinstance(found, str):
        return [found]
    if isinstance(found, Mapping):
        raise Unusable(f"{what} gives a mapping, not a list of networks", f"write a query; {_keys(found)}")
    if not isinstance(found, list):
        raise Unusable(f"{what} gives {values.kind(found)}, not a list of networks", "mend the query")
    for item in found:
        if isinstance(item, str):
            continue
        cure = "end the query with []" if isinstance(item, list) else f"pick one of them; {_keys(item)}"
        raise Unusable(f"{what} gives a list with {values.kind(item)} in it, not a list of networks", cure)
    return found


def _keys(value: Any) -> str:
    if not isinstance(value, Mapping):
        return f"the document is {values.kind(value)}"
    return f"the keys there are {', '.join(str(key) for key in list(value)[:12])}"


def _lines(text: str) -> list[str]:
    """One network a line; `#` and `;` begin a comment."""
    if text.lstrip().startswith("<"):
        raise Unusable(f"the document is a web page or XML; it begins with {_begin(text)}", "is it the right URL?")
    bare = (line.partition("#")[0].partition(";")[0].strip() for line in text.splitlines())
    return [line for line in bare if line]


def _pick_aws(wanted: Aws, document: Any) -> Iterable[str]:
    try:
        rows = [
            (str(row["service"]), str(row["region"]), row[key])
            for family, key in _AWS_FAMILIES
            for row in document[family]
        ]
    except (KeyError, TypeError, IndexError) as error:
        cause = "the document is not of the shape of AWS's ip-ranges.json: prefixes with service, region and ip_prefix"
        raise Unusable(cause, "is it the right document?") from error
    services = sorted({service for service, _region, _prefix in rows})
    regions = sorted({region for _service, region, _prefix in rows})
    if wanted.service not in services:
        raise Unusable(f"AWS has no service {wanted.service}", guess(wanted.service, services))
    for region in wanted.regions:
        if region not in regions:
            raise Unusable(f"AWS has no region {region}", guess(region, regions))
    found = [
        prefix
        for service, region, prefix in rows
        if service == wanted.service and (not wanted.regions or region in wanted.regions)
    ]
    if not found:
        raise Unusable(f"AWS publishes no network of {wanted.service} in {', '.join(wanted.regions)}", "try GLOBAL")
    return _elements(found, "the document")


def _joined(texts: Iterable[str]) -> AddressSet:
    """All networks together. One that cannot be read spoils the whole list: nobody knows what else is wrong with it.

    The policy's own reading, not netaddr's: it is strict about bits behind the prefix, which is what a cut-off length
    looks like, and gives the intervals that everything else calculates with (50,000 networks in a quarter of a second).
    """
    try:
        return addresses.union(addresses.parse(text.strip()) for text in texts)
    except addresses.AddressError as error:
        raise Unusable(f"the list has an element that is no network: {error}") from error
