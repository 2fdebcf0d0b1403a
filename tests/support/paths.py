# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that many tests use."""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
ANSIBLE_PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
COLLECTIONS = Path(sys.prefix) / "collections"
"""Where Ansible finds this checkout as tidegate.nftables."""

LAB = CHECKOUT / "playbooks" / "lab"
"""The inventory and group_vars of the lab, which several tests copy."""
