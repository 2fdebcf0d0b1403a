# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the bytes of a document to the addresses in it. A document that is not fully understood is not used at all."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

from .model import Aws, FeedError, PrefixList
from .options import everything, guess

# The list of each family in AWS's document and the key of a network (docs.aws.amazon.com, "AWS IP address range JSON").
_AWS_FAMILIES = (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix"))

_DELIMITERS = (",", ";", "\t")

MOST_NETWORKS = 100_000
"""Networks of one list; the largest in use (AWS, all services) has 15,000. Each costs the controller a kilobyte."""


def read(declared: PrefixList, body: bytes) -> AddressSet:
    """Return the addresses that the declaration selects: not none, and not everything. Raise FeedError."""
    _check_pin(declared, body)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FeedError("the document is not UTF-8 text") from error
    networks = _joined(_selected(declared, text))
    if not networks:
        raise FeedError("the list is empty", "correct the query" if declared.query else "")
    check_whole(networks)
    return networks


def _selected(declared: PrefixList, text: str) -> Iterable[str]:
    """Return what the declaration selects of a document: JSON, JSON lines, rows of CSV, or lines of text."""
    begin = text.lstrip()[:1]
    if begin == "<":
        raise FeedError(f"the document is a web page or XML; it begins with {_begin(text)}", "check the URL")
    if declared.aws:
        return _pick_aws(declared.aws, _json(text))
    if declared.query:
        return _pick(declared.query, _json(text) if begin in ("[", "{") else _rows(text))
    return _elements(_json(text), "the document") if begin in ("[", "{", '"') else _lines(text)


def check_whole(networks: AddressSet) -> None:
    """Raise FeedError for networks that are all of IPv4 or IPv6."""
    whole = everything(networks)
    if whole:
        raise FeedError(
            f"the list is all of {whole}, and no feed may open everything", "check whether it is the right list"
        )


def _check_pin(declared: PrefixList, body: bytes) -> None:
    if declared.sha256 is None:
        return
    actual = hashlib.sha256(body).hexdigest()
    if actual != declared.sha256:
        cause = f"the content differs from the pinned content: its SHA-256 is {actual}, sha256 is {declared.sha256}"
        raise FeedError(cause, "review the change, then write the new sha256")


def _json(text: str) -> Any:
    """Return a JSON document. JSON lines, a document on each line, are the list of them."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise FeedError("the document is JSON that is nested too deeply") from error
    except ValueError as error:
        documents = list(_json_lines(text))
        if not documents:
            raise FeedError(f"the document is not JSON ({error}); it begins with {_begin(text)}") from error
        return documents


def _json_lines(text: str) -> Iterator[Any]:
    """Yield the document on each line, none where the first line is no document of its own."""
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            if line.strip():
                yield json.loads(line)
        except (RecursionError, ValueError) as error:
            if number == 1:
                return
            raise FeedError(
                f"line {number} of the document is not JSON ({error}); it begins with {_begin(line)}"
            ) from error


def _rows(text: str) -> list[list[str]]:
    """Return the rows of comma-separated values as lists of cells, without empty lines and comments (RFC 8805).

    Semicolons and tabs separate, too, where the first row has no comma.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    delimiter = next((each for each in _DELIMITERS if lines and each in lines[0]), ",")
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        return [[cell.strip() for cell in row] for row in reader]
    except csv.Error as error:
        raise FeedError(f"row {reader.line_num} of the document is not CSV ({error})") from error


def _begin(text: str) -> str:
    return values.show(text.strip()[:60])


def _pick(query: str, document: Any) -> list[str]:
    import jmespath  # type: ignore[import-untyped]
    from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]

    try:
        result = jmespath.search(query, document)
    except (JMESPathError, RecursionError) as error:
        raise FeedError(
            f"the query {values.show(query)} fails: {' '.join(str(error).split())}", "correct it"
        ) from error
    if result is None or result == []:
        raise FeedError(f"the query {values.show(query)} finds nothing", f"correct it; {_keys(document)}")
    return _elements(result, f"the query {values.show(query)}")


def _elements(value: Any, what: str) -> list[str]:
    """Return the texts of a list; a single text is a list of one."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        raise FeedError(f"{what} gives a mapping, not a list of networks", f"write a query; {_keys(value)}")
    if not isinstance(value, list):
        raise FeedError(f"{what} gives {values.kind(value)}, not a list of networks", "correct the query")
    for item in value:
        if isinstance(item, str):
            continue
        fix = "end the query with []" if isinstance(item, list) else f"pick one of them; {_keys(item)}"
        raise FeedError(f"{what} gives a list with {values.kind(item)} in it, not a list of networks", fix)
    return value


def _keys(value: Any) -> str:
    if isinstance(value, list) and value:
        return f"the document is a list that begins with {values.show(value[0])}"
    if not isinstance(value, Mapping):
        return f"the document is {values.kind(value)}"
    return f"the keys there are {', '.join(str(key) for key in list(value)[:12])}"


def _lines(text: str) -> list[str]:
    """Return the lines of a text with one network per line; `#` and `;` begin a comment."""
    bare = (line.partition("#")[0].partition(";")[0].strip() for line in text.splitlines())
    return [line for line in bare if line]


def _pick_aws(selection: Aws, document: Any) -> Iterable[str]:
    try:
        rows = [
            (str(row["service"]), str(row["region"]), row[key])
            for family, key in _AWS_FAMILIES
            for row in document[family]
        ]
    except (KeyError, TypeError, IndexError) as error:
        cause = "the document is not like AWS's ip-ranges.json: it has no prefixes with service, region and ip_prefix"
        raise FeedError(cause, "check the URL or file") from error
    services = sorted({service for service, _region, _prefix in rows})
    regions = sorted({region for _service, region, _prefix in rows})
    if selection.service not in services:
        raise FeedError(f"AWS has no service {selection.service}", guess(selection.service, services))
    for region in selection.regions:
        if region not in regions:
            raise FeedError(f"AWS has no region {region}", guess(region, regions))
    networks = [
        prefix
        for service, region, prefix in rows
        if service == selection.service and (not selection.regions or region in selection.regions)
    ]
    if not networks:
        raise FeedError(
            f"AWS publishes no network of {selection.service} in {', '.join(selection.regions)}", "try GLOBAL"
        )
    return _elements(networks, "the document")


def _joined(texts: Iterable[str]) -> AddressSet:
    """Return the union of all networks. One that cannot be read, or one too many, makes the whole list unusable.

    The policy's own reader, not netaddr's: it rejects bits set behind the prefix, which is what a cut-off length looks
    like, and gives the intervals that everything else calculates with (50,000 networks in a quarter of a second).
    """
    networks = list(islice(texts, MOST_NETWORKS + 1))
    if len(networks) > MOST_NETWORKS:
        raise FeedError(f"the list has more than {MOST_NETWORKS} networks", "select fewer with query")
    try:
        return addresses.union(addresses.parse(text.strip()) for text in networks)
    except addresses.AddressError as error:
        raise FeedError(f"an element of the list is not a network: {error.cause}") from error
