# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module refuses before it sends anything."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.probe.arguments import counts, parse
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.model import Measurement, Probe, ProbeError


def params(**probe: Any) -> dict[str, Any]:
    good = {"to": "192.0.2.1", "protocol": "tcp", "port": 443, "user": None, "name": ""}
    return {"probes": [good, {**good, **probe}], "timeout": 1.0, "parallel": 8}


def test_addresses_are_written_as_the_system_writes_them() -> None:
    request = parse(params(to="2001:DB8::0:1", user="payd", name="x"))
    assert request.probes[1] == Probe("2001:db8::1", "tcp", 443, "payd", "x")
    assert (request.timeout, request.parallel) == (1.0, 8)


@pytest.mark.parametrize("to", ["example.org", "192.0.2.300", "192.0.2.0/24", "", "2001:db8:::1"])
def test_what_is_no_address_is_named_with_its_place(to: str) -> None:
    with pytest.raises(ProbeError, match="not an IPv4 or IPv6 address") as caught:
        parse(params(to=to))
    assert caught.value.where == "probes[1]"
    assert f'"{to}"' in str(caught.value)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_named_with_its_place(port: int) -> None:
    with pytest.raises(ProbeError, match=f"Port {port} is not in 1 to 65535") as caught:
        parse(params(port=port))
    assert (caught.value.reason, caught.value.where) == ("bad_spec", "probes[1]")


@pytest.mark.parametrize(("name", "value"), [("timeout", 0.0), ("timeout", -1.0), ("parallel", 0)])
def test_time_and_number_must_be_positive(name: str, value: float) -> None:
    with pytest.raises(ProbeError, match=name):
        parse({**params(), name: value})


def test_every_outcome_is_counted_also_those_that_did_not_happen() -> None:
    results = [
        Measurement("answered", None, 1.0),
        Measurement("refused", "EPERM", 0.1),
        Measurement("refused", "EACCES", 0.1),
    ]
    assert counts(results) == {"answered": 1, "refused": 2, "silent": 0, "failed": 0}
