#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole tables in one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_ruleset
short_description: Make whole nftables tables equal to the task
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Makes each listed table equal to the task, all of them in one transaction. Only new sets of intervals come in a
    transaction of their own before it, while no rule refers to them; they are deleted again when the rest is rejected.
  - What such a table has and the task does not list is deleted, except the elements of dynamic sets, and of sets and
    maps without C(elements). Other tables are not read.
options:
  tables:
    description: The tables.
    type: list
    elements: dict
    required: true
    suboptions:
      family:
        description: The address family.
        type: str
        choices: [inet, ip, ip6, arp, bridge, netdev]
        default: inet
      name:
        description: The name. Required without C(text).
        type: str
      text:
        description:
          - Instead of all other keys but C(max_removed) and C(state), the table as a file for C(nft -f) has it, one
            table and C(define). The lookup C(file) reads such a file of the controller.
          - What else such files do is an error with its line, also C(flush ruleset) and C(include), because the task
            owns the whole table and no other.
        type: str
      comment:
        description:
          - A comment of at most 128 bytes. A change of it creates the table and its content anew, state included.
        type: str
      flags:
        description: V(dormant) detaches all chains of the table from their hooks. When omitted, they are attached.
        type: list
        elements: str
        choices: [dormant]
      state:
        description: Whether the table exists.
        type: str
        choices: [present, absent]
        default: present
      counters:
        description: Named counters, for rules such as C(counter name denied).
        type: list
        elements: dict
        suboptions:
          name:
            description: The name.
            type: str
            required: true
          comment:
            description: A comment. nft before 1.0 may not support comments of counters.
            type: str
      quotas:
        description: Named quotas, for rules such as C(quota name daily).
        type: list
        elements: dict
        suboptions:
          name:
            description: The name.
            type: str
            required: true
          quota:
            description: The quota in nft's language, such as V(over 10 mbytes).
            type: str
            required: true
          comment:
            description: A comment.
            type: str
      limits:
        description: Named limits, for rules such as C(limit name calm).
        type: list
        elements: dict
        suboptions:
          name:
            description: The name.
            type: str
            required: true
          limit:
            description: The limit in nft's language, such as V(rate 10/second burst 5 packets).
            type: str
            required: true
          comment:
            description: A comment.
            type: str
      others:
        description: Named objects of other kinds, for rules such as C(ct helper set "ftp"), C(flow add @fast).
        type: list
        elements: dict
        suboptions:
          kind:
            description: The kind. Not every nft and kernel supports each of them.
            type: str
            choices: [ct helper, ct timeout, ct expectation, synproxy, secmark, flowtable, tunnel]
            required: true
          name:
            description: The name.
            type: str
            required: true
          text:
            description:
              - The text between the braces in nft's language, with semicolons or line breaks between statements, such
                as V(type "ftp" protocol tcp; l3proto ip).
            type: str
            required: true
          comment:
            description: A comment. nft may not support comments for every kind.
            type: str
      sets:
        description: Named sets, for rules such as C(ip daddr @mirrors).
        type: list
        elements: dict
        suboptions:
          name:
            description: The name.
            type: str
            required: true
          type:
            description: The type of the elements, such as V(ipv4_addr) or V(ipv4_addr . inet_service).
            type: str
          typeof:
            description: Instead of C(type), an expression that has the type of the elements.
            type: str
          flags:
            description: The flags. Networks and ranges need V(interval).
            type: list
            elements: str
            choices: [constant, interval, timeout, dynamic]
          timeout:
            description: The time after which an element is removed, in seconds or as in V(1d).
            type: str
          gc_interval:
            description: The interval at which the kernel removes elements that timed out, in seconds or as in V(1h).
            type: str
          size:
            description: The maximum number of elements.
            type: int
          auto_merge:
            description: Whether nft merges elements that overlap or touch.
            type: bool
          counter:
            description: Whether each element counts the packets that match it.
            type: bool
          statements:
            description:
              - Instead of C(counter), the statements of each element in nft's language, such as V(limit rate 10/second
                counter) or V(ct count over 20).
            type: str
          policy:
            description: Whether the kernel stores the elements for speed or for little memory.
            type: str
            choices: [performance, memory]
          comment:
            description: A comment of at most 128 bytes.
            type: str
          elements:
            description:
              - The elements, each a text in nft's language or a mapping of C(value), C(comment) and C(timeout).
              - When omitted, the elements stay as they are.
            type: list
            elements: raw
          elements_file:
            description:
              - Instead of C(elements), the absolute path of a file on the host with one element per line; what follows
                C(#) is a remark.
              - Of a large file only the difference is sent to the kernel, and the set is not listed. With
                O(tables[].max_removed) or O(persist) it is compared as text, which takes as long as nft takes to list
                the set.
            type: path
          elements_sum:
            description: The SHA-256 that C(elements_file) must have; otherwise the task fails.
            type: str
          elements_src:
            description:
              - Instead of C(elements_file), such a file on the controller, searched where
                M(ansible.builtin.copy) searches its C(src), and uploaded when the host has no copy of the same SHA-256.
            type: path
          purge:
            description:
              - Whether elements that are not listed are deleted. The default is V(true), but V(false) with the flags
                V(dynamic) or V(timeout), whose elements others add.
            type: bool
          elements_from:
            description:
              - V(resolvers) adds the name servers that the host itself uses, to a set of IPv4 or IPv6 addresses those
                of its family.
              - They are read from C(/etc/resolv.conf), and from C(/run/systemd/resolve/resolv.conf) when that names
                only systemd-resolved. Servers on the host itself are left out. It is an error when no server is left.
            type: str
            choices: [resolvers]
      maps:
        description: Named maps, for rules such as C(tcp dport vmap @services).
        type: list
        elements: dict
        suboptions:
          name:
            description: The name.
            type: str
            required: true
          type:
            description: 'The types of keys and data, such as V(inet_service : verdict).'
            type: str
          typeof:
            description: 'Instead of C(type), expressions that have the types, such as V(ip daddr : ip saddr).'
            type: str
          flags:
            description: The flags. Networks and ranges need V(interval).
            type: list
            elements: str
            choices: [constant, interval, timeout, dynamic]
          timeout:
            description: The time after which an element is removed, in seconds or as in V(1d).
            type: str
          gc_interval:
            description: The interval at which the kernel removes elements that timed out, in seconds or as in V(1h).
            type: str
          size:
            description: The maximum number of elements.
            type: int
          auto_merge:
            description: Whether nft merges elements that overlap or touch.
            type: bool
          counter:
            description: Whether each element counts the packets that match it.
            type: bool
          statements:
            description:
              - Instead of C(counter), the statements of each element in nft's language, such as V(limit rate 10/second
                counter) or V(ct count over 20).
            type: str
          policy:
            description: Whether the kernel stores the elements for speed or for little memory.
            type: str
            choices: [performance, memory]
          comment:
            description: A comment of at most 128 bytes.
            type: str
          elements:
            description:
              - The elements, each a text in nft's language, key and data with a colon between blanks, or a mapping of
                C(value), C(data), C(comment) and C(timeout).
              - When omitted, the elements stay as they are.
            type: list
            elements: raw
          purge:
            description:
              - Whether elements that are not listed are deleted. The default is V(true), but V(false) with the flags
                V(dynamic) or V(timeout), whose elements others add.
            type: bool
      chains:
        description: The chains.
        type: list
        elements: dict
        suboptions:
          name:
            description: The name.
            type: str
            required: true
          type:
            description: The type of a base chain, such as V(filter), V(nat), V(route).
            type: str
          hook:
            description: The hook that calls a base chain, such as V(output).
            type: str
          priority:
            description: The order of the base chains of a hook, such as V(0), V(filter), V(filter - 10).
            type: str
          policy:
            description: The verdict for a packet that no rule of a base chain decides. The default is V(accept).
            type: str
            choices: [accept, drop]
          devices:
            description: Network devices, for family V(netdev) and the hooks V(ingress) and V(egress).
            type: list
            elements: str
          comment:
            description: A comment of at most 128 bytes.
            type: str
          rules:
            description:
              - The rules in their order, each a text in nft's language or a mapping. When omitted, the chain is empty.
              - In a mapping, C(rule) is the text. C(users) lists names or uids; the rule then matches only the
                sockets of these users, who are looked up on the host. C(missing_users) is the reaction to a user that
                does not exist, V(skip) (the default) or V(error). A rule none of whose users exists is left out, so it
                allows nothing, and the users are returned as RV(missing_users).
            type: list
            elements: raw
      max_removed:
        description:
          - Stops a run, check mode included, that would remove more than this share of the destinations in sets, before
            anything is changed, and lists them. Protects against truncated and empty lists.
          - The elements of sets that a rule refers to are counted. An address counts 1, a network or range 1 for each
            of its addresses, but at most 8; a part of an element counts in proportion. Elements that move to a set of a
            new name are not counted as removed, nor those that only rules with an expired C(meta time <) refer to.
          - Fewer than 10 may always be removed. Creating or deleting a whole table is never stopped.
          - A percentage from V(0) to V(100), where V(100) stops nothing, or a mapping of C(percent) and C(sets), a
            shell pattern of the names of the sets that are counted.
        type: raw
  persist:
    description:
      - A file to save the tables in, in a form that nft can load at boot. Its directory must exist.
      - It holds nft's listing with numbers for users, addresses and services, so that nothing is looked up at boot. It
        is replaced in one step, readable by its owner only, and deleted when no table is left.
    type: path
  counters:
    description:
      - Whether to return the values of the named counters of the tables after the run.
      - They are read from the kernel without nft, which takes well under a millisecond.
    type: bool
    default: false
