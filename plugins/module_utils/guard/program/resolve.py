# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd starts as the resolver's user: resolver/service.py with the paths of this host."""

from __future__ import annotations

import sys

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import of_program
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import service


def main() -> int:
    """Run until systemd ends it. Exit status: 0, 1 for a reported failure."""
    paths = of_program(sys.argv[0])
    try:
        service.run(service.Files(paths.names, paths.program, paths.resolver))
    except TidegateError as error:
        sys.stderr.write(f"tidegate: {error}\n")
        return 1
    return 0
