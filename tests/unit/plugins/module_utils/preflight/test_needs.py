# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files as packages and manuals have them, and the destinations that are read out of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.preflight import (
    needs_dns_ntp,
    needs_packages,
    needs_software,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.host_files import HostFiles
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.need import endpoint

Far = tuple[str, str, int, str]

# (path, text, what is read: software, host, port, protocol)
FILES: list[tuple[str, str, list[Far]]] = [
    (
        "/etc/apt/sources.list",
        (
            "# deb http://old.example/ x main\ndeb [signed-by=/k] https://deb.example:8443/debian bookworm main\n"
            "deb-src http://src.example/ x main\ndeb cdrom:[Debian]/ x main\n"
        ),
        [("apt", "deb.example", 8443, "tcp"), ("apt", "src.example", 80, "tcp")],
    ),
    (
        "/etc/apt/sources.list.d/debian.sources",
        (
            "Types: deb\nURIs: http://deb.example/debian\n http://deb2.example/debian\nSuites: trixie\n\n"
            "Types: deb\nEnabled: no\nURIs: http://off.example/\n"
        ),
        [("apt", "deb.example", 80, "tcp"), ("apt", "deb2.example", 80, "tcp")],
    ),
    (
        "/etc/apt/apt.conf.d/90proxy",
        'Acquire::http::Proxy "http://user:secret@proxy.example:3128/";\n// Acquire::https::Proxy "http://no.example";\n',
        [("apt", "proxy.example", 3128, "tcp")],
    ),
    (
        "/etc/yum.repos.d/base.repo",
        "[base]\nbaseurl=https://rpm.example/$releasever/\nenabled=1\n[off]\nmetalink=https://off.example/\nenabled=0\n",
        [("dnf", "rpm.example", 443, "tcp")],
    ),
    (
        "/etc/pip.conf",
        "[global]\nindex-url = https://pypi.example/simple\nextra-index-url = https://a.example/s https://b.example/s\n",
        [("pip", "pypi.example", 443, "tcp"), ("pip", "a.example", 443, "tcp"), ("pip", "b.example", 443, "tcp")],
    ),
    (
        "/root/.npmrc",
        "registry=https://npm.example/\n@corp:registry = https://npm.corp.example:8443/\n//npm.example/:_authToken=x\n",
        [("npm", "npm.example", 443, "tcp"), ("npm", "npm.corp.example", 8443, "tcp")],
    ),
    (
        "/etc/resolv.conf",
        "search x\nnameserver 10.0.0.53\nnameserver 127.0.0.53\nnameserver fd00::53%eth0\n#nameserver 10.0.0.54\n",
        [("resolv.conf", "10.0.0.53", 53, "udp"), ("resolv.conf", "fd00::53", 53, "udp")],
    ),
    (
        "/etc/systemd/resolved.conf",
        "[Resolve]\nDNS=9.9.9.9#dns.quad9.net [2620:fe::fe]:53#dns.quad9.net\n#FallbackDNS=1.1.1.1\n",
        [("systemd-resolved", "9.9.9.9", 53, "udp"), ("systemd-resolved", "2620:fe::fe", 53, "udp")],
    ),
    (
        "/etc/chrony/chrony.conf",
        "pool 2.debian.pool.ntp.org iburst\nserver ntp.example nts\n! server no.example\n",
        [
            ("chrony", "2.debian.pool.ntp.org", 123, "udp"),
            ("chrony", "ntp.example", 123, "udp"),
            ("chrony", "ntp.example", 4460, "tcp"),
        ],
    ),
    ("/etc/ntp.conf", "server 10.0.0.20\nserver 127.127.1.0\n", [("ntpd", "10.0.0.20", 123, "udp")]),
    (
        "/etc/rsyslog.d/out.conf",
        (
            "*.* @@logs.example:6514\nauth.* @10.0.0.7\n#*.* @@no.example\n"
            '*.* action(type="omfwd" target="fwd.example" port="10514" protocol="tcp")\n'
            'action(type="omrelp"\n  target="relp.example" port="2515")\n'
        ),
        [
            ("rsyslog", "logs.example", 6514, "tcp"),
            ("rsyslog", "10.0.0.7", 514, "udp"),
            ("rsyslog", "fwd.example", 10514, "tcp"),
            ("rsyslog", "relp.example", 2515, "tcp"),
        ],
    ),
    (
        "/etc/syslog-ng/syslog-ng.conf",
        'destination d { network("logs.example" transport("tls") port(6514)); };\ndestination { udp("10.0.0.8"); };\n',
        [("syslog-ng", "logs.example", 6514, "tcp"), ("syslog-ng", "10.0.0.8", 514, "udp")],
    ),
    (
        "/etc/systemd/journal-upload.conf",
        "[Upload]\nURL=https://journal.example\n# URL=https://no.example\n",
        [("journal-upload", "journal.example", 443, "tcp")],
    ),
    (
        "/etc/environment",
        'http_proxy=http://proxy.example:3128\nHTTPS_PROXY="http://proxy2.example:8080/"\nno_proxy=localhost\n',
        [("proxy", "proxy.example", 3128, "tcp"), ("proxy", "proxy2.example", 8080, "tcp")],
    ),
    (
        "/etc/systemd/system/app.service.d/proxy.conf",
        '[Service]\nEnvironment="HTTPS_PROXY=http://proxy.example:3128"\n',
        [("proxy", "proxy.example", 3128, "tcp")],
    ),
    (
        "/etc/cron.d/push",
        "* * * * * root curl -s --data-binary @/x http://push.example:9091/metrics/job/x\n",
        [("node-exporter", "push.example", 9091, "tcp")],
    ),
    (
        "/etc/prometheus/prometheus.yml",
        "remote_write:\n  - url: https://tsdb.example/api/v1/write\n",
        [("prometheus", "tsdb.example", 443, "tcp")],
    ),
    ("/etc/datadog-agent/datadog.yaml", "site: datadoghq.eu\n", [("datadog", "app.datadoghq.eu", 443, "tcp")]),
    (
        "/etc/telegraf/telegraf.conf",
        '[[outputs.influxdb]]\n  urls = ["http://influx.example:8086", "http://127.0.0.1:8086"]\n',
        [("telegraf", "influx.example", 8086, "tcp")],
    ),
    (
        "/etc/filebeat/filebeat.yml",
        'output.logstash:\n  hosts: ["logstash.example:5044"]\n',
        [("beats", "logstash.example", 5044, "tcp")],
    ),
    (
        "/etc/zabbix/zabbix_agentd.conf",
        "Server=asks-us.example\nServerActive=zabbix.example,[fd00::9]:10052\n",
        [("zabbix", "zabbix.example", 10051, "tcp"), ("zabbix", "fd00::9", 10052, "tcp")],
    ),
    (
        "/etc/consul.d/consul.hcl",
        'retry_join = ["10.0.0.31", "10.0.0.32"]\n',
        [
            ("consul", "10.0.0.31", 8301, "tcp"),
            ("consul", "10.0.0.31", 8300, "tcp"),
            ("consul", "10.0.0.32", 8301, "tcp"),
            ("consul", "10.0.0.32", 8300, "tcp"),
        ],
    ),
    ("/etc/puppet/puppet.conf", "[main]\nserver = puppet.example\n", [("puppet", "puppet.example", 8140, "tcp")]),
    (
        "/etc/salt/minion",
        "master: salt.example\n#master: no.example\n",
        [("salt", "salt.example", 4506, "tcp"), ("salt", "salt.example", 4505, "tcp")],
    ),
    (
        "/etc/salt/minion.d/masters.conf",
        "master:\n  - s1.example\n  - s2.example\n",
        [
            ("salt", "s1.example", 4506, "tcp"),
            ("salt", "s1.example", 4505, "tcp"),
            ("salt", "s2.example", 4506, "tcp"),
            ("salt", "s2.example", 4505, "tcp"),
        ],
    ),
    (
        "/etc/sssd/sssd.conf",
        "[domain/x]\nldap_uri = ldaps://dc1.example, ldap://dc2.example\n",
        [("sssd", "dc1.example", 636, "tcp"), ("sssd", "dc2.example", 389, "tcp")],
    ),
    ("/etc/postfix/main.cf", "relayhost = [mail.example]:587\n", [("postfix", "mail.example", 587, "tcp")]),
    (
        "/etc/fstab",
        "nas.example:/export /srv nfs defaults 0 0\n//win.example/share /mnt cifs x 0 0\n/dev/sda1 / ext4 x 0 1\n",
        [("nfs", "nas.example", 2049, "tcp"), ("cifs", "win.example", 445, "tcp")],
    ),
    (
        "/etc/docker/daemon.json",
        '{"registry-mirrors": ["https://mirror.example"], "iptables": true}\n',
        [("docker", "mirror.example", 443, "tcp")],
    ),
    ("/etc/wireguard/wg0.conf", "[Peer]\nEndpoint = vpn.example:51821\n", [("wireguard", "vpn.example", 51821, "udp")]),
]


