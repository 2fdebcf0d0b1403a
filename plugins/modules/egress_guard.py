#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the egress policy on trial, its confirmation, and the ways back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_guard
short_description: Change the egress policy of a host so that nobody gets locked out
version_added: 0.1.0
description:
  - Applies a table as P(tidegate.nftables.nft_ruleset#module) does, but on trial. Before anything is touched, the host
    writes down how to put back the table that stands and arms a guard that needs neither Ansible nor the network. A
    second run over a new connection tests the new policy and confirms it; otherwise the guard puts the old table back.
  - What is confirmed is saved on the host, loaded at boot before the network is up, and looked after by a watcher.
  - P(tidegate.nftables.egress_apply#module) calls it; a playbook needs it for the ways back only.
options:
  phase:
    description:
      - V(apply) makes the table what O(tables) say, on trial. A host that is right already costs this one run.
      - V(confirm) runs O(tests) and keeps the change of O(token), or puts it back when one fails.
      - V(reject) puts the change of O(token) back.
      - V(rollback) returns to an earlier confirmed policy, on trial.
      - V(emergency) lets everything or almost nothing out for O(minutes).
      - V(allow) lets out to O(flows) for O(minutes), by a timeout of the kernel.
      - V(status) changes nothing and says what stands.
      - V(observed) changes nothing and says how long the host has only observed, and what it would have refused.
    type: str
    required: true
    choices: [apply, confirm, reject, rollback, emergency, allow, status, observed]
  tables:
    description:
      - One table, C(inet tidegate), with the keys of P(tidegate.nftables.nft_ruleset#module).
      - With C(state=absent) the table and everything that was installed on the host is removed, without a trial.
    type: list
    elements: dict
  who:
    description: Who wants the change, for the history on the host.
    type: str
    default: ""
  what:
    description: What the change is, for the history; by default the kinds and numbers of what changes.
    type: str
    default: ""
  trial:
    description: Whether there is a trial. Without one the change is saved at once.
    type: bool
    default: true
  timeout:
    description: How long the trial lasts, in seconds. Refused when O(tests) could take longer.
    type: float
    default: 60.0
  token:
    description: Which change is meant, as V(apply) returned it.
    type: str
  tests:
    description:
      - What the host must and must not reach. In V(apply) they are run before the change, so that those that fail
        already can be told apart.
      - What this host does to the packets decides. A far end that does not answer fails no test.
    type: list
    elements: dict
    suboptions:
      name:
        description: The test's name.
        type: str
        required: true
      to:
        description: An IPv4 or IPv6 address.
        type: str
        required: true
      protocol:
        description: The protocol.
        type: str
        choices: [tcp, udp]
        default: tcp
      port:
        description: The port.
        type: int
        required: true
      user:
        description: Name or number of the user to test as; without it, the user that the module runs as.
        type: str
      missing_user:
        description: What to do when the host does not have the user - refuse the change, or leave the test out.
        type: str
        choices: [error, skip]
        default: error
      expect:
        description: Whether the connection shall be let through.
        type: str
        choices: [reach, not_reach]
        default: reach
  test_timeout:
    description: How long each test waits for an answer, in seconds.
    type: float
    default: 2.0
  failing_before:
    description: Tests that failed before the change, as V(apply) returned them. They do not stop a V(confirm).
    type: list
    elements: str
  not_over:
    description:
      - The connection that the change was made over, as V(apply) returned it. V(confirm) over the same one puts the
        change back, for it proves nothing.
    type: str
  keep_connection:
    description:
      - Whether V(apply) refuses a table that would cut the SSH connection that the module comes over, before it is
        loaded.
    type: bool
    default: false
  mode:
    description: Whether the policy refuses. In V(observe) a failing test is told but stops nothing.
    type: str
    choices: [enforce, observe]
    default: enforce
  preflight:
    description:
      - Have V(apply) look around before the first policy of a host and before the first that refuses. What
        P(tidegate.nftables.egress_preflight#module) calls V(ignore:stop) fails there, in the O(mode=enforce).
      - Without it, nothing is looked for.
    type: dict
    suboptions:
      containers:
        description: Whether somebody decided about containers.
        type: bool
        default: false
      untracked:
        description: Whether the policy accepts packets that are not tracked.
        type: bool
        default: false
  drift:
    description: What the watcher does about an edit of the table by hand.
    type: str
    choices: [report, repair]
    default: report
  dns:
    description: Name servers that the fail-safe table lets out to. Any, when none is given.
    type: list
    elements: str
  ntp:
    description: Time servers that the fail-safe table lets out to. Any, when none is given.
    type: list
    elements: str
  to:
    description: The policy to return to - its number (V(1) is the previous one), its name, or how its time begins.
    type: str
  emergency:
    description: Whether to let everything out, or only the floor.
    type: str
    choices: [open, close]
  minutes:
    description:
      - How long the emergency lasts, at most a day. It ends by itself, and with a reboot.
      - How long O(flows) are allowed, at most a week.
    type: int
  flows:
    description: What V(allow) lets out to.
    type: list
    elements: dict
    suboptions:
      to:
        description: An IPv4 or IPv6 address.
        type: str
        required: true
      protocol:
        description: The protocol.
        type: str
        choices: [tcp, udp, sctp, dccp]
        default: tcp
      port:
        description: The port.
        type: int
        required: true
  root:
    description: What comes before every path on the host. For hosts that share a file system, as in a lab.
    type: str
attributes:
  check_mode:
    description: Predicts what a run would change. V(confirm) runs the tests and decides nothing.
    support: full
  diff_mode:
    description: Shows the table and the installed files before and after.
    support: full
notes:
  - On hosts without systemd the guard is a process, and two hooks are left to the administrator - C(tidegate boot)
    before the network comes up, and C(tidegate watch) as a service.
seealso:
  - module: tidegate.nftables.nft_ruleset
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Return to the policy before this one, on trial
  tidegate.nftables.egress_guard:
    phase: rollback
    who: "{{ lookup('ansible.builtin.env', 'USER') }}"
  become: true
  register: returned

- name: Over a new connection
  ansible.builtin.meta: reset_connection

- name: Keep it
  tidegate.nftables.egress_guard:
    phase: confirm
    token: "{{ returned.guard.token }}"
  become: true
  when: returned.guard
"""

RETURN = r"""
guard:
  description: The change on trial, null when there is none.
  returned: phases apply, rollback and emergency
  type: dict
  contains:
    token:
      description: Names the change.
      type: str
      sample: 7d1f0c5be9a34c12
    seconds:
      description: Seconds until the guard acts.
      type: int
      sample: 60
    kind:
      description: V(timer) of systemd, or V(process).
      type: str
      sample: timer
    before:
      description: The tests that failed before the change, each with its packet.
      type: list
      elements: str
files:
  description: Files that were (check mode - would be) written, changed or removed on the host.
  returned: phases apply and rollback
  type: list
  elements: dict
  sample: [{path: /usr/local/lib/tidegate/tidegate, action: add}]
connection:
  description: C(SSH_CONNECTION) of the session that the module runs in, also where sudo dropped it. Else empty.
  returned: phases apply and rollback
  type: str
  sample: 192.0.2.1 51234 192.0.2.9 22
counters:
  description: What the named counters have counted, as P(tidegate.nftables.nft_ruleset#module) returns it.
  returned: phase apply
  type: dict
preflight:
  description: What was found around the policy, as P(tidegate.nftables.egress_preflight#module) returns its findings.
  returned: phase apply with O(preflight), where no policy was confirmed or none that refuses
  type: list
  elements: dict
recovered:
  description: What was done about an earlier change whose guard was gone; empty when nothing had to be.
  returned: phases apply, rollback and emergency
  type: str
tests:
  description: Every test with what this host did to it (C(ours)) and what came back (C(outcome)).
  returned: phase confirm
  type: list
  elements: dict
broken:
  description: The tests that fail and did not fail before, each with its packet.
  returned: phase confirm
  type: list
  elements: str
broken_before:
  description: The tests that fail and failed before as well.
  returned: phase confirm
  type: list
  elements: str
confirmed:
  description: What was confirmed.
  returned: phase confirm
  type: dict
until:
  description: When the kernel ends what was allowed.
  returned: phase allow
  type: str
  sample: 2026-11-20T22:00:00Z
status:
  description: What stands, what was confirmed, what is on trial, what happened.
  returned: phase status
  type: dict
observed:
  description:
    - Since when the host has only observed (C(since), in seconds since 1970), its clock (C(now)), and who would have
      been refused what (C(ledger)).
  returned: phase observed
  type: dict
fate:
  description: The last event about the change of O(token), null when there is none.
  returned: phase status
  type: dict
reason:
  description: One word for machines.
  returned: failure
  type: str
  sample: pending
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.run_module import ARGUMENTS, NEEDED, run


def main() -> None:
    """Run the phase that is asked for."""
    run(AnsibleModule(argument_spec=ARGUMENTS, required_if=NEEDED, supports_check_mode=True))


if __name__ == "__main__":
    main()
