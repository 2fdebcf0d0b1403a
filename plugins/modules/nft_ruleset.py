#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole tables, all at once or not at all."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_ruleset
short_description: Make whole nftables tables equal to what is written
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Makes each named table of the kernel equal to what is written, all of them in one transaction. Only new sets of
    intervals come in one of their own just before, when no rule looks into them yet; it is taken back when the rest is
    refused.
  - What is in such a table and not written is removed, except the elements of sets and maps for which no elements are
    written, and of dynamic sets. Tables that are not named are not looked at.
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
        description: The name.
        type: str
        required: true
      comment:
        description: A comment, of at most 128 bytes. Changing it makes the table and all in it anew, state included.
        type: str
      flags:
        description: V(dormant) takes all chains of the table out of the packets' way. Left out, they are in it.
        type: list
        elements: str
        choices: [dormant]
      state:
        description: Whether the table shall be there.
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
            description: A comment. nft older than 1.0 may not know comments of counters.
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
            description: The quota in nft's words, such as V(over 10 mbytes).
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
            description: The limit in nft's words, such as V(rate 10/second burst 5 packets).
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
            description: The kind. What the host's nft and kernel know of these differs.
            type: str
            choices: [ct helper, ct timeout, ct expectation, synproxy, secmark, flowtable, tunnel]
            required: true
          name:
            description: The name.
            type: str
            required: true
          text:
            description:
              - What stands between the braces in nft's language, with semicolons or line breaks between statements,
                such as V(type "ftp" protocol tcp; l3proto ip).
            type: str
            required: true
          comment:
            description: A comment. nft may not know comments of every kind.
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
            description: The type of its elements, such as V(ipv4_addr) or V(ipv4_addr . inet_service).
            type: str
          typeof:
            description: In place of C(type), an expression whose type the elements have.
            type: str
          flags:
            description: The flags. Networks and ranges need V(interval).
            type: list
            elements: str
            choices: [constant, interval, timeout, dynamic]
          timeout:
            description: How long an element stays, in seconds or as in V(1d).
            type: str
          gc_interval:
            description: How often the kernel removes what timed out, in seconds or as in V(1h).
            type: str
          size:
            description: How many elements it can hold at most.
            type: int
          auto_merge:
            description: Whether nft merges elements that overlap or touch.
            type: bool
          counter:
            description: Whether each element counts the packets that match it.
            type: bool
          statements:
            description:
              - In place of C(counter), what each element holds in nft's words, such as V(limit rate 10/second counter)
                or V(ct count over 20).
            type: str
          policy:
            description: What the kernel goes by when it chooses how to keep the elements.
            type: str
            choices: [performance, memory]
          comment:
            description: A comment, of at most 128 bytes.
            type: str
          elements:
            description:
              - The elements, each a text in nft's language or a mapping of C(value), C(comment) and C(timeout).
              - Left out, the elements stay as they are.
            type: list
            elements: raw
          elements_file:
            description:
              - In place of C(elements), the absolute path of a file on the host with one element a line; what follows
                C(#) is a remark.
              - Of a large file only what changed is told to the kernel, and the set is not listed. With
                O(tables[].max_removed) or O(persist) it is compared as text, which takes as long as nft takes to list
                it.
            type: path
          elements_sum:
            description: The SHA-256 that C(elements_file) must have; with another one the task fails.
            type: str
          elements_src:
            description:
              - In place of C(elements_file), a file of the same kind on the controller, looked for where
                M(ansible.builtin.copy) looks for its C(src), and shipped when the host has no copy of the same SHA-256.
            type: path
          purge:
            description:
              - Whether elements that are not named are removed. V(true) unless given, but V(false) with the flags
                V(dynamic) or V(timeout), whose elements others add.
            type: bool
          elements_from:
            description:
              - With V(resolvers), the name servers that the host itself uses are elements, too, for a set of C(type)
                V(ipv4_addr) or V(ipv6_addr) those of its family.
              - They are those of C(/etc/resolv.conf), and of C(/run/systemd/resolve/resolv.conf) where that names only
                systemd-resolved. Servers on the host itself are left out; that none is left is an error.
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
            description: 'In place of C(type), expressions that have the types, such as V(ip daddr : ip saddr).'
            type: str
          flags:
            description: The flags. Networks and ranges need V(interval).
            type: list
            elements: str
            choices: [constant, interval, timeout, dynamic]
          timeout:
            description: How long an element stays, in seconds or as in V(1d).
            type: str
          gc_interval:
            description: How often the kernel removes what timed out, in seconds or as in V(1h).
            type: str
          size:
            description: How many elements it can hold at most.
            type: int
          auto_merge:
            description: Whether nft merges elements that overlap or touch.
            type: bool
          counter:
            description: Whether each element counts the packets that match it.
            type: bool
          statements:
            description:
              - In place of C(counter), what each element holds in nft's words, such as V(limit rate 10/second counter)
                or V(ct count over 20).
            type: str
          policy:
            description: What the kernel goes by when it chooses how to keep the elements.
            type: str
            choices: [performance, memory]
          comment:
            description: A comment, of at most 128 bytes.
            type: str
          elements:
            description:
              - The elements, each a text in nft's language, key and data with a colon between blanks, or a mapping of
                C(value), C(data), C(comment) and C(timeout).
              - Left out, the elements stay as they are.
            type: list
            elements: raw
          purge:
            description:
              - Whether elements that are not named are removed. V(true) unless given, but V(false) with the flags
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
            description: What a base chain does, such as V(filter), V(nat), V(route).
            type: str
          hook:
            description: Where in the packet's way a base chain sits, such as V(output).
            type: str
          priority:
            description: The order among base chains of a hook, such as V(0), V(filter), V(filter - 10).
            type: str
          policy:
            description: What a base chain does with a packet that no rule decided. V(accept) unless given.
            type: str
            choices: [accept, drop]
          devices:
            description: Network devices, for family V(netdev) and the hooks V(ingress) and V(egress).
            type: list
            elements: str
          comment:
            description: A comment, of at most 128 bytes.
            type: str
          rules:
            description:
              - The rules in their order, each a text in nft's language or a mapping. Left out, the rules stay as they
                are; an empty list removes all.
              - In a mapping, C(rule) is the text. C(users) lists names or uids; the rule is then only about the
                sockets of these users, who are looked up on the host. C(missing_users) says what to do about a user
                who does not exist, V(skip) (the default) or V(error). A rule all of whose users are missing is left
                out, so it allows nothing, and the users are returned as RV(missing_users).
            type: list
            elements: raw
      max_removed:
        description:
          - Stops a run, check mode included, that would take away more than this share of what sets hold, before
            anything is changed, and lists what would go. Guards against lists that came half or empty.
          - Counted are the elements of sets that a rule refers to. An address counts one, a network or range one for
            each of its addresses, but at most 8; of an element that goes in part, a part counts. What a set of a
            new name takes over does not go, nor what only rules refer to whose C(meta time <) is past.
          - Fewer than 10 may always go. A table that is new or that goes altogether is never stopped.
          - A share in percent, from V(0) to V(100); V(100) stops nothing. Or a mapping of C(percent) and C(sets), which
            says by a shell pattern of their names which sets it is about.
        type: raw
  persist:
    description:
      - A file that is to hold the tables as nft loads them, for example at boot. Its directory must exist.
      - It holds nft's own listing with numbers for users, addresses and services, so nothing is looked up at boot. It
        is written in one step, readable by its owner only, and is removed when no table is left.
    type: path
  counters:
    description:
      - Whether to return what the named counters of the tables have counted when the run is over.
      - They are read from the kernel without nft, which costs well under a millisecond.
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
- name: Let this host reach two services and nothing else
  tidegate.nftables.nft_ruleset:
    tables:
      - name: site
        counters:
          - name: refused
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
              - counter name refused
              - meta l4proto tcp reject with tcp reset
              - reject with icmpx type admin-prohibited
    persist: /etc/nftables-site.nft

- name: Send web traffic to a chain of its own, by a map
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

- name: Remove both
  tidegate.nftables.nft_ruleset:
    tables:
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
      description: The table as it was.
      type: str
    after:
      description: The table as it is now, in check mode as it would be.
      type: str
transaction:
  description: The text that was sent to nft, in check mode that would be sent. Empty when nothing changes.
  returned: success
  type: str
  sample: add rule inet site site_input tcp dport 443 accept
changes:
  description: What changes, one by one.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: One of V(add), V(delete), V(recreate), V(move).
      type: str
    kind:
      description: What it is, such as V(table), V(chain), V(rule), V(set), V(map), V(element), V(counter), V(file).
      type: str
    name:
      description: Its name, if it has one.
      type: str
    chain:
      description: The chain of a rule.
      type: str
    comment:
      description: The comment of a rule or table.
      type: str
    text:
      description: A rule or declaration in nft's words.
      type: str
    set:
      description: The set or map of elements.
      type: str
    count:
      description: How many elements.
      type: int
    sample:
      description: The first 20 of the elements.
      type: list
      elements: str
missing_users:
  description: Users of rules that this host does not have, sorted.
  returned: success
  type: list
  elements: str
counters:
  description: For each table, as family and name, what its named counters have counted, by their names.
  returned: success, with O(counters=true)
  type: dict
  sample: {"inet site": {"refused": {"packets": 3, "bytes": 180}}}
nft_version:
  description: The version of nft on the host.
  returned: success
  type: str
  sample: 1.0.6
path:
  description:
    - V(fast) when the kernel proved that nothing changed since the last verified run, so that nft was not even
      started; V(elements) when it proved that nothing but files of elements did, and was told the difference without
      nft; else V(full).
  returned: success
  type: str
reason:
  description:
    - Why it failed, in one word. One of V(nft_missing), V(nft_too_old), V(no_cap_net_admin), V(no_nf_tables),
      V(bad_spec), V(rejected_by_nft), V(nft_crashed), V(no_memory), V(not_applied), V(busy), V(too_much_removed),
      V(no_resolvers), V(file_needed).
  returned: failure
  type: str
where:
  description: The place in the arguments that the failure is about, if it is about one.
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
    "name": _NAME,
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
    """Make whole tables so."""
    run_module.run(OPTIONS, lambda given: parse.tables(given["tables"]))


if __name__ == "__main__":
    main()
