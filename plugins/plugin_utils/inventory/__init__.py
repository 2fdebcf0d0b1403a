# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible knows and the policy asks: a host's variables, where they were written, and its neighbours.

The only room on the controller that knows both Ansible and the policy's contracts; the actions are thin doors to it.
"""

from __future__ import annotations
