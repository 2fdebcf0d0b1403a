# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random policies: what a reader expects of the variables, what the oracle says and what the rules do agree."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import units_set
from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds, policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import Cgroup
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.golden.interpret import Packet, run
from ansible_collections.tidegate.nftables.tests.oracle.reader import Packet as SeenPacket
from ansible_collections.tidegate.nftables.tests.oracle.reader import Reader, Site

HOSTS = {"a1": ["10.0.0.1", "fd00::1"], "a2": ["10.0.0.2"], "b1": ["10.0.1.1"]}
GROUPS = {"a": ["a1", "a2"], "b": ["b1"]}
INTERNAL = ["10.0.0.0/16", "fd00::/48"]
TODAY = dt.date(2026, 11, 20)
SERVICES = ("https", "dns", "kerberos", "tcp/80-90", "udp/50-60", "sctp/80", "proto/112", "proto/6", "icmp")
ADDRESSES = [
    *("10.0.0.1", "10.0.0.2", "10.0.0.9", "10.0.1.1", "10.0.255.255", "10.1.0.0", "1.1.1.1", "203.0.113.7"),
    *("224.0.0.18", "169.254.169.254", "fd00::1", "fd00::2", "fd00:0:1::", "2606:4700::1", "ff02::12", "2001:db8::1"),
]
DESTINATIONS = [
    *("10.0.0.1", "10.0.0.0/24", "10.0.0.2-10.0.0.9", "203.0.113.0/24", "fd00::1", "fd00::/64", "2001:db8::/48"),
    *("0.0.0.0/0", "128.0.0.0/1", "::/0", "::/1", "::/79", "::/80", "8000::/1"),
    *("hosts:a", "hosts:b", "internal", "internet", "multicast", "cloud-metadata", "any"),
    *("prefix_list:ours", "prefix_list:theirs"),
]
NAMES = ["a.example", "*.a.example", ".b.example", "x.b.example"]
ASKED = ["a.example", "x.a.example", "b.example", "x.b.example", "y.x.b.example", "other.example"]
# What is fetched opens neither the inside nor metadata services.
LISTS = {
    "ours": ["10.0.0.0/30", "203.0.113.0/24"],
    "theirs": ["203.0.113.0/24", "10.0.0.0/24", "169.254.169.254", "2001:db8::/48", "fd00::/64"],
}
USERS = ["payd", "0", "1003"]
UNITS = [
    *("nginx.service", "restic@.service", "restic@home.service", "user@1000.service", "init.scope", "session-4.scope"),
    *("batch.slice", "batch-night.slice", "system.slice", "user-1000.slice"),
]
CGROUPS = [
    "init.scope",
    "system.slice/nginx.service",
    "system.slice/other.service",
    "system.slice/system-restic.slice/restic@home.service",
    "system.slice/system-restic.slice/restic@www.service",
    "batch.slice/nginx.service",
    "batch.slice/batch-night.slice/restic@home.service/payload",
    "user.slice/user-1000.slice/session-4.scope",
    "user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service",
]

to = st.lists(st.sampled_from(DESTINATIONS), min_size=1, max_size=3, unique=True)
services = st.one_of(st.just(["any"]), st.lists(st.sampled_from(sorted(SERVICES)), min_size=1, max_size=3, unique=True))
within = st.lists(st.sampled_from(["internal", "10.0.0.0/24", "203.0.113.0/24", "fd00::/64"]), min_size=1, unique=True)
entries = st.fixed_dictionaries(
    {"to": to, "services": services},
    optional={
        "except": to,
        "users": st.lists(st.sampled_from(USERS), min_size=1, unique=True),
        "units": st.lists(st.sampled_from(UNITS), min_size=1, max_size=3, unique=True),
        "expires": st.sampled_from([dt.date(2026, 11, 19), TODAY, dt.date(2027, 1, 1)]),
    },
)
nevers = st.fixed_dictionaries(
    {"to": to},
    optional={
        "except": to,
        "services": services,
        "except_users": st.lists(st.sampled_from(USERS), min_size=1),
        "except_units": st.lists(st.sampled_from(UNITS), min_size=1, max_size=2),
    },
)
LEASES = ["255.255.255.255", "169.254.169.254", "169.254.9.9", "168.63.129.16", "168.63.129.17"]


