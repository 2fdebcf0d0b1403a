# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/aws.yml against a server that answers like AWS: what is read back is what the policy says."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.integration.targets.conftest import TargetProject
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT, COLLECTIONS
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets import secgroup

ENTRIES: list[dict[str, Any]] = [
    {"name": "api", "to": ["203.0.113.0/24", "2001:db8::/48"], "services": ["https"], "reason": "cards"},
    {"name": "inside", "to": ["internal"], "services": ["icmp", "udp/9600-9610"]},
    {"name": "backup", "to": ["10.9.0.0/16"], "services": ["any"]},
]
PLAIN = {"ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false", "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)}
"""A controller that has ansible-core and this collection only."""


@pytest.fixture
def vpc(aws: Any) -> str:
    return str(aws.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"])


def group(aws: Any) -> dict[str, Any]:
    answer = aws.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["tidegate-app"]}])
    groups: list[dict[str, Any]] = answer["SecurityGroups"]
    return groups[0] if groups else {}


def rules(aws: Any) -> list[tuple[str, Any, str]]:
    openings = secgroup.of_api(group(aws)["IpPermissionsEgress"])
    return sorted((opening.protocol, opening.ports, opening.to) for opening in openings)


def test_the_group_is_what_the_policy_says(project: TargetProject, aws: Any, vpc: str) -> None:
    database = aws.create_security_group(GroupName="db", Description="db", VpcId=vpc)["GroupId"]
    settings = {"vpc_id": vpc, "references": {"10.1.9.0/24": database}}
    replication = {"name": "database", "to": ["10.1.9.0/24"], "services": ["postgresql"]}
    project.set(egress_aws=settings, egress_allow_app=[*ENTRIES, replication])
    project.play("--check", "--diff", playbook="tidegate.nftables.aws").ok()
    assert group(aws) == {}
    project.play(playbook="tidegate.nftables.aws").ok()
    expected = [
        ("-1", None, "10.9.0.0/16"),
        ("1", None, "10.0.0.0/8"),
        ("17", (9600, 9610), "10.0.0.0/8"),
        ("6", (443, 443), "2001:db8::/48"),
        ("6", (443, 443), "203.0.113.0/24"),
        ("6", (5432, 5432), database),
    ]
    assert rules(aws) == expected
    again = project.play("--diff", playbook="tidegate.nftables.aws")
    assert "changed=0" in again.output
    group_id = group(aws)["GroupId"]
    aws.authorize_security_group_ingress(
        GroupId=group_id,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}],
    )
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    aws.authorize_security_group_egress(GroupId=group_id, IpPermissions=everything)
    project.set(egress_aws=settings, egress_allow_app=[ENTRIES[0]])
    edited = project.play("--diff", playbook="tidegate.nftables.aws")
    assert "changed=1" in edited.output, edited.output
    assert rules(aws) == expected[3:5]
    # What comes in is somebody else's.
    assert group(aws)["IpPermissions"][0]["FromPort"] == 22


def test_without_amazon_aws_one_sentence_says_what_to_install(project: TargetProject) -> None:
    project.set(egress_aws={"vpc_id": "vpc-0a1b2c3d"})
    project.environment = PLAIN
    failed = project.play(playbook="tidegate.nftables.aws")
    assert failed.recap("app1")["failed"] == 1
    assert "ansible-galaxy collection install amazon.aws" in failed.output


def test_every_playbook_is_read_without_any_other_collection(project: TargetProject) -> None:
    project.environment = PLAIN
    first, *others = sorted(str(path) for path in (CHECKOUT / "playbooks").glob("*.yml"))
    project.play(*others, "--syntax-check", playbook=first).ok()


def test_a_policy_without_entries_closes_everything(project: TargetProject, aws: Any, vpc: str) -> None:
    project.set(egress_aws={"vpc_id": vpc})
    project.play(playbook="tidegate.nftables.aws").ok()
    assert group(aws)["IpPermissionsEgress"] == []


def test_a_group_is_not_touched_before_it_is_enforced(project: TargetProject, aws: Any, vpc: str) -> None:
    project.set(egress_aws={"vpc_id": vpc}, egress_mode="observe", egress_allow_app=ENTRIES)
    done = project.play(playbook="tidegate.nftables.aws").ok()
    assert "app is in mode observe. Security groups have no such mode, so this group is not changed." in done.output
    assert group(aws) == {}


def names(aws: Any) -> dict[str, int]:
    """The rules of each group of the unit, by its name."""
    groups = aws.describe_security_groups()["SecurityGroups"]
    return {
        each["GroupName"]: len(secgroup.of_api(each["IpPermissionsEgress"]))
        for each in groups
        if each["GroupName"].startswith("tidegate-")
    }


def test_a_unit_has_as_many_groups_as_its_rules_need_and_the_others_are_closed(
    project: TargetProject, aws: Any, vpc: str
) -> None:
    scattered = [{"name": "many", "to": [f"203.0.113.{2 * number}" for number in range(100)], "services": ["https"]}]
    foreign = aws.create_security_group(GroupName="tidegate-app-2", Description="another unit's", VpcId=vpc)["GroupId"]
    project.set(egress_aws={"vpc_id": vpc}, egress_allow_app=scattered)
    done = project.play(playbook="tidegate.nftables.aws").ok()
    assert "app: the rules need 2 groups, attach all of them: tidegate-app, tidegate-app:2" in done.output
    assert names(aws) == {"tidegate-app": 60, "tidegate-app:2": 40, "tidegate-app-2": 1}
    assert "changed=0" in project.play(playbook="tidegate.nftables.aws").ok().output
    project.set(egress_aws={"vpc_id": vpc}, egress_allow_app=ENTRIES[:1])
    assert "changed=2" in project.play("--check", playbook="tidegate.nftables.aws").ok().output
    assert "changed=2" in project.play(playbook="tidegate.nftables.aws").ok().output
    assert names(aws) == {"tidegate-app": 2, "tidegate-app:2": 0, "tidegate-app-2": 1}
    assert aws.describe_security_groups(GroupIds=[foreign])["SecurityGroups"][0]["IpPermissionsEgress"]
