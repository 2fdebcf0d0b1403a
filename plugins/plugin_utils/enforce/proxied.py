# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proxies would have rejected of a host, as far as their logs tell: a part of its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names

Requests = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Proxied:
    """requests: as egress_proxy_log returns them, of all proxies. since: when the evidence begins, None for never.

    gaps: what is not known, a sentence for each proxy.
    """

    requests: Requests = ()
    since: float | None = None
    gaps: tuple[str, ...] = ()


def proxied(hosts: Mapping[str, str], results: Sequence[Mapping[str, Any]]) -> Proxied:
    """Return what several results say. hosts: of each proxy's address, see inventory/proxies.py.

    results: of a loop over these hosts, each a delegated egress_proxy_log. A client uses any of its proxies, so
    one that is there for long enough is enough, and each has to be read.
    """
    by_host = {str(result.get("item")): result for result in results}
    gaps, requests, since = list[str](), list[Mapping[str, Any]](), list[float]()
    for address, host in hosts.items():
        if not host:
            gaps.append(f"{address} is no host of the inventory")
    for host in sorted(set(filter(None, hosts.values()))):
        result = by_host.get(host, {})
        if result.get("requests") is None or result.get("since") is None:
            gaps.append(f"the log of {host} was not read: {_why(result)}")
            continue
        if not result["complete"]:
            gaps.append(f"the log of {host} is incomplete")
        since.append(float(result["since"]))
        # What is no name was asked for by mistake: no policy could allow it.
        requests += [each for each in result["requests"] if domain_names.is_name(each["name"])]
    return Proxied(requests=tuple(requests), since=min(since, default=None), gaps=tuple(gaps))


def _why(result: Mapping[str, Any]) -> str:
    return " ".join(str(result.get("msg") or "it is not a proxy of the role egress_proxy, or did not answer").split())
