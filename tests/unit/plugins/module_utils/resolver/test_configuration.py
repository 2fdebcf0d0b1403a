# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""unbound's configuration: what of a document stands in it. That unbound accepts it is tested with unbound."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import configuration, document
from ansible_collections.tidegate.nftables.tests.support.resolver import API, DOCUMENT

SCRIPT = Path("/run/tidegate-dns/unbound.py")


def test_every_server_and_every_name_of_the_policy_stands_in_it() -> None:
    text = configuration.text(document.parse(DOCUMENT), SCRIPT)
    assert "forward-addr: 127.0.1.53\n" in text
    assert 'local-zone: "example.net." transparent\n' in text
    assert 'local-zone: "use-application-dns.net." always_nxdomain\n' in text


def test_a_policy_that_names_a_doh_server_may_reach_it() -> None:
    named = document.parse({**DOCUMENT, "sets": [{**API, "names": ["dns.google"]}]})
    assert '"dns.google." always_nxdomain' not in configuration.text(named, SCRIPT)
