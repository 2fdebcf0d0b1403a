# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out every attack and print the figures: `make attack`. Exit status 1 when one of them got through."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from ansible_collections.tidegate.nftables.tests.attack import results
from ansible_collections.tidegate.nftables.tests.attack.attacks import ATTACKS
from ansible_collections.tidegate.nftables.tests.attack.world import world

RESULTS, SEED = 10_000, 20261130


def packets() -> dict[str, int]:
    """Carry out the attacks with real packets, from a process and from a container, and listen outside."""
    attempts = [(attack, identity) for attack in ATTACKS for identity in attack.who]
    left: dict[str, list[int]] = {}
    for mode in ("observe", "enforce"):
        with world() as made:
            made.load(mode)
            left[mode] = [made.left(attack, identity) for attack, identity in attempts]
    return {
        "ways, each as every user who is able to": len(attempts),
        "ways that send nothing while the policy only observes, so that they prove nothing": left["observe"].count(0),
        "packets that left although the policy refuses them": sum(left["enforce"]),
    }


def answers() -> dict[str, int]:
    """Have one hostile host answer every action with generated results."""
    # Some actions write into the current folder.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        figures = asdict(results.attack(RESULTS, SEED, Path(folder)))
    return {name.replace("_", " "): number for name, number in figures.items()}


def main() -> int:
    """Print both tables."""
    wrong = 0
    for title, figures in (("Packets", packets()), ("Results of a hostile host", answers())):
        sys.stdout.write(f"{title}\n")
        for number, (name, figure) in enumerate(figures.items()):
            # The first line of each says how much was tried; all others must be 0.
            wrong += figure if number else 0
            sys.stdout.write(f"{figure:>8}  {name}\n")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
