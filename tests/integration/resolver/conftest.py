# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resolver with each release of unbound, once for a module: tests use names of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ansible_collections.tidegate.nftables.tests.support import resolver as resolvers
from ansible_collections.tidegate.nftables.tests.support.authority import Authority
from ansible_collections.tidegate.nftables.tests.support.namespaces import own_namespace
from ansible_collections.tidegate.nftables.tests.support.resolver import EXACT, VERSIONS, Resolver, listener


@dataclass
class World:
    """A network namespace with a resolver, a table that its sets decide in, and a name server behind."""

    resolver: Resolver
    authority: Authority


@pytest.fixture(scope="module", params=VERSIONS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world for the tests of a module."""
    authority = Authority(replies=dict(EXACT))
    with own_namespace(), authority.running(), listener(), resolvers.running(request.param) as resolver:
        yield World(resolver, authority)
