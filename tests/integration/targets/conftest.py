# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project with two application servers and a server that answers like AWS, on loopback and for one test."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from ansible_collections.tidegate.nftables.tests.support.project import Project

REGION = "eu-central-1"


class TargetProject(Project):
    """A project with two application servers and a host without a policy."""

    def set(self, **variables: Any) -> None:
        """Write the variables of the group app."""
        common = {"egress_tier": "app", "egress_mode": "enforce", "egress_internal_networks": ["10.0.0.0/8"]}
        self.write("group_vars/app.yml", {**common, **variables})


@pytest.fixture
def project(tmp_path: Path) -> TargetProject:
    made = TargetProject(tmp_path)
    hosts = {"app1": {"ansible_host": "10.1.2.3"}, "app2": {"ansible_host": "10.1.2.4"}}
    made.write("inventory.yml", {"all": {"children": {"app": {"hosts": hosts}, "unmanaged": {"hosts": {"other": {}}}}}})
    return made


@pytest.fixture
def aws(project: TargetProject) -> Iterator[Any]:
    """An EC2 client; the project's runs reach the same server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        yield _client(project, *server.get_host_and_port())
    finally:
        server.stop()


def _client(project: TargetProject, host: str, port: int) -> Any:
    """Return a client of an empty account on the server, and have the project's runs reach the same one."""
    # The server keeps its state for as long as this process lives.
    reset = urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset).close()
    project.environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return boto3.client(
        "ec2",
        endpoint_url=f"http://{host}:{port}",
        region_name=REGION,
        aws_access_key_id="tests",
        aws_secret_access_key="tests",
    )
