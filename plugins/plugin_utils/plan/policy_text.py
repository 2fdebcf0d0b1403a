# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy as text for a difference: a line for each entry and each element of egress_never, with addresses."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedEntry, ResolvedPolicy

from .guards import words_of
from .wording import Words, address_text, names_text, service_text

_ADDRESSES = 100
"""Addresses and networks of one line; of more the number stands there."""


def policy_text(resolved: ResolvedPolicy | None) -> str:
    """Return the lines of a policy, "" for none."""
    if resolved is None or resolved.mode == "absent":
        return ""
    return "".join(f"{line}\n" for line in _lines(resolved))


def _lines(resolved: ResolvedPolicy) -> Iterator[str]:
    words = words_of(resolved)
    yield f"mode {resolved.mode}"
    if resolved.tier:
        yield f"tier {resolved.tier}"
    for word, observed in resolved.observed().items():
        yield f"only observe {word}: {address_text(observed, _ADDRESSES)}"
    yield f"floor: {names_text(resolved.floor, _ADDRESSES)}"
    for name, servers in (("DNS", resolved.dns), ("NTP", resolved.ntp)):
        if servers:
            yield f"{name} to {address_text(servers, _ADDRESSES)}"
    for never in resolved.never:
        whom = f" except for {never.excepted}" if never.excepts else ""
        yield f"never to {address_text(never.addresses, _ADDRESSES, words)} with {service_text(never.services)}{whom}"
    for entry in resolved.all_entries():
        yield from _entry(entry, "to", words)
    for entry in resolved.inbound or ():
        yield from _entry(entry, "from", words)
    if resolved.inbound is not None:
        yield "reject all other inbound packets"


def _entry(entry: ResolvedEntry, side: str, words: Words) -> Iterator[str]:
    senders = "" if entry.for_ == ("host",) or side == "from" else f" by {' and '.join(entry.for_)}"
    users = f" for {entry.sockets}" if entry.by_socket else ""
    for grant in entry.grants:
        addresses = address_text(grant.addresses, _ADDRESSES, words)
        yield f"allow {entry.name}{senders}{users}: {side} {addresses} with {service_text(grant.services, _ADDRESSES)}"
    for name in entry.names:
        yield f"allow {entry.name}{senders}{users}: {side} {name.name}"
    for grant in entry.external:
        services = service_text(grant.services, _ADDRESSES)
        yield f"allow {entry.name}{senders}{users}: {side} what others add, with {services}"