def units_of(cgroup: str) -> tuple[str, ...]:
    """The units of a cgroup: its slices, and the first that is none; what is below is its own."""
    names = cgroup.split("/")
    end = next(place for place, name in enumerate(names, start=1) if not name.endswith(".slice"))
    return tuple(names[:end])


renewals = st.builds(
    lambda address, source: policy.Flow(address, "udp", 67, "www-data", source_port=source),
    st.sampled_from([*ADDRESSES, *LEASES]),
    st.sampled_from([67, 68, 40000]),
)
flows = renewals | st.builds(
    lambda address, service, user, cgroup: policy.Flow(
        address, service[0], service[1], user, units=() if user is None else units_of(cgroup)
    ),
    st.sampled_from(ADDRESSES),
    st.one_of(
        st.tuples(st.sampled_from(["tcp", "udp"]), st.sampled_from([52, 53, 60, 80, 88, 90, 443, 853, 65535])),
        st.sampled_from([("sctp", 80), ("sctp", 81), ("icmp", 8), ("icmp", 3), (112, None), (113, None)]),
    ),
    st.sampled_from([*USERS, "www-data", None]),
    st.sampled_from(CGROUPS),
)


def policy_of(mode: str, allow: list[Any], base: list[Any], never: list[Any]) -> dict[str, Any]:
    """Entries above the ceiling and empty ones are errors, and not what is tried here."""
    return {
        "egress_mode": mode,
        "egress_tier": "free",
        "egress_tiers": {
            "free": {
                "ceiling": {
                    "internal": {"services": "any", "any": True},
                    "external": {"services": "any", "widest": {"ipv4": 0, "ipv6": 0}, "most": {"ipv4": 0, "ipv6": 0}},
                }
            }
        },
        "egress_internal_networks": INTERNAL,
        "egress_prefix_lists": {name: {} for name in LISTS},
        "egress_dns_servers": ["10.0.0.9"],
        "egress_never": never,
        "egress_allow_one": [{"name": f"one-{number}", **entry} for number, entry in enumerate(allow)],
        "egress_allow_two": [{"name": f"two-{number}", **entry} for number, entry in enumerate(base)],
    }


def reader(variables: Mapping[str, Any]) -> Reader:
    """Return who decides about a random policy by its page alone."""
    site = Site("app1", HOSTS, GROUPS, lists=LISTS, fetched=frozenset({"theirs"}))
    return Reader(variables, site, TODAY)


def seen(flow: policy.Flow) -> SeenPacket:
    """Return a flow as the reader sees it."""
    packet = SeenPacket(flow.address, protocol_number(flow), flow.port, flow.user, flow.source_port, flow.container)
    return replace(packet, units=flow.units)


def protocol_number(flow: policy.Flow) -> int:
    known = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": 58 if ":" in flow.address else 1}
    return known.get(str(flow.protocol)) or int(flow.protocol)


def listed(name: str) -> feeds.PrefixListResult:
    """A list as it comes from the feeds."""
    listed_addresses = addresses.union(addresses.parse(text) for text in LISTS[name])
    moment = dt.datetime.combine(TODAY, dt.time(), dt.UTC) if name == "theirs" else None
    return feeds.PrefixListResult(name, listed_addresses, fetched_at=moment)


def packet(flow: policy.Flow) -> Packet:
    now = int(dt.datetime.combine(TODAY, dt.time(12), dt.UTC).timestamp())
    cgroup = "/".join(flow.units)
    return Packet(flow.address, protocol_number(flow), flow.port, flow.user, flow.source_port, now=now, cgroup=cgroup)


def written_units(variables: Mapping[str, Any]) -> list[list[str]]:
    """The lists of units in a random policy."""
    entries = [*variables["egress_allow_one"], *variables["egress_allow_two"]]
    lists = [entry["units"] for entry in entries if "units" in entry]
    return [*lists, *(never["except_units"] for never in variables["egress_never"] if "except_units" in never)]


