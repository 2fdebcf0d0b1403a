# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd units as nf_tables knows them: the ids of their cgroups, and the sets of the table that hold these.

A socket belongs to the cgroup that made it. The id of a cgroup is the inode of its folder: 64 bits, counted up, so none
is given twice between two boots.
"""
