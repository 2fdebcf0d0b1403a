# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a policy to its sets: the compiled table and the document of one policy, and a resolver that fills them."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables import names
from ansible_collections.tidegate.nftables.tests.golden.cases import ROOT, Case
from ansible_collections.tidegate.nftables.tests.golden.render import render
from ansible_collections.tidegate.nftables.tests.support import authority, resolver
from ansible_collections.tidegate.nftables.tests.support.authority import SERVFAIL, Authority, addresses
from ansible_collections.tidegate.nftables.tests.support.namespaces import own_namespace

CASE = Case(ROOT / "names")


def test_every_name_of_a_policy_fills_the_sets_of_its_entry() -> None:
    document = names.document(CASE.resolved())
    assert document is not None
    document = {key: value for key, value in document.items() if key not in ("version", "table")}
    document["servers"] = [authority.ADDRESS]
    table = render(CASE.spec(), lambda _user: str(resolver.UID))
    world = Authority()
    world.replies = {
        "api.payments.example": addresses("50.0.7.1", "2600::7:1"),
        "a.b.deb.example.net": addresses("50.0.7.2"),
        "ledger.corp.example": addresses("10.20.0.1"),
        "deb.example.net": addresses("9.9.9.9"),
    }
    with own_namespace(), world.running(), resolver.running("1.17.1", table, **document) as running:
        for name, found in (
            ("api.payments.example", ["50.0.7.1"]),
            ("a.b.deb.example.net", ["50.0.7.2"]),
            ("ledger.corp.example", ["10.20.0.1"]),
        ):
            assert running.addresses(name) == found
        # egress_never has it.
        assert running.ask("deb.example.net").rcode == SERVFAIL
        assert running.addresses("api.payments.example", authority.AAAA) == ["2600::7:1"]
        for entry, found in (
            ("names_payments-api4", ["50.0.7.1"]),
            ("names_payments-api6", ["2600::7:1"]),
            ("names_packages4", ["50.0.7.2"]),
            ("names_ledger4", ["10.20.0.1"]),
            ("names_ledger6", []),
        ):
            assert sorted(running.elements(entry)) == found
        assert all(7200 < seconds <= 7320 for seconds in running.elements("names_packages4").values())
