#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change the egress policy of a host, confirm or roll back the change, and return to earlier policies."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_guard
short_description: Change the egress policy of a host and roll back what is not confirmed
version_added: 0.1.0
description:
  - Applies a table as P(tidegate.nftables.nft_ruleset#module) does, with commit-confirm. Before the change, the host
    saves the live table and starts a rollback timer that needs neither Ansible nor the network. A second run over a new
    connection tests the new policy and confirms it. Without the confirmation the host restores the old table.
  - A confirmed policy is saved on the host, loaded at boot before the network is up, and watched.
  - P(tidegate.nftables.egress_apply#module) uses this module; playbooks use it directly for rollbacks and emergencies.
options:
  phase:
    description:
      - V(apply) changes the table to O(tables) and leaves the change pending. A host without changes needs only this
        run.
      - V(confirm) runs O(tests) and confirms the change of O(token), or rolls it back when a test fails.
      - V(reject) rolls back the change of O(token).
      - V(rollback) returns to an earlier confirmed policy and leaves the change pending.
      - V(emergency) allows everything, or nothing but the floor, for O(minutes).
      - V(allow) allows O(flows) for O(minutes). The kernel ends it.
      - V(status) changes nothing and returns the state of the host.
      - V(observed) changes nothing and returns how long the host has been in mode observe, and its would-be rejections.
      - V(ledger) changes nothing and returns what was rejected and would have been, also before a reboot.
      - V(report) changes nothing and returns all of V(status), V(observed) and V(ledger), with events and entries.
    type: str
    required: true
    choices: [apply, confirm, reject, rollback, emergency, allow, status, observed, ledger, report]
  tables:
    description:
      - One table, C(inet tidegate), with the keys of P(tidegate.nftables.nft_ruleset#module).
      - With C(state=absent), the table and all files of tidegate on the host are removed, without a confirmation.
    type: list
    elements: dict
  who:
    description: The user who makes the change, for the history on the host.
    type: str
    default: ""
  what:
    description:
      - Description of the change, for the history; by default what the changes of the table tell of it.
      - With V(confirm), it replaces the description that V(apply) or V(rollback) made.
    type: str
    default: ""
  policy:
    description:
      - What O(tables) were compiled from, as the controller packs it. The host keeps it with the confirmed policy and
        returns it as RV(policy_before), so that the controller can say what a later change does to packets and guards.
      - For V(apply).
    type: str
    default: ""
  confirm:
    description: Whether the change has to be confirmed. Without it, the change is saved for boot at once.
    type: bool
    default: true
  timeout:
    description: Seconds after which an unconfirmed change is rolled back. Must be longer than O(tests) may take.
    type: float
    default: 60.0
  token:
    description: The pending change, as V(apply) returned it.
    type: str
  tests:
    description:
      - What the host must and must not reach. V(apply) runs the tests before the change, so that V(confirm) can tell
        which ones failed already.
      - The verdict of this host on each packet decides. A far end that does not answer fails no test.
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
        description: Name or number of the user who sends the packet; by default the user that the module runs as.
        type: str
      unit:
        description:
          - The systemd unit whose socket sends the packet. A unit without a cgroup, or one that the ledger does not
            note, sends none - the test's C(verdict) is V(unknown) and its C(outcome) says why.
        type: str
      missing_user:
        description: What to do when the host does not have the user - fail before the change, or skip the test.
        type: str
        choices: [error, skip]
        default: error
      expect:
        description: Whether the policy should accept the packet.
        type: str
        choices: [reach, not_reach]
        default: reach
  test_timeout:
    description: Seconds that each test waits for an answer.
    type: float
    default: 2.0
  failing_before:
    description: Tests that failed before the change, as V(apply) returned them. They do not stop a V(confirm).
    type: list
    elements: str
  not_over:
    description:
      - The SSH connection of V(apply), as it returned it. V(confirm) over the same connection rolls the change back,
        because it does not prove that the host can be reached.
    type: str
  keep_connection:
    description: Whether V(apply) refuses a table that would cut the SSH connection of the run, before it loads it.
    type: bool
    default: false
  mode:
    description: The mode of the policy. In V(observe) a failing test is reported and does not stop a V(confirm).
    type: str
    choices: [enforce, observe]
    default: enforce
  preflight:
    description:
      - Have V(apply) run P(tidegate.nftables.egress_preflight#module) before the first policy of a host and before the
        first one in mode enforce. In O(mode=enforce), a finding that stops enforcement fails the run.
      - Without it, no preflight runs.
    type: dict
    suboptions:
      containers:
        description: Whether the policy decides about containers.
        type: bool
        default: false
      untracked:
        description: Whether the policy accepts packets that are not tracked.
        type: bool
        default: false
      interfaces:
        description:
          - The interfaces that the policy filters containers behind; C(*) at the end stands for any further characters.
          - Each run then returns a finding for other interfaces that the host forwards packets from, except network
            cards and those with a default route.
        type: list
        elements: str
        default: []
  digest:
    description:
      - Checksum of the arguments. V(apply) records it with what the host is like when it is right, and
        P(tidegate.nftables.egress_apply#module) of the same arguments asks for that alone. Without it, nothing is
        recorded.
    type: str
    default: ""
  names:
    description:
      - What the policy says about domain names, as the compiler made it. The host gets a resolver that opens their
        addresses, as part of the same change. Without it, a resolver from before is removed.
      - V(auto) among its C(servers) stands for those that the host uses itself.
    type: dict
  units:
    description:
      - The systemd units that each set of O(tables) is about, as the compiler made it, by the set's name. The host
        keeps the ids of their cgroups in the set. Needs a pure cgroup v2 tree and nft 1.0.
    type: dict
  drift:
    description: What the watcher does about an edit of the table by hand.
    type: str
    choices: [report, repair]
    default: report
  sight:
    description: What the watcher needs for its logs, its metrics and the ledger.
    type: dict
    suboptions:
      tier:
        description: The tier of the host.
        type: str
        default: ""
      ledger_days:
        description: Days that a line of the ledger is kept after its last packet.
        type: int
        default: 31
      never:
        description: The elements of C(egress_never) that have rules, in their order, with their reasons.
        type: list
        elements: str
        default: []
      contact:
        description: Whom a user may ask about the policy.
        type: str
        default: ""
      metrics_dir:
        description: The folder of node_exporter's textfile collector, empty for no metrics.
        type: str
        default: ""
      internal:
        description: The networks of the word C(internal), for metrics.
        type: list
        elements: str
        default: []
      expires:
        description: When entries end, in seconds since 1970.
        type: list
        elements: int
        default: []
      log:
        description: Where the rules log to. V(kernel) in a container is a warning.
        type: str
        choices: [none, kernel, nflog]
        default: none
      ulogd_group:
        description: The group of NFLOG that a ulogd2 of its own writes as JSON; none where it is not given.
        type: int
  floor:
    description: Rules of the fail-safe table, in nft's words. V(@resolvers4) and V(@resolvers6) in a rule stand for the
      name servers that the host uses; a rule for which it has none is left out. By default replies alone pass.
    type: list
    elements: str
  interfaces:
    description: The interfaces that containers are behind. What they send out passes the fail-safe table by the rules
      in O(forward) alone, and is dropped else. By default everything that is forwarded passes.
    type: list
    elements: str
  forward:
    description: Rules of the fail-safe table for forwarded packets, as in O(floor).
    type: list
    elements: str
  to:
    description: The policy to return to - its number (V(1) is the previous one), its name, or the beginning of its
      time.
    type: str
  emergency:
    description: Whether to allow everything, or only the floor.
    type: str
    choices: [open, close]
  minutes:
    description:
      - How long the emergency lasts, at most a day. It ends by itself, and with a reboot.
      - How long O(flows) are allowed, at most a week.
    type: int
  flows:
    description: What V(allow) allows.
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
        choices: [tcp, udp, dccp, sctp]
        default: tcp
      port:
        description: The port.
        type: int
        required: true
  unit:
    description:
      - The systemd unit to whose sockets alone V(allow) allows O(flows), V("") for everybody. Each cgroup that it has
        meanwhile counts.
    type: str
    default: ""
  root:
    description: Prefix of every path on the host. For hosts that share a file system, as in a lab.
    type: str
attributes:
  check_mode:
    description: Predicts what a run would change. V(confirm) runs the tests and decides nothing.
    support: full
  diff_mode:
    description: Shows the table and the installed files before and after.
    support: full
notes:
  - On hosts without systemd the rollback timer is a process, and the administrator adds two services -
    C(tidegate boot) before the network comes up, and C(tidegate watch).
seealso:
  - module: tidegate.nftables.nft_ruleset
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Return to the previous policy
  tidegate.nftables.egress_guard:
    phase: rollback
    who: "{{ lookup('ansible.builtin.env', 'USER') }}"
  become: true
  register: returned

- name: Close the connection, so that the next task opens a new one
  ansible.builtin.meta: reset_connection

- name: Confirm it
  tidegate.nftables.egress_guard:
    phase: confirm
    token: "{{ returned.guard.token }}"
  become: true
  when: returned.guard
"""

RETURN = r"""
what:
  description: The change in the words of the table, or O(what).
  returned: phases apply and rollback, when the table changes
  type: str
  sample: opened payments-api
policy_before:
  description:
    - O(policy) of the policy that was confirmed before, empty when it is not known or the same.
    - Where the table does not change, the host records the new policy when the run is repeated with O(what).
  returned: phases apply and rollback
  type: str
policy_after:
  description: O(policy) of the policy that was returned to, empty when it is not known.
  returned: phase rollback
  type: str
undone:
  description: Edits of the table by hand that the change undoes, each as a sentence.
  returned: phases apply and rollback, when the table changes
  type: list
  elements: str
  sample: ["a hand-made `accept` in chain egress_output was removed"]
guard:
  description: The pending change, null when there is none.
  returned: phases apply, rollback and emergency
  type: dict
  contains:
    token:
      description: Names the change.
      type: str
      sample: 7d1f0c5be9a34c12
    seconds:
      description: Seconds until the rollback.
      type: int
      sample: 60
    kind:
      description: The rollback timer - V(timer) of systemd, or V(process).
      type: str
      sample: timer
    before:
      description: The tests that failed before the change, each with its packet.
      type: list
      elements: str
changes:
  description: The changes, one by one, with the keys that M(tidegate.nftables.nft_ruleset) returns.
  returned: success
  type: list
  elements: dict
transaction:
  description: The text that was sent to nft, in check mode that would be sent. Empty when nothing changes.
  returned: success
  type: str
missing_packages:
  description: Packages that V(names) or V(ulogd_group) needs and that are not installed on the host.
  returned: failure, with reason V(unbound_missing) or V(ulogd_missing)
  type: list
  elements: str
missing_users:
  description: Users of rules that do not exist on this host, sorted.
  returned: phase apply
  type: list
  elements: str
missing_units:
  description: Units of O(units) that this host does not know by this name, sorted. Their entries allow nothing.
  returned: phase apply
  type: list
  elements: str
names_without_address:
  description:
    - Names of entries that the host's resolver found no address of, without wildcards. Nothing is open by them. A later
      run returns those that take more than 5 seconds.
  returned: phase apply
  type: list
  elements: str
nft_version:
  description: The version of nft on the host.
  returned: phases apply and rollback
  type: str
  sample: 1.0.6
path:
  description: How the table was compared, as RV(tidegate.nftables.nft_ruleset#module:path).
  returned: phase apply
  type: str
files:
  description: Files that were (check mode - would be) written, changed or removed on the host.
  returned: phases apply and rollback
  type: list
  elements: dict
  sample: [{path: /usr/local/lib/tidegate/tidegate, action: add}]
connection:
  description: C(SSH_CONNECTION) of the session that the module runs in, also behind sudo. Empty without SSH.
  returned: phases apply and rollback
  type: str
  sample: 192.0.2.1 51234 192.0.2.9 22
counters:
  description: Packets and bytes of the named counters, as P(tidegate.nftables.nft_ruleset#module) returns them.
  returned: phase apply
  type: dict
preflight:
  description: The findings, as P(tidegate.nftables.egress_preflight#module) returns them.
  returned: phase apply with O(preflight), before the first policy and before the first one in mode enforce
  type: list
  elements: dict
recovered:
  description: What was done about an earlier change whose rollback timer was gone; empty for nothing.
  returned: phases apply, rollback and emergency
  type: str
tests:
  description: Every test with the verdict of this host (C(verdict)) and the answer (C(outcome)).
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
unsent:
  description: The tests without a packet that decides, each with the reason.
  returned: phase confirm
  type: list
  elements: str
confirmed:
  description: The confirmed change.
  returned: phase confirm
  type: dict
policy:
  description: Which policy the rollback returns to.
  returned: phase rollback
  type: str
  sample: back to the policy of 2026-11-20T10:15:00Z (opened payments-api)
until:
  description: When the kernel ends it.
  returned: phase allow
  type: str
  sample: "2026-11-20T22:00:00Z"
status:
  description:
    - The live table, the confirmed policy, the pending change, what is allowed temporarily (C(allowed)), the events,
      the users with more rejected destinations than the ledger keeps of one user, with their packets (C(overflow)),
      how many connections the kernel tracks (C(tracked)), and the systemd units that entries name, with those that the
      host does not have and those that do not run (C(units)).
  returned: phase status or report
  type: dict
observed:
  description:
    - Since when the host has been in mode observe (C(since), in seconds since 1970), its clock (C(now)), the
      would-be rejections (C(ledger)), and the packets of which the ledger has no line, by user (C(overflow)).
  returned: phase observed or report
  type: dict
ledger:
  description:
    - What was rejected or would have been, by flow (C(lines)), the packets of which the ledger has no line, by user
      (C(overflow)), what entries allowed on which day (C(allowed)), and the host's clock (C(now)). Times are in seconds
      since 1970. C(name) of a line is the only name that its address was the answer for, where the host's resolver
      knows one.
  returned: phase ledger or report
  type: dict
events:
  description: The latest events of the journal, oldest first.
  returned: phase report
  type: list
  elements: dict
entries:
  description: How many packets each entry allowed since the table was loaded.
  returned: phase report
  type: dict
fate:
  description:
    - The last event about the change of O(token), null when there is none. A change that was rolled back has the flows
      that were rejected meanwhile (C(refused)).
  returned: phase status
  type: dict
reason:
  description: The reason of the failure, in one word, see C(docs/errors.md).
  returned: failure
  type: str
  sample: pending
where:
  description: The path of the argument that caused the failure, empty when none did.
  returned: failure
  type: str
  sample: tables[0].sets[1].elements[4]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.run_module import ARGUMENTS, NEEDED, run


def main() -> None:
    """Run one phase."""
    run(AnsibleModule(argument_spec=ARGUMENTS, required_if=NEEDED, supports_check_mode=True))


if __name__ == "__main__":
    main()