extends_documentation_fragment:
  - tidegate.nftables.common
  - tidegate.nftables.common.attributes
seealso:
  - module: tidegate.nftables.nft_info
  - module: tidegate.nftables.nft_chain
"""

EXAMPLES = r"""
- name: Allow this host to reach two services and nothing else
  tidegate.nftables.nft_ruleset:
    tables:
      - name: site
        counters:
          - name: rejected
        sets:
          - name: mirrors4
            type: ipv4_addr
            flags: [interval]
            elements: [192.0.2.0/28, 198.51.100.7]
        chains:
          - name: site_output
            type: filter
            hook: output
            priority: filter
            policy: drop
            rules:
              - oifname "lo" accept
              - ct state established,related accept
              - ip daddr @mirrors4 tcp dport { http, https } counter accept comment "package mirrors"
              - rule: ip daddr 203.0.113.25 tcp dport 5432 accept
                users: [postgres]
              - counter name rejected
              - meta l4proto tcp reject with tcp reset
              - reject with icmpx type admin-prohibited
    persist: /etc/nftables-site.nft

- name: Send web traffic to a separate chain with a map
  tidegate.nftables.nft_ruleset:
    tables:
      - name: web
        maps:
          - name: services
            type: "inet_service : verdict"
            elements:
              - value: 443
                data: jump web_tls
              - "80 : drop"
        chains:
          - name: web_tls
            rules: [counter accept]
          - name: web_input
            type: filter
            hook: input
            priority: filter
            rules: [tcp dport vmap @services]

