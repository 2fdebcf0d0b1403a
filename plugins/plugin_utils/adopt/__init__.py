# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the output rules that a host has to a draft of its policy, and plain sentences about what those rules allow.

nft's JSON and iptables-save's text become rules of one model (read_nft, read_iptables), the rules become the sets of
flows that pass (walk), and these become entries (draft). Pure. What a rule asks beyond destination, service and user is
a doubt: what is accepted under a doubt is never drafted, only reported, and what is rejected under a doubt counts as
rejected.
"""

from __future__ import annotations