@pytest.mark.parametrize(("path", "text", "expected"), FILES, ids=[row[0] for row in FILES])
def test_what_a_file_names_is_read(path: str, text: str, expected: list[Far], tmp_path: Path) -> None:
    file = tmp_path / path.lstrip("/")
    file.parent.mkdir(parents=True)
    file.write_text(text)
    host = HostFiles(str(tmp_path))
    rooms = (needs_packages, needs_dns_ntp, needs_software)
    needed = [(need.what, need.host, need.port, need.protocol) for room in rooms for need in room.needs(host)]
    assert sorted(set(needed)) == sorted(expected)


def test_every_software_of_the_table_has_files_with_an_absolute_path() -> None:
    assert all(path.startswith("/") for reader in needs_software.CONFIG_LINES for path in reader.files)


def test_where_it_is_written_is_told(tmp_path: Path) -> None:
    file = tmp_path / "etc/apt/sources.list"
    file.parent.mkdir(parents=True)
    file.write_text("\n# first\ndeb http://deb.example/ x main\n")
    assert [need.where for need in needs_packages.needs(HostFiles(str(tmp_path)))] == ["/etc/apt/sources.list:3"]


def test_timesyncd_falls_back_to_what_is_built_in(tmp_path: Path) -> None:
    (tmp_path / "etc/systemd").mkdir(parents=True)
    (tmp_path / "usr/lib/systemd").mkdir(parents=True)
    (tmp_path / "usr/lib/systemd/systemd-timesyncd").touch()
    conf = tmp_path / "etc/systemd/timesyncd.conf"
    conf.write_text("[Time]\n#NTP=\n#FallbackNTP=0.debian.pool.ntp.org 1.debian.pool.ntp.org\n")
    host = HostFiles(str(tmp_path))
    assert [need.host for need in needs_dns_ntp.needs(host)] == ["0.debian.pool.ntp.org", "1.debian.pool.ntp.org"]
    conf.write_text("[Time]\nNTP=10.0.0.20\n#FallbackNTP=0.debian.pool.ntp.org\n")
    assert [need.host for need in needs_dns_ntp.needs(host)] == ["10.0.0.20"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:secret@a.example/x", ("a.example", 443)),
        ("https://[2001:db8::1]:8443/", ("2001:db8::1", 8443)),
        ("[2001:db8::1]:514", ("2001:db8::1", 514)),
        ("2001:db8::1", ("2001:db8::1", 7)),
        ("a.example:99", ("a.example", 99)),
        ("http://localhost:8086", None),
        ("127.0.0.1:53", None),
        ("{{ server }}", None),
        ("http://$basearch.example/", None),
        ("file:///srv/repo", None),
        ("a.example:99999", None),
        ("", None),
    ],
)
def test_endpoints(text: str, expected: tuple[str, int] | None) -> None:
    assert endpoint(text, 7) == expected
