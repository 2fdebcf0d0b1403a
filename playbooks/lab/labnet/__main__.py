# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m labnet up < SPEC`` starts a lab and prints its names; ``python -m labnet down KEEPER`` removes it.

``python -m labnet connect NAME …`` is what a program on a host of it does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from . import keeper
from .connect import outcome
from .owner import owner
from .topology import LabError


def main() -> int:
    """Run the command; return 0, or 1 after a sentence on standard error."""
    parser = argparse.ArgumentParser(prog="labnet", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="build the net that the JSON document on standard input describes")
    up.add_argument("--owner", type=int, help="process whose end ends the lab (default: the ansible-playbook above)")
    down = commands.add_parser("down", help="remove a net")
    down.add_argument("keeper", type=int, help="its keeper's process number, as up printed it")
    connecting = commands.add_parser("connect", help="connect from here and print what came of it, by name")
    connecting.add_argument("names", nargs="+", help="domain names or addresses")
    arguments = parser.parse_args()
    if arguments.command == "connect":
        sys.stdout.write(f"{json.dumps({name: outcome(name) for name in arguments.names})}\n")
        return 0
    try:
        if os.geteuid() != 0:
            raise LabError("network namespaces need root. Fix: run the lab with sudo")
        if arguments.command == "up":
            lab = keeper.start(json.load(sys.stdin), arguments.owner or owner())
            sys.stdout.write(f"{json.dumps(lab)}\n")
        else:
            keeper.stop(arguments.keeper)
    except LabError as error:
        sys.stderr.write(f"{error}.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