- name: Keep a table as its file has it
  tidegate.nftables.nft_ruleset:
    tables:
      - text: |
          define LAN = { 10.0.0.0/8, 192.168.0.0/16 }
          table inet lan {
            chain arriving {
              type filter hook input priority filter + 10; policy accept;
              ip saddr != $LAN tcp dport 5432 drop comment "not from outside"
            }
          }

- name: Delete the tables
  tidegate.nftables.nft_ruleset:
    tables:
      - name: lan
        state: absent
      - name: site
        state: absent
      - name: web
        state: absent
    persist: /etc/nftables-site.nft
"""

RETURN = r"""
diff:
  description: The table before and after in nft syntax, both empty when nothing changes.
  returned: success
  type: dict
  contains:
    before:
      description: The table before the run.
      type: str
    after:
      description: The table after the run, in check mode as it would be.
      type: str
transaction:
  description: The text that was sent to nft, in check mode that would be sent. Empty when nothing changes.
  returned: success
  type: str
  sample: add rule inet site site_input tcp dport 443 accept
changes:
  description: The changes, one by one.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: One of V(add), V(delete), V(recreate), V(move).
      type: str
    kind:
      description:
        - The kind of object, such as V(table), V(chain), V(rule), V(set), V(map), V(element), V(counter), V(file).
      type: str
    name:
      description: The name of the object, if it has one.
      type: str
    chain:
      description: The chain of a rule.
      type: str
    comment:
      description: The comment of a rule or table.
      type: str
    text:
      description: The rule or declaration in nft's language.
      type: str
    set:
      description: The set or map that holds the elements.
      type: str
    count:
      description: The number of elements.
      type: int
    sample:
      description: The first 20 of the elements.
      type: list
      elements: str
