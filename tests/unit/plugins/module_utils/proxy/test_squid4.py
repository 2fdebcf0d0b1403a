# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of Squid 4; Squid itself reads them in tests/integration/proxy."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import squid4

CONFIGURATION = """\
client_ip_max_connections 4096
acl say_rejected annotate_transaction tidegate=rejected
acl e_1_say annotate_transaction tidegate=allowed tidegate_entry=pay
http_access allow app e_1_say
http_access deny all say_rejected
ssl_bump splice app
"""


def test_later_releases_have_it_as_it_is() -> None:
    assert squid4.translated(CONFIGURATION, 5) == CONFIGURATION


def test_a_helper_makes_the_notes_and_a_denial_needs_none() -> None:
    helper, *lines = squid4.translated(CONFIGURATION, 4).splitlines()
    assert helper.startswith("external_acl_type tidegate_say ")
    assert lines == [
        "acl say_rejected external tidegate_say tidegate=rejected",
        "acl e_1_say external tidegate_say tidegate=allowed tidegate_entry=pay",
        "http_access allow app e_1_say",
        "http_access deny all say_rejected",
        "http_access deny all",
        "ssl_bump splice app",
    ]
