# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody gets locked out: a change is on trial until it is confirmed, and what is confirmed survives.

Two programs are made of this room. The module run on a host imports it; and as one file it is installed on the host,
where it needs neither the controller nor the module: it is the guard of a change, the boot, the watcher and the command
``tidegate`` (program.py says which parts go into it). Standard library only, Python 3.8+.

A change, and what each crash leaves behind:

=====================================  ==============================================================================
step                                   a crash after it leaves
=====================================  ==============================================================================
1 snapshot (RUN/snapshot.nft)          the old table
2 space kept (STATE/candidate.nft)     the old table
3 pending.json, the guard is armed     the old table; the guard finds nothing to put back
4 the new table, one transaction       the new table until the guard's time, then the old one; after a reboot the old
                                       confirmed policy
5 candidate.nft is filled              as 4
6 rename to confirmed.nft: confirmed   the new table, also after a reboot; whoever comes next tidies up
7 pending.json gone, guard disarmed    the new table
=====================================  ==============================================================================

Step 6 is one rename: before it the old policy counts everywhere, after it the new one does. A guard that was killed is
found by the watcher, by the next module run and by the next boot: each restores what the guard would have.
"""