missing_users:
  description: Users of rules that do not exist on this host, sorted.
  returned: success
  type: list
  elements: str
counters:
  description: By table ("family name"), the values of its named counters by name.
  returned: success, with O(counters=true)
  type: dict
  sample: {"inet site": {"rejected": {"packets": 3, "bytes": 180}}}
nft_version:
  description: The version of nft on the host.
  returned: success
  type: str
  sample: 1.0.6
path:
  description:
    - V(fast) when the kernel proved that nothing changed since the last verified run, so that nft was not started;
      V(elements) when it proved that only files of elements changed, and got the difference without nft; else V(full).
  returned: success
  type: str
reason:
  description:
    - The reason of the failure, in one word. One of V(nft_missing), V(nft_too_old), V(no_cap_net_admin),
      V(no_nf_tables), V(bad_spec), V(rejected_by_nft), V(nft_crashed), V(no_memory), V(not_applied), V(busy),
      V(too_much_removed), V(no_resolvers), V(file_needed).
  returned: failure
  type: str
where:
  description: The path of the argument that caused the failure, empty when none did.
  returned: failure
  type: str
  sample: tables[0].chains[2].rules[5]
"""

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import run_module
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse

_NAME = {"type": "str", "required": True}
_WORDS = {"type": "str"}
_NEEDED = {"type": "str", "required": True}
_SOURCE = {"type": "str", "choices": ["resolvers"]}
_FILES = {"elements_file": {"type": "path"}, "elements_sum": _WORDS, "elements_src": {"type": "path"}}
_SET = {
    "name": _NAME,
    "type": _WORDS,
    "typeof": _WORDS,
    "flags": {"type": "list", "elements": "str", "choices": ["constant", "interval", "timeout", "dynamic"]},
    "timeout": _WORDS,
    "gc_interval": _WORDS,
    "size": {"type": "int"},
    "auto_merge": {"type": "bool"},
    "counter": {"type": "bool"},
    "statements": _WORDS,
    "policy": {"type": "str", "choices": ["performance", "memory"]},
    "comment": _WORDS,
    "elements": {"type": "list", "elements": "raw"},
    "purge": {"type": "bool"},
}
_OTHER = {
    "kind": {"type": "str", "required": True, "choices": list(parse.OTHER_KINDS)},
    "name": _NAME,
    "text": _NEEDED,
    "comment": _WORDS,
}
_CHAIN = {
    "name": _NAME,
    "type": _WORDS,
    "hook": _WORDS,
    "priority": _WORDS,
    "policy": {"type": "str", "choices": ["accept", "drop"]},
    "devices": {"type": "list", "elements": "str"},
    "comment": _WORDS,
    "rules": {"type": "list", "elements": "raw"},
}
_TABLE = {
    "family": run_module.FAMILY,
    "name": _WORDS,
    "text": _WORDS,
    "comment": _WORDS,
    "flags": {"type": "list", "elements": "str", "choices": ["dormant"]},
    "state": run_module.STATE,
    "counters": {"type": "list", "elements": "dict", "options": {"name": _NAME, "comment": _WORDS}},
    "quotas": {"type": "list", "elements": "dict", "options": {"name": _NAME, "quota": _NEEDED, "comment": _WORDS}},
    "limits": {"type": "list", "elements": "dict", "options": {"name": _NAME, "limit": _NEEDED, "comment": _WORDS}},
    "others": {"type": "list", "elements": "dict", "options": _OTHER},
    "sets": {
        "type": "list",
        "elements": "dict",
        "options": {**_SET, **_FILES, "elements_from": _SOURCE},
    },
    "maps": {"type": "list", "elements": "dict", "options": _SET},
    "chains": {"type": "list", "elements": "dict", "options": _CHAIN},
    "max_removed": {"type": "raw"},
}
OPTIONS = {
    "tables": {"type": "list", "elements": "dict", "required": True, "options": _TABLE},
    "persist": {"type": "path"},
    "counters": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    run_module.run(OPTIONS, lambda params: parse.tables(params["tables"]))


if __name__ == "__main__":
    main()
