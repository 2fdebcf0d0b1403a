# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`egress_ntp_servers: [pool]`: time servers whose addresses nobody can name, for the time daemon alone."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Destination, Entry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services

WORD = "pool"
NAME = "ntp-pool"
# The users of chrony, systemd-timesyncd, ntpsec and ntp in Debian, Ubuntu, Fedora, RHEL and Alpine. Not root: every
# program that root starts could then talk to the internet.
USERS = ("_chrony", "chrony", "ntp", "ntpsec", "systemd-timesync")


def entry() -> Entry:
    """Return what the word opens: an entry and not a part of the floor's chain, since egress_never applies to it."""
    place = variable("egress_ntp_servers")
    return Entry(
        name=NAME,
        kind="floor",
        place=place,
        to=(Destination(kind="word", text="internet", value="internet", place=place),),
        services=services.expand(services.catalogue(), "ntp"),
        service_texts=("ntp",),
        users=USERS,
        raw=("floor", WORD),
    )
