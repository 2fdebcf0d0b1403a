# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For each target whose program can run: the program as the reader of its files, in each release that we have."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import RenderedFile
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden import interpret
from ansible_collections.tidegate.nftables.tests.support import dnsmasq, squid
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.evaluators import (
    Evaluator,
    Passes,
    Settings,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.random_units import (
    SOURCE,
    Rendering,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.test_property import (
    ADDRESSES,
    packet,
)

OTHER_HOST = "10.0.0.78"
UNLISTED = "unlisted.example"


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _squid(version: str) -> Evaluator:
    """Requests over TCP, from the unit's host and from another one, whom no line may be about."""

    def complaints(rendered: Rendering, _settings: Settings) -> list[str]:
        with _folder() as folder:
            return squid.Squid(version, folder).complaints(rendered.file.text)

    @contextmanager
    def reading(rendered: Rendering) -> Iterator[Passes]:
        with _folder() as folder, squid.Squid(version, folder).running(rendered.file.text) as answers:
            assert answers(OTHER_HOST, "203.0.113.7", 443) is None
            yield lambda flow: answers(SOURCE, flow.address, flow.port or 0) is True

    def decides(rendered: Rendering, flow: policy.Flow) -> bool:
        """The named servers are not Squid's."""
        return flow.protocol == "tcp" and bool(flow.port) and policy.decide(rendered.resolved, flow).cause != "floor"

    return Evaluator(
        reading=reading,
        complaints=complaints,
        decides=decides,
        allow_all=lambda _resolved: RenderedFile(f"acl unit src {SOURCE}\nhttp_access allow unit\n"),
        approximations=("", "narrower"),
    )


def _dnsmasq(version: str) -> Evaluator:
    """The host's table, after each name had every address that is tried: the answers are somebody else's."""

    def complaints(rendered: Rendering, _settings: Settings) -> list[str]:
        with _folder() as folder:
            complaint = dnsmasq.Dnsmasq(version, folder).complaints(rendered.file.text)
        return [complaint] if complaint else []

    @contextmanager
    def reading(rendered: Rendering) -> Iterator[Passes]:
        spec = compile_table(rendered.resolved)
        feeding = [names for entry in rendered.resolved.all_entries() for _list, names in entry.feeding_names]
        fed = {name for names in feeding for name in names}
        with _folder() as folder:
            program = dnsmasq.Dnsmasq(version, folder)
            filled = program.filled(rendered.file.text, spec["sets"], sorted({*fed, UNLISTED}), ADDRESSES)
        sets = [{**each, "elements": [*each.get("elements", ()), *filled[each["name"]]]} for each in spec["sets"]]
        yield lambda flow: interpret.run({**spec, "sets": sets}, packet(flow)).verdict == "accept"

    def allow_all(resolved: policy.ResolvedPolicy) -> RenderedFile:
        names = [each["name"] for each in compile_table(resolved)["sets"] if each["name"].startswith("allow_")]
        return RenderedFile(f"nftset=/#/{','.join(f'{name[-1]}#inet#tidegate#{name}' for name in names)}\n")

    return Evaluator(reading=reading, complaints=complaints, allow_all=allow_all)


PROGRAMS: Mapping[tuple[str, str], Evaluator] = {
    **{("squid", version): _squid(version) for version in squid.VERSIONS},
    **{("dnsmasq", version): _dnsmasq(version) for version in dnsmasq.VERSIONS},
}
"""By target and release."""
