# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks up what only a host's inventory knows: groups, words, what an entry finally opens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import (
    HOST_KINDS,
    Destination,
    Entry,
    NeverEntry,
    PolicyTest,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.context import Context
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    DomainName,
    Grant,
    ResolvedDestination,
    ResolvedEntry,
    ResolvedNever,
    ResolvedTest,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from . import nat64, prefix_lists
from .members import members


@dataclass(frozen=True)
class Resolver:
    """Destinations to addresses on one host."""

    context: Context
    internal: AddressSet
    nat64: AddressSet

    def translate(self, found: AddressSet) -> AddressSet:
        """The set with its IPv4 addresses also as the network translates them for this host."""
        return nat64.translate(found, self.nat64)

    @property
    def internet(self) -> AddressSet:
        """The word internet on this host. Of the translated IPv4 only that of the internet, wherever the prefix is."""
        return self.translate(words.lookup("internet", self.internal) - self.nat64)

    @property
    def outside(self) -> AddressSet:
        """What is neither internal nor ends on the host's own links; documentation and reserved space are outside."""
        links = words.table("multicast") | words.table("link") | words.table("cloud_metadata")
        return (
            addresses.EVERYTHING - self.translate(self.internal or words.table("private_use")) - self.translate(links)
        )

    @property
    def _own(self) -> AddressSet:
        """What no fetched list opens, in each spelling: internal networks, or those for private use, and metadata."""
        found = (self.internal or words.table("private_use")) | words.table("cloud_metadata")
        return self.translate(nat64.translate(found, nat64.WELL_KNOWN))

    def addresses(
        self, destinations: Iterable[Destination], *, optional: bool = False, opens: bool = False
    ) -> AddressSet:
        """All of them together. optional: a host pattern may match nothing. opens: it is for something that allows."""
        return self.translate(addresses.union(self._one(one, optional, opens) for one in destinations))

    def entry(self, entry: Entry) -> ResolvedEntry | None:
        """The entry, or None when it opens nothing: an entry without addresses never becomes one without limits."""
        report, error_count = self.context.report, self.context.report.error_count
        excepted = self.addresses(entry.except_)
        lists = prefix_lists.split(self.context, entry)
        word = self.addresses(one for one in entry.to if one.value == "internal" and one.kind == "word") - excepted
        known = (one for one in lists.known if one.value != "internal" or one.kind != "word")
        parts = self._parts((one for one in known if one.kind != "name"), entry.optional, excepted)
        found = addresses.union(part.addresses for part in parts)
        names = self._names(entry)
        if entry.kind == "inbound":
            found, word = found | word, NOTHING
        if report.error_count > error_count:
            return None
        grants = tuple(_grants(word, found, entry.services))
        if word:
            parts = (*parts, ResolvedDestination("internal", word, whole=not excepted))
        external = tuple(grant for name in lists.external for grant in self._external(name, entry.services))
        if not grants and not external and not names:
            self._opens_nothing(entry, word | found)
            return None
        return ResolvedEntry(
            entry.name,
            entry.kind,
            grants,
            tuple(one.text for one in entry.to),
            entry.service_texts,
            entry.place.text,
            entry.users,
            max(words.RANKS.get(one.value, 0) if one.kind == "word" else 0 for one in entry.to),
            entry.reason,
            entry.owner,
            entry.expires,
            entry.review_by,
            external,
            lists.shared,
            entry.for_,
            self.context.report.origin(entry.place),
            names,
            (Grant(addresses.EVERYTHING, entry.services, "names"),) if names else (),
            parts,
            lists.fed,
            entry.approximate,
        )

    def _parts(
        self, known: Iterable[Destination], optional: bool, excepted: AddressSet
    ) -> tuple[ResolvedDestination, ...]:
        """Each destination whose addresses are known here."""
        found = []
        for one in known:
            whole = self.addresses([one], optional=optional, opens=True)
            left = whole - excepted if excepted else whole
            found.append(ResolvedDestination(one.text, left, left == whole))
        return tuple(found)

    def _names(self, entry: Entry) -> tuple[DomainName, ...]:
        """The domain names among the destinations; nobody knows here what `except` would take out of them."""
        report = self.context.report
        found = {one.value: DomainName(one.value, report.where(one.place)) for one in entry.to if one.kind == "name"}
        if found and entry.except_:
            cause = f"except cannot be taken out of {next(iter(found))}, whose addresses are not known here"
            report.error(entry.place, cause, "give the names an entry of their own; egress_never closes for all")
        return tuple(found[name] for name in sorted(found))

    def never(self, entry: NeverEntry) -> ResolvedNever:
        """What is subtracted."""
        found = self.addresses(entry.to) - self.addresses(entry.except_)
        return ResolvedNever(found, entry.services, entry.except_users, entry.reason)

    def quiet(self, entry: NeverEntry) -> Grant:
        """What is refused without a line in the ledger."""
        return Grant(self.addresses(entry.to) - self.addresses(entry.except_), entry.services)

    def test(self, test: PolicyTest) -> ResolvedTest | None:
        """The test, or None after an error. A test of nothing would always pass, so it is an error."""
        error_count = self.context.report.error_count
        found = self.addresses(test.to, opens=test.reach)
        if not found and self.context.report.error_count == error_count:
            self.context.report.error(test.place, "tests no address at all", "set egress_internal_networks")
        if self.context.report.error_count > error_count:
            return None
        hosts = self.addresses([one for one in test.to if _is_machine(one)], opens=test.reach)
        origin = self.context.report.origin(test.place)
        return ResolvedTest(test.name, test.place.text, test.reach, found, test.services, test.user, hosts, origin)

    def _external(self, name: str, spoken: ServiceSet) -> Iterable[Grant]:
        """The most that a list filled by others can open: no more than the word internet."""
        bound = _carrying(spoken, self.internet)
        return [Grant(bound, spoken, name)] if bound else []

    def _one(self, destination: Destination, optional: bool, opens: bool) -> AddressSet:
        if destination.kind == "literal":
            return destination.addresses
        if destination.kind == "word":
            return self.internet if destination.value == "internet" else words.lookup(destination.value, self.internal)
        if destination.kind == "prefix_list":
            return prefix_lists.addresses(self.context, destination, self._own if opens else NOTHING)
        hosts = members(self.context, destination, optional=optional)
        return addresses.union(self._host(destination, host) for host in sorted(set(hosts)))

    def _host(self, destination: Destination, host: str) -> AddressSet:
        try:
            texts = self.context.inventory.addresses(host)
        except addresses.AddressError as error:
            cause = f'"{destination.text}": egress_addresses of the host {host}: {error}'
            self.context.report.error(destination.place, cause, f"mend egress_addresses of {host}")
            return NOTHING
        if not texts:
            cause = f'"{destination.text}": the host {host} has no address'
            self.context.report.error(destination.place, cause, f"set egress_addresses for {host}")
        found = NOTHING
        for text in texts:
            try:
                version, value = addresses.parse_address(text)
            except addresses.AddressError as error:
                cause = f'"{destination.text}": egress_addresses of the host {host}: {error}'
                self.context.report.error(destination.place, cause, f"mend egress_addresses of {host}")
                continue
            found |= addresses.single(version, value)
        return found

    def _opens_nothing(self, entry: Entry, found: AddressSet) -> None:
        report = self.context.report
        if found and entry.services <= services.DNS:
            cause = "internal never includes DNS (ports 53 and 853)"
            report.error(entry.place, cause, "name the servers in egress_dns_servers, or as addresses in to")
        elif found:
            spoken = ", ".join(entry.service_texts)
            report.error(entry.place, f"opens nothing: {spoken} cannot be spoken with these addresses", "write icmp")
        elif any(one.kind == "word" and one.value == "internal" for one in entry.to) and not self.internal:
            report.notice("no_internal_networks", entry.place, "opens nothing: egress_internal_networks is not set")
        elif entry.optional:
            report.notice("optional", entry.place, "opens nothing: no host matches")
        else:
            report.error(entry.place, "opens nothing: except covers everything in to", "mend except, or drop the entry")


