# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ansible-playbook over many hosts: one request a run, and the copies survive the run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.support.project import Project
from ansible_collections.tidegate.nftables.tests.support.publisher import Publisher, sends

HOSTS = 20
# What a door of the collection does: variables in, one list out. `run_dir` is what the core gives each run.
ACTION = """
from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.origins import origins_in
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import PolicyErrors


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        declared = feeds.template_each(task_vars["egress_prefix_lists"], self._templar.template, AnsibleError)
        basedir = self._loader.get_basedir()
        lists = feeds.PrefixLists(
            declared,
            task_vars.get("egress_prefix_list_cache") or feeds.default_cache_dir(),
            [*self._task.get_search_path(), basedir],
            project_dir=basedir,
            run_dir=C.DEFAULT_LOCAL_TMP + "/tidegate",
            origins=origins_in({"egress_prefix_lists": declared}, task_vars),
            check_mode=self._task.check_mode,
            accept=task_vars.get("egress_prefix_list_accept"),
        )
        try:
            if lists.errors:
                raise PolicyErrors(lists.errors)
            found = [lists.resolve(name) for name in self._task.args["names"]]
        except PolicyErrors as errors:
            return {"failed": True, "msg": str(errors)}
        said = [str(notice) for one in found for notice in one.notices]
        networks = [cidr for one in found for cidr in one.addresses.cidrs()]
        return {"msg": "|".join([*networks, *said]), "tmp": C.DEFAULT_LOCAL_TMP}
"""
SITE = """
- hosts: all
  gather_facts: false
  tasks:
    - feed_probe: {names: [crm, office, meta]}
      register: found
    - debug: {msg: "[{{ inventory_hostname }}] {{ found.msg }} (tmp={{ found.tmp }})"}
    - feed_probe: {names: [crm]}
    - feed_probe: {names: [s3]}
      when: with_s3 is defined
"""
VARIABLES = """
egress_prefix_lists:
  crm: {url: "%s/{{ region }}", query: "prefixes[].cidr", max_change: 30%%}
  office: {prefixes: [203.0.113.0/24]}
  meta: {file: files/meta.json, query: "git[]"}
  s3: {aws: S3, region: "{{ cloud_region }}", file: files/ip-ranges.json}
"""


class ListProject(Project):
    """A project whose hosts use prefix lists, with a cache in a home directory of its own."""

    def resolve(self, *options: str, code: int = 0) -> str:
        """Run the playbook, which must end with this code; return what it printed."""
        run = self.play("-c", "local", *options)
        assert run.code == code, run.output
        return run.output

    def copies(self) -> list[str]:
        return sorted(path.name for path in (self.path / "home/.cache/tidegate/prefix_lists").glob("*"))


@pytest.fixture
def project(tmp_path: Path, server: Publisher) -> ListProject:
    server.behaviour = sends(b'{"prefixes": [{"cidr": "198.51.100.0/24"}]}')
    environment = {
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": "",
        "ANSIBLE_FORKS": "5",
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp"),
    }
    made = ListProject(tmp_path, inventory="hosts", environment=environment)
    for name, content in {
        "action_plugins/feed_probe.py": ACTION,
        "site.yml": SITE,
        "files/meta.json": '{"git": ["192.0.2.0/24"]}',
        "group_vars/all.yml": VARIABLES % server.url,
        "hosts": "".join(f"h{n} region={'east' if n % 2 else 'west'}\n" for n in range(HOSTS)),
    }.items():
        made.write(name, content)
    return made


def test_a_run_over_many_hosts_asks_each_url_once_and_the_next_run_again(
    project: ListProject, server: Publisher
) -> None:
    output = project.resolve()
    assert output.count("198.51.100.0/24|203.0.113.0/24|192.0.2.0/24") == HOSTS
    assert sorted(server.requests) == ["/east", "/west"]
    assert len(project.copies()) == 3
    (tmp,) = set(re.findall(r"\(tmp=([^)]+)\)", output))
    assert tmp.startswith(str(project.path / "tmp"))
    assert not Path(tmp).exists()
    server.behaviour = sends(b"", 500)
    output = project.resolve()
    assert len(server.requests) == 4
    assert output.count("198.51.100.0/24|203.0.113.0/24|192.0.2.0/24") == HOSTS
    assert len(re.findall(r"group_vars/all.yml:3:\d+ egress_prefix_lists.crm: \S+ answers HTTP 500", output)) >= HOSTS


def test_check_mode_leaves_no_copy(project: ListProject, server: Publisher) -> None:
    assert project.resolve("--check").count("198.51.100.0/24|") == HOSTS
    assert len(server.requests) == 2
    assert project.copies() == []


def test_a_list_that_cannot_be_had_is_one_readable_error_and_no_traceback(
    project: ListProject, server: Publisher
) -> None:
    server.behaviour = sends(b"", 500)
    output = project.resolve(code=2)
    assert "answers HTTP 500 (Internal Server Error); there is no earlier copy in " in output
    assert "Nothing was changed." in output
    assert "Traceback" not in output
    assert len(server.requests) == 2


def test_a_change_is_accepted_by_name_on_the_command_line(project: ListProject, server: Publisher) -> None:
    project.resolve()
    server.behaviour = sends(b'{"prefixes": [{"cidr": "198.51.0.0/16"}]}')
    assert "accept it once: -e egress_prefix_list_accept=crm" in project.resolve("--limit", "h1")
    assert "198.51.0.0/16|203.0.113.0/24" in project.resolve("--limit", "h1", "-e", "egress_prefix_list_accept=crm")
    assert "198.51.0.0/16|203.0.113.0/24" in project.resolve("--limit", "h1")


def test_a_list_that_names_a_variable_of_other_hosts_fails_only_where_it_is_used(project: ListProject) -> None:
    row = '{"%s": "192.0.2.0/24", "service": "S3", "region": "eu-west-1"}'
    document = f'{{"prefixes": [{row % "ip_prefix"}], "ipv6_prefixes": []}}'
    (project.path / "files/ip-ranges.json").write_text(document)
    assert "cannot be templated" not in project.resolve("--limit", "h1")
    output = project.resolve("--limit", "h1", "-e", "with_s3=true", code=2)
    assert re.search(r"egress_prefix_lists.s3: cannot be templated for this host: .*cloud_region. is undefined", output)
    project.resolve("--limit", "h1", "-e", "with_s3=true cloud_region=eu-west-1")
