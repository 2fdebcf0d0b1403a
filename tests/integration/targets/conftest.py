# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project with two application servers and a server that answers like AWS, on loopback and for one test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

COLLECTIONS = Path(sys.prefix) / "collections"
REGION = "eu-central-1"


@dataclass
class Project:
    """An inventory with group_vars in a directory, and the playbooks of the collection run on it."""

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def write(self, **variables: Any) -> None:
        """The variables of the group app; JSON is YAML, too."""
        hosts = {"app1": {"ansible_host": "10.1.2.3"}, "app2": {"ansible_host": "10.1.2.4"}}
        inventory = {"all": {"children": {"app": {"hosts": hosts}, "unmanaged": {"hosts": {"other": {}}}}}}
        (self.root / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
        (self.root / "group_vars").mkdir(exist_ok=True)
        given = {
            "egress_tier": "app",
            "egress_mode": "enforce",
            "egress_internal_networks": ["10.0.0.0/8"],
            **variables,
        }
        (self.root / "group_vars" / "app.json").write_text(json.dumps({**given, **variables}), encoding="utf-8")

    def run(self, playbook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook of the collection."""
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventory.json"]
        environment = {
            **os.environ,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            **self.environment,
        }
        return subprocess.run(
            [*command, f"tidegate.nftables.{playbook}", *arguments],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def aws(project: Project) -> Iterator[Any]:
    """An EC2 client; the project's runs reach the same server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    # What it holds is one for the process.
    reset = urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset, timeout=30).close()
    project.environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    yield boto3.client(
        "ec2",
        endpoint_url=f"http://{host}:{port}",
        region_name=REGION,
        aws_access_key_id="tests",
        aws_secret_access_key="tests",
    )
    server.stop()