def with_cgroups(spec: dict[str, Any], lists: Iterable[Sequence[str]]) -> dict[str, Any]:
    """The table as the host fills it: in the set of each list of units, the cgroups of these units."""
    paths = {"/".join(units_of(cgroup)[:end]) for cgroup in CGROUPS for end in range(1, 5)}
    elements = {
        units_set(sorted(set(units))): [path for path in paths if any(is_of(path, unit) for unit in units)]
        for units in lists
    }
    return {**spec, "sets": [{**each, **_elements(elements.get(each["name"]))} for each in spec["sets"]]}


def _elements(paths: list[str] | None) -> dict[str, Any]:
    return {} if paths is None else {"elements": paths}


def is_of(path: str, unit: str) -> bool:
    """Whether the cgroup at the end of a path is a unit's own."""
    name = path.rpartition("/")[2]
    return name == unit or ("@." in unit and name.startswith(unit.partition("@")[0] + "@"))


def attempt(
    variables: Mapping[str, Any], inventory: FixedInventory
) -> tuple[policy.ResolvedPolicy | None, tuple[policy.PolicyError, ...]]:
    """The policy, or what is wrong with it."""
    try:
        return policy.build(variables, inventory, today=TODAY), ()
    except policy.PolicyErrors as raised:
        return None, raised.errors


@settings(max_examples=200, deadline=None)
@given(
    st.lists(entries, max_size=3),
    st.lists(entries, max_size=2),
    st.lists(nevers, max_size=2),
    st.lists(flows, max_size=12),
)
def test_reader_oracle_and_rules_agree(allow: Any, base: Any, never: Any, tried: list[policy.Flow]) -> None:
    inventory = FixedInventory("app1", GROUPS, HOSTS, {name: listed(name) for name in LISTS})
    variables = policy_of("enforce", allow, base, never)
    resolved, errors = attempt(variables, inventory)
    if resolved is None:
        # An entry that opens nothing is refused, and rightly: a reader agrees that it opens none of the flows.
        assert all("opens nothing" in error.cause or "internal never" in error.cause for error in errors)
        wrong = {error.where.partition("[")[2].partition("]")[0] for error in errors}
        named = variables["egress_allow_one"] + variables["egress_allow_two"]
        assert not any(
            reader(variables).opens(entry, seen(flow)) for entry in named if entry["name"] in wrong for flow in tried
        )
        return
    observing = policy.build({**variables, "egress_mode": "observe"}, inventory, today=TODAY)
    spec, dispatched, observed = (
        with_cgroups(table, written_units(variables))
        for table in (compile_table(resolved), compile_table(resolved, in_a_row=0), compile_table(observing))
    )
    for flow in tried:
        passes = reader(variables).is_allowed(seen(flow))
        verdict = policy.decide(resolved, flow)
        assert verdict.allowed == passes, flow
        outcome = run(spec, packet(flow))
        assert run(dispatched, packet(flow)) == outcome, flow
        assert outcome.entry == verdict.entry or verdict.cause != "entry"
        assert (outcome.verdict == "accept") == passes, flow
        outcome_observed = run(observed, packet(flow))
        assert outcome_observed.verdict == "accept"
        assert ("would_deny" in outcome_observed.counters) == (not passes), flow
        assert outcome.counters.count("denied") == (0 if passes else 1)
        assert len(outcome.written) == (0 if passes else 1)


def _with_names(entry: dict[str, Any]) -> dict[str, Any]:
    """What is taken out of names is an error, and so are bounds of none."""
    named = any(text in NAMES for text in entry["to"])
    return {key: value for key, value in entry.items() if key not in (("except",) if named else ("within", "keep"))}


questions = st.builds(
    policy.Flow,
    st.sampled_from(["10.0.0.9", "1.1.1.1"]),
    st.sampled_from(["tcp", "udp"]),
    st.sampled_from([53, 853]),
    st.sampled_from(["tidegate-dns", "payd", None]),
)
named_entries = st.builds(
    lambda entry, more, bound: _with_names({**entry, "to": [*entry["to"], *more], **bound}),
    entries,
    st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
    st.fixed_dictionaries({}, optional={"within": within, "keep": st.sampled_from(["used", "ttl"])}),
)


