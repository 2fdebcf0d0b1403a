# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_evidence, which asks the host's guard and judges on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_evidence
short_description: Report whether a host has been observed long enough to enforce its egress policy
version_added: 0.1.0
description:
  - Reads from the host how long its confirmed policies have only observed, and what V(enforce) would have rejected.
  - A rejection is explained when the policy now allows it, or when C(egress_never), C(egress_deny_quietly) or
    C(egress_suggest_ignored) mentions it. All count that the ledger keeps. Of those before the last O(minimum), an
    entry to the destination for other users or units explains one, too.
  - A host that is not ready does not fail. The playbook C(tidegate.nftables.enforce) leaves such a host unchanged.
options:
  minimum:
    description: How long the host must have been observed, such as V(72h) or V(3d).
    type: str
    default: 72h
  proxied:
    description:
      - Results of M(tidegate.nftables.egress_proxy_log), delegated to each proxy of the host in a loop, where
        C(egress_names) is V(proxy). What they would have rejected is judged as the ledger is; without them the
        evidence is incomplete.
    type: list
    elements: dict
    default: []
extends_documentation_fragment:
  - tidegate.nftables.egress.reads_only
notes:
  - The kernel keeps a line of the ledger for a day after its last packet. The host's watcher keeps it for a month.
seealso:
  - module: tidegate.nftables.egress_apply
  - module: tidegate.nftables.egress_guard
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Read the evidence
  tidegate.nftables.egress_evidence:
    minimum: 1w
  become: true
  register: evidence

- name: Name the hosts that are not ready
  ansible.builtin.debug:
    msg: "{{ evidence.sentence }}"
  when: evidence.unseen_days or not evidence.ready
"""

RETURN = r"""
ready:
  description: Whether the host has been observed long enough, with a complete ledger and no unexplained rejection.
  returned: success
  type: bool
sentence:
  description: The verdict and the evidence for people.
  returned: success
  type: str
  sample: >-
    Not ready: observed 71 of 72 h (ready 2026-12-02 18:00 UTC). No Sunday yet. No unexplained rejections.
    Override: -e egress_enforce_anyway=true.
hours:
  description: For how long the host has only observed.
  returned: success
  type: float
required_hours:
  description: O(minimum) in hours.
  returned: success
  type: int
since:
  description: Since when, in seconds since 1970. Null when no policy observes.
  returned: success
  type: float
unseen_days:
  description: Days of the week (UTC) that the observation did not include.
  returned: success
  type: list
  elements: str
  sample: [Sunday]
unexplained:
  description: Rejections that the policy would still make and that no variable mentions, the most frequent first.
  returned: success
  type: list
  elements: dict
  sample:
    - {address: 203.0.113.9, protocol: 6, port: 443, uid: 33, user: www-data, packets: 12, last: 1795170000.0}
yaml:
  description: The entries that would allow what is unexplained, as YAML to review and paste. Empty when nothing is.
  returned: success
  type: str
overflow:
  description:
    - Users that would have been rejected at more destinations than the ledger keeps of one user, with their packets.
      What it has no line of may be unexplained, so such a host is not ready.
  returned: success
  type: list
  elements: dict
  sample:
    - {user: www-data, packets: 19745, last: 1795170000.0}
gaps:
  description: What is not known of the logs of its proxies, a sentence each. A host with gaps is not ready.
  returned: success
  type: list
  elements: str
explained:
  description: How many other rejections there were.
  returned: success
  type: int
"""
