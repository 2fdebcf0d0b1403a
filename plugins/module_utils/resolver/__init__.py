# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's resolver: an address is in its set before the answer that carries it leaves.

Two processes. unbound has no capability; its Python module (unbound_module.py) hands every answer about a name of the
policy to the other one and waits. The writer (writer.py) has CAP_NET_ADMIN, decides, and writes to the kernel. For
hosts whose resolver must not be touched, periodic.py asks the servers itself. Standard library only, Python 3.8+.
"""
