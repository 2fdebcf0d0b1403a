# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the output rules that a host has to a draft of its policy, and a plain word about what those rules let through.

nft's JSON and iptables-save's text become rules of one model (read_nft, read_iptables), the rules become the sets of
flows that pass (walk), and these become entries (draft). Pure. What a rule asks beyond destination, service and user is
a doubt: something with a doubt is never drafted, only told, and what it refuses counts as refused.
"""

from __future__ import annotations
