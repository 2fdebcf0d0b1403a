# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kinds of logs there are, and the sources as they are declared in egress_flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import hints

from . import conntrack, files, ledger, packets, results, squid, vpc
from .errors import FlowError
from .model import Kind, Source

Reader = Callable[[Any, Source], list[str]]

KINDS: Mapping[Kind, Reader] = {
    "vpc": vpc.read,
    "conntrack": conntrack.read,
    "ledger": ledger.read,
    "ulogd": packets.read,
    "squid": squid.read,
    "athena": results.read,
    "insights": results.read,
}
"""Kind: the function that returns SELECTs of the shape in columns.py for a source."""

_OPTIONS = {"host", "format"}


def parse(declared: Any, base: Path) -> list[Source]:
    """Return the sources that egress_flows names, relative paths below ``base``. Raises FlowError with all errors."""
    if not isinstance(declared, list) or not declared:
        raise FlowError(
            "egress_flows: names no logs. Fix: list them, such as -e '{egress_flows: [{vpc: flow-logs/}]}'. "
            f"Kinds: {', '.join(KINDS)}"
        )
    sources, errors = [], []
    for number, item in enumerate(declared):
        try:
            sources.append(_parse(item, f"egress_flows[{number}]", base))
        except FlowError as error:
            errors.append(str(error))
    if errors:
        raise FlowError("\n".join(errors))
    return sources


def _parse(item: Any, where: str, base: Path) -> Source:
    if not isinstance(item, Mapping):
        raise FlowError(f"{where}: not a mapping. Fix: write the kind and the path, such as {{vpc: flow-logs/}}")
    for key in item:
        if key not in KINDS and key not in _OPTIONS:
            guess = hints.guess(str(key), [*KINDS, *_OPTIONS])
            raise FlowError(f"{where}.{key}: unknown{f'; did you mean {guess}?' if guess else ''}")
    kinds = [kind for kind in KINDS if kind in item]
    if len(kinds) != 1:
        raise FlowError(f"{where}: names {len(kinds)} kinds of logs. Fix: name one of {', '.join(KINDS)}")
    (kind,) = kinds
    for key in ("host", "format", kind):
        if not isinstance(item.get(key, "x"), str) or not item.get(key, "x"):
            raise FlowError(f"{where}.{key}: not a text, or an empty one")
    if "format" in item and kind != "vpc":
        raise FlowError(f"{where}.format: only VPC flow logs have a format")
    try:
        paths = files.expand(item[kind], base)
    except FlowError as error:
        raise FlowError(f"{where}.{kind}: {error}") from error
    return Source(kind, tuple(paths), where, item.get("host"), item.get("format"))
