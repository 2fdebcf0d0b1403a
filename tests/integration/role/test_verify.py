# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tidegate.nftables.verify on a host that the role was applied to, before and after somebody wrote into it by hand."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.tests.integration.role.project import TABLE, HostProject

VERIFY = "tidegate.nftables.verify"
OTHER = "add chain inet theirs c { type filter hook output priority 5; policy accept; }"


def test_the_kernel_is_proven_to_hold_the_policy_and_a_change_by_hand_is_named(project: HostProject) -> None:
    assert project.play().code == 0
    options = ("-e", "egress_verify_become=false", "--limit", "app")
    first = project.play(*options, playbook=VERIFY)
    assert first.code == 0, first.output
    assert first.module_runs == ["egress_kernel"]
    assert '"equal": true' in first.output
    project.nft("insert", "rule", *TABLE, "egress_allow", "ip daddr 198.51.100.7 tcp dport 25 accept")
    project.nft("add", "table", "inet", "theirs")
    project.nft(OTHER)
    second = project.play(*options, playbook=VERIFY)
    assert second.code == 2, second.output
    message = "inet tidegate allows what the policy rejects, for"
    assert message in second.output
    assert "198.51.100.7 with tcp/25" in second.output
    assert project.play("--limit", "app").code == 0
    project.nft("add", "rule", "inet", "theirs", "c", "ip daddr 10.10.0.30 meta mark 7 drop")
    third = project.play(*options, playbook=VERIFY)
    assert third.code == 0, third.output
    assert "inet theirs cannot be modelled in full: unknown whether packets pass" in third.output
    assert "10.10.0.30 with icmp (IPv4) type 3, 11-12, tcp/443 (meta mark)" in third.output


def test_what_containers_send_is_proven_too_and_what_is_not_calculated_is_said(project: HostProject) -> None:
    inbound = "[{name: web, from: [10.0.0.0/8], services: [https]}]"
    switched = ("--limit", "app", "-e", f"{{egress_containers: true, egress_inbound_allow: {inbound}}}")
    assert project.play(*switched).code == 0
    options = (*switched, "-e", "egress_verify_become=false")
    first = project.play(*options, playbook=VERIFY)
    assert first.code == 0, first.output
    assert "the chain egress_inbound is not part of this calculation" in first.output
    project.nft("insert", "rule", *TABLE, "egress_forward", "iifname docker0 ip daddr 198.51.100.7 accept")
    second = project.play(*options, playbook=VERIFY)
    assert second.code == 2, second.output
    assert "allows what the policy rejects, for containers behind docker0: 198.51.100.7 with" in second.output
