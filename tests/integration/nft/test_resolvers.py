# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets that hold the name servers which the host itself uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import resolvers
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import RESOLVER_ADDRESS

from .conftest import Lab


def resolver_set(version: int, *elements: str, **more: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": f"dns{version}", "type": f"ipv{version}_addr", "flags": ["interval"], **more}
    return {**spec, "elements_from": "resolvers", **({"elements": list(elements)} if elements else {})}


TABLE: dict[str, Any] = {
    "name": "t",
    "sets": [resolver_set(4), resolver_set(6)],
    "chains": [{"name": "c", "rules": ["ip daddr @dns4 accept", "ip6 daddr @dns6 accept"]}],
}


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The host's resolv.conf; beside it upstream.conf, systemd-resolved's."""
    monkeypatch.setattr(resolvers, "FILE", str(tmp_path / "resolv.conf"))
    monkeypatch.setattr(resolvers, "UPSTREAM", str(tmp_path / "upstream.conf"))
    monkeypatch.setattr(resolvers, "ORIGINAL", str(tmp_path / "original.json"))
    return tmp_path / "resolv.conf"


def held(lab: Lab) -> list[str]:
    sets = {nft_set.name: nft_set for nft_set in lab.table().sets}
    return [element.key for version in (4, 6) for element in sets[f"dns{version}"].elements]


def test_both_families_without_loopback_scopes_and_lines_that_nobody_reads(lab: Lab, conf: Path) -> None:
    conf.write_text(
        "# nameserver 192.0.2.9\n; nameserver 192.0.2.8\n nameserver 192.0.2.7\nnameserver\nsearch example.com\n"
        "nameserver 192.0.2.1\nnameserver 127.0.0.1\nnameserver\tfe80::1%eth0 \nnameserver 2001:db8::53 # ours\n"
        "nameserver 0.0.0.0\nnameserver ::1\nnameserver nonsense\nnameserver 192.0.2.1\nnameserver ::ffff:192.0.2.2\n"
    )
    assert lab.predicted(TABLE).changed
    assert held(lab) == ["192.0.2.1", "192.0.2.2", "2001:db8::53", "fe80::1"]


def test_a_changed_file_changes_exactly_the_elements_and_ends_the_proof(lab: Lab, conf: Path) -> None:
    conf.write_text("nameserver 192.0.2.1\nnameserver 192.0.2.2\n")
    lab.run(TABLE)
    assert lab.run(TABLE).path == "fast"
    conf.write_text("nameserver 192.0.2.2\nnameserver 192.0.2.3\n")
    result = lab.predicted(TABLE)
    changes = [change.as_dict() for change in result.changes]
    assert [(change["kind"], change["action"], change["sample"]) for change in changes] == [
        ("element", "delete", ["192.0.2.1"]),
        ("element", "add", ["192.0.2.3"]),
    ]
    assert held(lab) == ["192.0.2.2", "192.0.2.3"]
    # Other lines, the same servers: nothing to do, and proven without nft.
    conf.write_text("search example.com\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n")
    assert lab.run(TABLE).path == "fast"


@pytest.mark.parametrize("stub", ["127.0.0.53", "127.0.0.54"])
def test_whom_systemd_resolved_asks(lab: Lab, conf: Path, stub: str) -> None:
    conf.write_text(f"nameserver {stub}\n")
    conf.with_name("upstream.conf").write_text("nameserver 192.0.2.1\n")
    lab.run(TABLE)
    assert held(lab) == ["192.0.2.1"]
    conf.write_text(f"nameserver {stub}\nnameserver 192.0.2.5\n")
    lab.run(TABLE)
    assert held(lab) == ["192.0.2.5"]


NONE = {
    "no file": (None, None, "resolv.conf names no server"),
    "nothing": ("search example.com\n", None, "resolv.conf names no server"),
    "a resolver here": ("nameserver 127.0.0.1\n", "nameserver 192.0.2.1\n", "names only 127.0.0.1, which is this host"),
    "a stub alone": ("nameserver 127.0.0.53\n", None, "upstream.conf names no server beyond this host"),
    "a stub in front": (
        "nameserver 127.0.0.53\n",
        "nameserver ::1\n",
        "upstream.conf names no server beyond this host",
    ),
}


def test_a_host_that_asks_our_resolver_has_the_servers_from_before(lab: Lab, conf: Path) -> None:
    """Or a second run would find none. resolvconf leaves them behind ours, systemd-resolved has those of its links."""
    ours = f"nameserver {RESOLVER_ADDRESS}\n"
    conf.write_text(ours)
    conf.with_name("original.json").write_text(json.dumps({"link": None, "text": "nameserver 192.0.2.1\n"}))
    assert lab.predicted(TABLE).changed
    assert held(lab) == ["192.0.2.1"]
    both = f"{ours}nameserver 192.0.2.1\n"
    conf.with_name("upstream.conf").write_text(both)
    for text in (both, "nameserver 127.0.0.53\n"):
        conf.write_text(text)
        assert not lab.run(TABLE).changed
        assert held(lab) == ["192.0.2.1"]


@pytest.mark.parametrize("what", NONE)
def test_none_is_an_error_that_names_the_file_and_changes_nothing(lab: Lab, conf: Path, what: str) -> None:
    own, upstream, message = NONE[what]
    if own is not None:
        conf.write_text(own)
    if upstream is not None:
        conf.with_name("upstream.conf").write_text(upstream)
    with pytest.raises(EngineError, match=message) as caught:
        lab.run(TABLE)
    assert (caught.value.reason, caught.value.where) == ("no_resolvers", "tables[0].sets[0].elements_from")
    assert "Nothing was changed" in caught.value.message
    assert lab.listing() == ""
    assert not lab.run({"name": "t", "state": "absent"}).changed


def test_they_come_beside_what_is_written(lab: Lab, conf: Path) -> None:
    conf.write_text("nameserver 192.0.2.1\nnameserver 198.51.100.9\n")
    lab.predicted({**TABLE, "sets": [resolver_set(4, "192.0.2.1", "198.51.100.0/24", "203.0.113.1"), resolver_set(6)]})
    assert held(lab) == ["192.0.2.1", "198.51.100.0/24", "203.0.113.1"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "s", "type": "inet_service", "elements_from": "resolvers"},
        {"name": "s", "type": "ipv4_addr", "elements_from": "elsewhere"},
    ],
)
def test_what_is_no_source(lab: Lab, conf: Path, wrong: dict[str, Any]) -> None:
    conf.write_text("nameserver 192.0.2.1\n")
    with pytest.raises(EngineError) as caught:
        lab.run({"name": "t", "sets": [wrong]})
    assert (caught.value.reason, caught.value.where) == ("bad_spec", "tables[0].sets[0].elements_from")
