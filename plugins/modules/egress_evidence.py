# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_evidence, which asks the host's guard and judges on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_evidence
short_description: Say whether a host was observed long enough to enforce its egress policy
version_added: 0.1.0
description:
  - Asks the host since when its confirmed policies have only observed, and what they would have refused.
  - A would-be refusal is explained when the policy lets it out by now, or when somebody wrote down that it is refused,
    in C(egress_never) or C(egress_deny_quietly). Those of the last O(minimum) count, older ones do not.
  - Changes nothing. A host that is not ready is no failure; the playbook C(enforce) leaves such a host as it is.
options:
  minimum:
    description: How long the host must have been observed, such as V(72h) or V(3d).
    type: str
    default: 72h
attributes:
  check_mode:
    description: Does the same in check mode, since it changes nothing.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
notes:
  - The kernel keeps a line about a refusal for a day after its last packet. The host's watcher keeps it for a month.
seealso:
  - module: tidegate.nftables.egress_apply
  - module: tidegate.nftables.egress_guard
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Ask what was observed
  tidegate.nftables.egress_evidence:
    minimum: 1w
  become: true
  register: evidence

- name: Name the hosts of which a day of the week is unknown
  ansible.builtin.debug:
    msg: "{{ evidence.sentence }}"
  when: evidence.unseen or not evidence.ready
"""

RETURN = r"""
ready:
  description: Whether the host was observed long enough, without a would-be refusal that nothing explains.
  returned: success
  type: bool
sentence:
  description: The evidence for people.
  returned: success
  type: str
  sample: 71 of 72 h, no Sunday seen, no would-be refusal that nothing explains
hours:
  description: For how long the host has only observed.
  returned: success
  type: float
wanted:
  description: O(minimum) in hours.
  returned: success
  type: int
since:
  description: Since when, in seconds since 1970; null when no policy observes.
  returned: success
  type: float
unseen:
  description: Days of the week (UTC) that the observation did not touch.
  returned: success
  type: list
  elements: str
  sample: [Sunday]
unexplained:
  description: Would-be refusals that the policy would still make and that nobody wrote down, the most frequent first.
  returned: success
  type: list
  elements: dict
  sample:
    - {address: 203.0.113.9, protocol: 6, port: 443, uid: 33, user: www-data, packets: 12, last: 1795170000.0}
explained:
  description: How many other would-be refusals there were.
  returned: success
  type: int
"""
