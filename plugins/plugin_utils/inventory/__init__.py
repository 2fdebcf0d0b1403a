# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the policy needs from Ansible: a host's variables, their origins, and the other hosts of the inventory.

The only room on the controller that depends on both Ansible and the policy.
"""

from __future__ import annotations