def _is_machine(destination: Destination) -> bool:
    """Whether a destination names machines, not networks."""
    literal = destination.addresses
    return destination.kind in HOST_KINDS or (destination.kind == "literal" and literal.size(4) + literal.size(6) == 1)


def _grants(word: AddressSet, named: AddressSet, spoken: ServiceSet) -> Iterable[Grant]:
    """What an entry opens; the word internal opens no DNS (contract of the vocabulary), named destinations do."""
    dns = spoken & services.DNS
    if not dns or not word - named:
        found = [Grant(word | named, spoken)]
    else:
        found = [Grant(word | named, spoken - dns), Grant(named, dns, "dns")]
    for grant in found:
        carried = _carrying(grant.services, grant.addresses)
        if carried and grant.services:
            yield replace(grant, addresses=carried)


def _carrying(spoken: ServiceSet, found: AddressSet) -> AddressSet:
    """The addresses that the services can be spoken with: ICMP is of IPv4 alone, ICMPv6 of IPv6."""
    if spoken <= services.of_protocol(services.ICMP):
        return AddressSet(v4=found.v4)
    if spoken <= services.of_protocol(services.ICMPV6):
        return AddressSet(v6=found.v6)
    return found


def order(entries: Iterable[ResolvedEntry]) -> tuple[ResolvedEntry, ...]:
    """Named destinations before lists and words, a word before a wider one, somebody's first, then by name.

    The order does not depend on addresses: a changed address must move no rule.
    """
    return tuple(sorted(entries, key=lambda entry: (entry.rank, not entry.direct, entry.users is None, entry.name)))