def filled(spec: dict[str, Any], variables: Mapping[str, Any], address: str, names: list[str]) -> dict[str, Any]:
    """The table after answers for names that had an address: in the sets of every entry that one of the names fits."""
    beside = [
        f"names_{entry['name']}{6 if ':' in address else 4}"
        for entry in variables["egress_allow_one"]
        for text in entry["to"]
        if text in NAMES and any(_fits(text, name) for name in names)
    ]
    sets = [
        {**each, "elements": [address]} if each["name"] in beside and "elements" not in each else each
        for each in spec["sets"]
    ]
    return {**spec, "sets": sets}


def _fits(text: str, name: str) -> bool:
    return (
        name
        in {
            "a.example": ["a.example"],
            "*.a.example": ["x.a.example"],
            ".b.example": ["b.example", "x.b.example", "y.x.b.example"],
            "x.b.example": ["x.b.example"],
        }[text]
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(named_entries, max_size=3),
    st.lists(nevers, max_size=1),
    st.lists(st.tuples(flows | questions, st.lists(st.sampled_from(ASKED), max_size=2)), max_size=12),
)
def test_reader_oracle_and_rules_agree_about_names(
    allow: Any, never: Any, tried: list[tuple[policy.Flow, list[str]]]
) -> None:
    inventory = FixedInventory("app1", GROUPS, HOSTS, {name: listed(name) for name in LISTS})
    variables = {**policy_of("enforce", allow, [], never), "egress_names": "resolver"}
    resolved, _errors = attempt(variables, inventory)
    if resolved is None:
        return
    spec = with_cgroups(compile_table(resolved), written_units(variables))
    must, may = policy.passing(resolved), policy.passing(resolved, may=True)
    for flow, names in tried:
        passes = reader(variables).is_allowed(replace(seen(flow), names=names))
        assert policy.decide(resolved, flow, names).allowed == passes, (flow, names)
        outcome = run(filled(spec, variables, flow.address, names), packet(flow))
        assert (outcome.verdict == "accept") == passes, (flow, names)
        if flow.source_port is None:
            # What surely passes does whatever was answered, and nothing does beyond what may pass.
            assert _reaches(must, flow) == policy.decide(resolved, flow).allowed
            assert passes <= _reaches(may, flow), (flow, names)


def cgroup_of(flow: policy.Flow) -> Cgroup:
    """Where the socket of a flow is."""
    slices = [unit for unit in flow.units if unit.endswith(".slice")]
    return Cgroup("".join(flow.units[len(slices) :]), slices[-1] if slices else "")


def _reaches(reach: policy.Reach, flow: policy.Flow) -> bool:
    region = reach.at(flow.user, cgroup_of(flow))
    return region.contains(protocol_number(flow), flow.port or 0, flow.address)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(entries, max_size=3),
    st.lists(nevers, max_size=2),
    st.lists(flows, max_size=8),
    st.sampled_from(
        ["docker0", "docker_gwbridge", "br-1a2b", "podman1", "cni0", "lxdbr0", "incusbr0", "virbr0", "cali12ab"]
    ),
)
def test_reader_oracle_and_rules_agree_about_containers(
    allow: Any, never: Any, tried: list[policy.Flow], bridge: str
) -> None:
    inventory = FixedInventory("app1", GROUPS, HOSTS, {name: listed(name) for name in LISTS})
    # Whose a packet of a container is, nobody knows.
    inside = [{key: value for key, value in entry.items() if key not in ("users", "units")} for entry in allow]
    variables = policy_of("enforce", [{**entry, "for": ["containers"]} for entry in inside], [], never)
    resolved, _errors = attempt({**variables, "egress_containers": True}, inventory)
    if resolved is None:
        return
    for spec in (compile_table(resolved), compile_table(resolved, in_a_row=0)):
        for flow in (replace(flow_of_user, user=None, container=True, units=()) for flow_of_user in tried):
            passes = reader({**variables, "egress_containers": True}).is_allowed(seen(flow))
            assert policy.decide(resolved, flow).allowed == passes, flow
            outcome = run(spec, replace(packet(flow), bridge=bridge), "egress_forward")
            assert (outcome.verdict == "accept") == passes, flow
            assert outcome.counters.count("denied") == (0 if passes else 1)
            # The host's own packets, and what is forwarded from elsewhere, are not its containers'.
            assert run(spec, packet(flow), "egress_forward").verdict == "accept"
