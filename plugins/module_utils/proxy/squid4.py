# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Squid 4 (Debian 11) cannot read in the proxy's configuration, in its own words.

A request's notes come from `annotate_transaction`, which Squid has since release 5. Before that only a program beside
it makes notes. So one is run that answers what it is asked: sed, with OK before each line. Squid asks it once for each
note and keeps the answer, as no question has anything of a request in it.

How many connections a client has is not limited: with such a limit Squid 4 keeps those beyond it open, answers none of
them, and logs `BUG 3556: FD … is not an open socket` (seen with 4.13).
"""

from __future__ import annotations

import re

RELEASE = 4
"""Later ones need no translation."""
_ANNOTATION = re.compile(r"^acl (\S+) annotate_transaction ", re.MULTILINE)
_HELPER = r"external_acl_type tidegate_say ttl=31536000 children-max=1 children-startup=1 %DATA /bin/sed -u s/^/OK\x20/"
# Where the helper does not run no note is made, and a rule that needs one does not hold: denied without a note, then.
_DENIAL = re.compile(r"^(http_access deny .*) say_\w+$", re.MULTILINE)
_AND_WITHOUT_NOTE = r"\g<0>\n\1"
_LIMIT = re.compile(r"^client_ip_max_connections .*\n", re.MULTILINE)


def translated(configuration: str, release: int) -> str:
    """Return a configuration as a release of Squid reads it. release: its first number."""
    if release > RELEASE:
        return configuration
    of_helper = _ANNOTATION.sub(r"acl \1 external tidegate_say ", _LIMIT.sub("", configuration))
    return f"{_HELPER}\n{_DENIAL.sub(_AND_WITHOUT_NOTE, of_helper)}"
