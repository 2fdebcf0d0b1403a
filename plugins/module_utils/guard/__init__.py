# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change the table so that nobody is locked out: a change is rolled back unless it is confirmed, and survives a reboot.

Two programs are made of this folder. The module egress_guard imports it. And as one file it is installed on the host
(program/parts.py has the list of its modules): rollback timer, boot, watcher and the command ``tidegate``, which need
neither the controller nor the module, and what later runs do (installed.py). Standard library only, Python 3.8+.

Six rooms, each imports only those before it: host (files, clocks, systemd), table (the live table, compare, restore),
saved (policies and the pending change on the disk), sight (ledgers, verdicts, status), trial (commit-confirm), program
(install, boot, watch, command). In front of them, apply.py and run_module.py.

A change, and what a crash leaves:

========================================  ===========================================================================
step                                      a crash after it leaves
========================================  ===========================================================================
1 write RUN/snapshot.nft                  the old table
2 reserve STATE/candidate.nft             the old table
3 write pending.json, start the timer     the old table; the timer finds nothing to restore
4 load the new table, one transaction     the new table until the deadline, then the old one; after a reboot the old
                                          confirmed policy
5 fill candidate.nft                      as 4
6 rename it to confirmed.nft: confirmed   the new table, also after a reboot; the next run removes the other files
7 stop the timer, remove pending.json     the new table
========================================  ===========================================================================

Step 6 is one rename: before it the old policy is valid everywhere, after it the new one. Where the rollback timer was
killed, the watcher, the next module run or the next boot rolls back.
"""
