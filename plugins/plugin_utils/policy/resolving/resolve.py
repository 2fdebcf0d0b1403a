# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the destinations of entries into addresses: words, hosts, prefix lists, and the order of the result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import (
    HOST_KINDS,
    Destination,
    Entry,
    Inventory,
    NeverEntry,
    PolicyTest,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import known, values, words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.context import Context
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.name_settings import NameSettings
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.names import platform
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    DomainName,
    Grant,
    ResolvedDestination,
    ResolvedEntry,
    ResolvedNever,
    ResolvedTest,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, host_address, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import (
    NOTHING,
    AddressError,
    AddressSet,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from . import nat64, prefix_lists
from .members import members


@dataclass(frozen=True)
class Resolver:
    """Turns destinations into addresses on one host. internal, nat64, names: of its settings."""

    context: Context
    internal: AddressSet
    nat64: AddressSet
    names: NameSettings = field(default_factory=NameSettings)

    def translate(self, original: AddressSet) -> AddressSet:
        """Return the set with its IPv4 addresses also as the network translates them for this host."""
        return nat64.translate(original, self.nat64)

    @property
    def internet(self) -> AddressSet:
        """The word internet on this host. Of translated IPv4 only that of the internet, wherever the prefix is."""
        return self.translate(words.lookup("internet", self.internal) - self.nat64)

    @property
    def outside(self) -> AddressSet:
        """What is neither internal nor ends on the host's own links; documentation and reserved space are outside."""
        links = words.table("multicast") | words.table("link") | words.table("cloud_metadata")
        return (
            addresses.EVERYTHING - self.translate(self.internal or words.table("private_use")) - self.translate(links)
        )

    @property
    def _never_fetched(self) -> AddressSet:
        """What no fetched list opens, in each spelling: internal networks, or those for private use, and metadata."""
        own = (self.internal or words.table("private_use")) | words.table("cloud_metadata")
        return self.translate(nat64.translate(own, nat64.WELL_KNOWN))

    def addresses(
        self, destinations: Iterable[Destination], *, optional: bool = False, opens: bool = False
    ) -> AddressSet:
        """Return the union of destinations. optional: a pattern may match nothing. opens: they are to be allowed."""
        return self.translate(addresses.union(self._addresses_of(each, optional, opens) for each in destinations))

    def entry(self, entry: Entry) -> ResolvedEntry | None:
        """Return the entry, or None when it opens nothing: one without addresses never becomes one without limits."""
        report = self.context.report
        errors = report.error_count
        excepted = self.addresses(entry.except_)
        lists = prefix_lists.split(self.context, entry)
        internal = self.addresses(each for each in entry.to if _is_internal(each)) - excepted
        known = [each for each in lists.known if not _is_internal(each) and each.kind != "name"]
        destinations = self._destinations(known, entry.optional, excepted)
        named = addresses.union(destination.addresses for destination in destinations)
        names = self._names(entry)
        if entry.kind == "inbound":
            named, internal = named | internal, NOTHING
        if report.error_count > errors:
            return None
        grants = tuple(_grants(internal, named, entry.services))
        if internal:
            destinations = (*destinations, ResolvedDestination("internal", internal, whole=not excepted))
        by_name = tuple(self._by_name(entry)) if names else ()
        external = tuple(grant for name in lists.external for grant in self._external(name, entry.services))
        if not grants and not external and not by_name:
            self._opens_nothing(entry, internal | named)
            return None
        return ResolvedEntry(
            name=entry.name,
            kind=entry.kind,
            grants=grants,
            to=tuple(dict.fromkeys(destination.text for destination in entry.to)),
            service_texts=entry.service_texts,
            where=entry.place.text,
            origin=report.origin(entry.place),
            users=entry.users,
            units=entry.units,
            rank=max(words.RANKS.get(each.value, 0) if each.kind == "word" else 0 for each in entry.to),
            reason=entry.reason,
            owner=entry.owner,
            expires=entry.expires,
            review_by=entry.review_by,
            external=external,
            feeding_names=lists.feeding_names,
            shared=(*lists.shared, *self._shared(entry)),
            for_=entry.for_,
            names=names,
            by_name=by_name,
            within=bool(entry.within),
            keep=(entry.keep or self.names.keep) if names else "used",
            destinations=destinations,
            approximate=entry.approximate,
        )

    def _destinations(
        self, known: Iterable[Destination], optional: bool, excepted: AddressSet
    ) -> tuple[ResolvedDestination, ...]:
        """Return each destination whose addresses are known here."""
        resolved = []
        for destination in known:
            whole = self.addresses([destination], optional=optional, opens=True)
            rest = whole - excepted if excepted else whole
            resolved.append(ResolvedDestination(destination.text, rest, whole=rest == whole))
        return tuple(resolved)

    def _names(self, entry: Entry) -> tuple[DomainName, ...]:
        """Return the domain names among the destinations; nobody knows here what `except` would take out of them."""
        report = self.context.report
        names = {
            each.value: DomainName(each.value, report.where(each.place)) for each in entry.to if each.kind == "name"
        }
        if names and entry.except_:
            cause = f"except cannot apply to {next(iter(names))}, whose addresses are not known here"
            report.error(entry.place, cause, "give the names a separate entry; egress_never applies to all entries")
        return tuple(names[name] for name in sorted(names))

    def _shared(self, entry: Entry) -> Iterable[str]:
        """Yield the bundles and names of platforms on which anyone can host a service."""
        bundles = {each.text: known.find(self.context.known, each.text.removeprefix(known.PREFIX)) for each in entry.to}
        yield from (
            text for text, bundle in bundles.items() if text.startswith(known.PREFIX) and bundle and bundle.shared
        )
        for each in entry.to:
            by_itself = each.kind == "name" and not each.text.startswith(known.PREFIX)
            if by_itself and platform(domain_names.parse(each.value)):
                yield each.value

    def _by_name(self, entry: Entry) -> Iterable[Grant]:
        """Yield the most that names can open. Only the table of a host that fills their sets bounds them."""
        bound = addresses.EVERYTHING
        if self.names.feeder != "none":
            bound = self.addresses(entry.within) if entry.within else self.internet
        if bound := _carrying(entry.services, bound):
            yield Grant(bound, entry.services, "names")

    def never(self, entry: NeverEntry) -> ResolvedNever:
        """Return what is subtracted from every entry."""
        closed = self.addresses(entry.to) - self.addresses(entry.except_)
        origin = self.context.report.origin(entry.place)
        return ResolvedNever(
            closed, entry.services, entry.except_users, entry.except_units, entry.reason, entry.place.text, origin
        )

    def quiet(self, entry: NeverEntry) -> Grant:
        """Return what is rejected without a line in the ledger."""
        return Grant(self.addresses(entry.to) - self.addresses(entry.except_), entry.services)

    def test(self, test: PolicyTest) -> ResolvedTest | None:
        """Return the test, or None after an error. A test of nothing would always pass, so it is an error."""
        report = self.context.report
        errors = report.error_count
        excepted = self.addresses(test.except_)
        tested = self.addresses(test.to, opens=test.reach) - excepted
        if not tested and report.error_count == errors:
            report.error(test.place, "tests no address", "set egress_internal_networks, or name other destinations")
        if report.error_count > errors:
            return None
        return ResolvedTest(
            name=test.name,
            where=test.place.text,
            reach=test.reach,
            addresses=tested,
            services=test.services,
            user=test.user,
            unit=test.unit,
            hosts=self.addresses([each for each in test.to if _is_machine(each)], opens=test.reach) - excepted,
            origin=report.origin(test.place),
        )

    def _external(self, name: str, allowed: ServiceSet) -> Iterable[Grant]:
        """Return the most that a list filled by others can open: no more than the word internet."""
        bound = _carrying(allowed, self.internet)
        return [Grant(bound, allowed, name)] if bound else []

    def _addresses_of(self, destination: Destination, optional: bool, opens: bool) -> AddressSet:
        if destination.kind == "literal":
            return destination.addresses
        if destination.kind == "word":
            return self.internet if destination.value == "internet" else words.lookup(destination.value, self.internal)
        if destination.kind == "prefix_list":
            return prefix_lists.addresses(self.context, destination, self._never_fetched if opens else NOTHING)
        hosts = members(self.context, destination, optional=optional)
        return addresses.union(self._addresses_of_host(destination, host) for host in sorted(set(hosts)))

    def _addresses_of_host(self, destination: Destination, host: str) -> AddressSet:
        report = self.context.report
        try:
            texts = self.context.inventory.addresses(host)
        except AddressError as error:
            self._bad_address(destination, host, error)
            return NOTHING
        if not texts:
            cause = f'"{destination.text}": the host {host} has no address'
            report.error(destination.place, cause, f"set egress_addresses for {host}")
        parsed = NOTHING
        for text in texts:
            try:
                parsed |= host_address.parse(text)
            except AddressError as error:
                self._bad_address(destination, host, error)
        return parsed

    def _bad_address(self, destination: Destination, host: str, error: AddressError) -> None:
        cause = f'"{destination.text}": egress_addresses of the host {host}: {error.cause}'
        self.context.report.error(destination.place, cause, error.fix or f"correct egress_addresses of {host}")

    def _opens_nothing(self, entry: Entry, reached: AddressSet) -> None:
        report = self.context.report
        if reached and entry.services <= services.DNS:
            cause = "opens nothing: internal never includes DNS (ports 53 and 853)"
            fix = "name the servers in egress_dns_servers, or write their addresses in to"
            report.error(entry.place, cause, fix)
        elif reached:
            allowed = values.enumeration(entry.service_texts)
            cause = f"opens nothing: {allowed} cannot go to these addresses, since ICMP belongs to IPv4, ICMPv6 to IPv6"
            report.error(entry.place, cause, "write icmp, which is both")
        elif any(_is_internal(each) for each in entry.to) and not self.internal:
            text = "opens nothing: egress_internal_networks is not set"
            report.notice("no_internal_networks", entry.place, text)
        elif entry.optional:
            report.notice("optional", entry.place, "opens nothing: no host matches")
        else:
            cause = "opens nothing: except covers everything in to"
            report.error(entry.place, cause, "narrow except, or remove the entry")


def _is_internal(destination: Destination) -> bool:
    return destination.kind == "word" and destination.value == "internal"


def _is_machine(destination: Destination) -> bool:
    """Tell whether a destination names machines, not networks."""
    literal = destination.addresses
    return destination.kind in HOST_KINDS or (destination.kind == "literal" and literal.size(4) + literal.size(6) == 1)


def _grants(internal: AddressSet, named: AddressSet, allowed: ServiceSet) -> Iterable[Grant]:
    """Yield what an entry opens; the word internal opens no DNS (contract of the vocabulary), named destinations do."""
    dns = allowed & services.DNS
    if not dns or not internal - named:
        grants = [Grant(internal | named, allowed)]
    else:
        grants = [Grant(internal | named, allowed - dns), Grant(named, dns, "dns")]
    for grant in grants:
        carried = _carrying(grant.services, grant.addresses)
        if carried and grant.services:
            yield replace(grant, addresses=carried)


def _carrying(allowed: ServiceSet, reached: AddressSet) -> AddressSet:
    """Return the addresses that the services can be spoken with: ICMP belongs to IPv4, ICMPv6 to IPv6."""
    if allowed <= services.of_protocol(services.ICMP):
        return AddressSet(v4=reached.v4)
    if allowed <= services.of_protocol(services.ICMPV6):
        return AddressSet(v6=reached.v6)
    return reached


def order(entries: Iterable[ResolvedEntry]) -> tuple[ResolvedEntry, ...]:
    """Return named destinations before lists and words, a word before a wider one, some sockets before all, by name.

    The order does not depend on addresses: a changed address must move no rule.
    """
    return tuple(sorted(entries, key=lambda entry: (entry.rank, not entry.direct, not entry.by_socket, entry.name)))


def own_addresses(inventory: Inventory, host: str) -> AddressSet:
    """Return a host's own addresses; what is wrong with them is an error where somebody names the host."""
    try:
        texts = inventory.addresses(host)
        return addresses.union(addresses.single(*addresses.parse_address(text)) for text in texts)
    except AddressError:
        return NOTHING
