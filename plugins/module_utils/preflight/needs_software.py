# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Software with one or two lines that name a far end, as a table: which file, which line, which port."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterator

from .host import Host
from .need import Need, endpoint, place

URL = r"(?P<to>[a-z][a-z0-9+]*://[^\s\"',\]\)>;]+)"
"""Any URL; user and password in it are not taken over."""


@dataclass(frozen=True)
class Reader:
    """One kind of line. files: patterns; line: with a group to, which may hold several, and maybe port and protocol.

    port: where the line has none. also: further ports of the same far end.
    """

    what: str
    files: tuple[str, ...]
    line: str
    port: int | None = None
    protocol: str = "tcp"
    also: tuple[int, ...] = ()
    user: str | None = None
    template: str = "{}"


_ENV = ("/etc/environment", "/etc/environment.d/*.conf", "/etc/profile.d/*.sh", "/etc/default/*", "/etc/sysconfig/*")
_UNITS = ("/etc/systemd/system.conf", "/etc/systemd/system/*.service", "/etc/systemd/system/*/*.conf")
_RSYSLOG = ("/etc/rsyslog.conf", "/etc/rsyslog.d/*.conf")
_SYSLOG_NG = ("/etc/syslog-ng/syslog-ng.conf", "/etc/syslog-ng/conf.d/*.conf")
_TELEGRAF = ("/etc/telegraf/telegraf.conf", "/etc/telegraf/telegraf.d/*.conf")
_ZABBIX = ("/etc/zabbix/zabbix_agent*.conf", "/etc/zabbix/zabbix_agent*.d/*.conf", "/etc/zabbix/zabbix_proxy.conf")
_BEATS = ("/etc/*beat/*beat.yml", "/etc/elastic-agent/elastic-agent.yml", "/opt/Elastic/Agent/elastic-agent.yml")
_CONSUL = ("/etc/consul.d/*.hcl", "/etc/consul.d/*.json", "/etc/nomad.d/*.hcl")
_SALT = ("/etc/salt/minion", "/etc/salt/minion.d/*.conf")
_FLUENT = ("/etc/fluent-bit/*.conf", "/etc/td-agent-bit/*.conf", "/etc/fluent/*.conf", "/etc/vector/*.yaml")

READERS = (
    Reader("proxy", (*_ENV, *_UNITS), r"(?i)\b(?:https?|ftp|all)_proxy=[\"']?" + URL),
    # Logs. rsyslog.conf(5): @ is UDP, @@ is TCP, omfwd has both as parameters.
    Reader("rsyslog", _RSYSLOG, r"^[^#\n$:@]*[ \t]@@(?:\([^)]*\))?(?P<to>[\w.:\[\]-]+)", 514),
    Reader("rsyslog", _RSYSLOG, r"^[^#\n$:@]*[ \t]@(?:\([^)]*\))?(?P<to>[\w.\[][\w.:\[\]-]*)", 514, "udp"),
    Reader("rsyslog", _RSYSLOG, r"(?is)^[^#\n]*\baction\s*\((?=[^)]*\"omfwd\")(?P<block>[^)]*)\)", 514, "udp"),
    Reader("rsyslog", _RSYSLOG, r"(?is)^[^#\n]*\baction\s*\((?=[^)]*\"omrelp\")(?P<block>[^)]*)\)", 2514),
    Reader(
        "syslog-ng",
        _SYSLOG_NG,
        r"(?s)^[^#\n]*\b(?:network|syslog|tcp6?)\s*\(\s*\"(?P<to>[^\"]+)\"(?P<block>[^;]*);",
        601,
    ),
    Reader("syslog-ng", _SYSLOG_NG, r"(?s)^[^#\n]*\budp6?\s*\(\s*\"(?P<to>[^\"]+)\"(?P<block>[^;]*);", 514, "udp"),
    Reader(
        "journal-upload",
        ("/etc/systemd/journal-upload.conf", "/etc/systemd/journal-upload.conf.d/*.conf"),
        r"^URL\s*=\s*(?P<to>\S+)",
        19532,
        user="systemd-journal-upload",
    ),
    Reader("auditd", ("/etc/audit/audisp-remote.conf",), r"^remote_server\s*=\s*(?P<to>\S+)", 60),
    # Metrics and monitoring.
    Reader("node-exporter", ("/etc/cron.d/*", "/etc/systemd/system/*.service"), r"(?P<to>https?://[\w.-]+:9091)\b"),
    Reader(
        "prometheus",
        ("/etc/prometheus/*.yml", "/etc/grafana-agent.yaml", "/etc/alloy/*.alloy"),
        r"^\s*-?\s*url\s*[:=]\s*[\"']?" + URL,
    ),
    Reader("datadog", ("/etc/datadog-agent/datadog.yaml",), r"^(?:dd_url|logs_dd_url)\s*:\s*(?P<to>\S+)", 443),
    Reader(
        "datadog", ("/etc/datadog-agent/datadog.yaml",), r"^site\s*:\s*(?P<to>[\w.-]+)", 443, template="https://app.{}"
    ),
    Reader("telegraf", _TELEGRAF, r"^\s*(?:urls?|servers|brokers)\s*=\s*\[?(?P<to>[^\]\n#]+)", None, user="telegraf"),
    Reader("beats", _BEATS, r"^\s*(?:hosts|host|url)\s*:\s*\[?(?P<to>[^\]\n#]+)", 9200),
    # Server is who may ask this agent; only ServerActive is somebody whom the agent asks (zabbix_agentd manual).
    Reader("zabbix", _ZABBIX, r"^ServerActive\s*=\s*(?P<to>\S+)", 10051, user="zabbix"),
    Reader(
        "collectd",
        ("/etc/collectd/collectd.conf", "/etc/collectd/collectd.conf.d/*.conf"),
        r"^\s*Server\s+\"(?P<to>[^\"]+)\"",
        25826,
        "udp",
    ),
    Reader("fluent", _FLUENT, r"^\s*(?:host|Host)\s+(?P<to>[\w.:-]+)(?=\s)(?P<block>[^\[]*)", 24224),
    Reader("nagios", ("/etc/send_nsca.cfg", "/etc/nsca-ng.cfg"), r"^\s*server\s*=\s*\"?(?P<to>[^\"\s]+)", 5667),
    # Management.
    Reader("consul", _CONSUL, r"[\"']?(?:retry_join|start_join)[\"']?\s*[=:]\s*\[(?P<to>[^\]]+)\]", 8301, also=(8300,)),
    Reader(
        "puppet",
        ("/etc/puppet/puppet.conf", "/etc/puppetlabs/puppet/puppet.conf"),
        r"^\s*(?:server|ca_server|report_server)\s*=\s*(?P<to>\S+)",
        8140,
    ),
    Reader("salt", _SALT, r"^master\s*:\s*\[?(?P<to>[^\]\n#]+)", 4506, also=(4505,)),
    Reader("salt", _SALT, r"^master\s*:\s*\n(?P<to>(?:\s*-\s*\S+\n?)+)", 4506, also=(4505,)),
    Reader("chef", ("/etc/chef/client.rb", "/etc/cinc/client.rb"), r"^\s*chef_server_url\s+[\"']" + URL),
    Reader("landscape", ("/etc/landscape/client.conf",), r"^\s*(?:url|ping_url)\s*=\s*" + URL),
    Reader("wazuh", ("/var/ossec/etc/ossec.conf",), r"<address>(?P<to>[^<]+)</address>", 1514),
    # Identity, mail, files, containers.
    Reader("sssd", ("/etc/sssd/sssd.conf", "/etc/sssd/conf.d/*.conf"), r"^\s*ldap_(?:backup_)?uri\s*=\s*(?P<to>.+)$"),
    Reader(
        "sssd", ("/etc/sssd/sssd.conf", "/etc/sssd/conf.d/*.conf"), r"^\s*krb5_(?:backup_)?server\s*=\s*(?P<to>.+)$", 88
    ),
    Reader("ldap", ("/etc/ldap/ldap.conf", "/etc/openldap/ldap.conf", "/etc/nslcd.conf"), r"(?i)^\s*uri\s+(?P<to>.+)$"),
    Reader("kerberos", ("/etc/krb5.conf", "/etc/krb5.conf.d/*"), r"^\s*(?:kdc|admin_server)\s*=\s*(?P<to>\S+)", 88),
    Reader("postfix", ("/etc/postfix/main.cf",), r"^relayhost\s*=\s*(?P<to>\S+)", 25, user="postfix"),
    Reader("nullmailer", ("/etc/nullmailer/remotes",), r"^(?P<to>[\w.-]+)\s+smtp\b", 25),
    Reader("msmtp", ("/etc/msmtprc",), r"^\s*host\s+(?P<to>\S+)", 25),
    Reader("nfs", ("/etc/fstab",), r"^(?P<to>\[?[\w.:-]+?\]?):/\S*\s+\S+\s+nfs4?\s", 2049),
    Reader("cifs", ("/etc/fstab",), r"^//(?P<to>[\w.-]+)/\S*\s+\S+\s+cifs\s", 445),
    Reader("docker", ("/etc/docker/daemon.json",), r"\"registry-mirrors\"\s*:\s*\[(?P<to>[^\]]+)\]"),
    Reader(
        "kubelet",
        ("/etc/kubernetes/kubelet.conf", "/etc/kubernetes/bootstrap-kubelet.conf"),
        r"^\s*server\s*:\s*" + URL,
        6443,
    ),
    Reader("wireguard", ("/etc/wireguard/*.conf",), r"^\s*Endpoint\s*=\s*(?P<to>\S+)", 51820, "udp"),
    Reader(
        "openvpn",
        ("/etc/openvpn/*.conf", "/etc/openvpn/client/*.conf"),
        r"^\s*remote\s+(?P<to>\S+)(?:[ \t]+(?P<port>\d+))?",
        1194,
        "udp",
    ),
)
"""One row for each kind of line; the files are those of the programs' own documentation and packages."""

_TARGET = re.compile(r"\b(?:target|server)\s*[=(]\s*\"?(?P<to>[^\"\s)]+)", re.IGNORECASE)
_PORT = re.compile(r"\bport\s*[=(]?\s*\"?(?P<port>\d+)", re.IGNORECASE)
_PROTOCOL = re.compile(r"\b(?:protocol\s*=|transport\s*\()\s*\"?(?P<protocol>tcp|udp|tls)", re.IGNORECASE)


def needs(host: Host) -> Iterator[Need]:
    """Yield what the rows find."""
    for reader in READERS:
        pattern = re.compile(reader.line, re.MULTILINE)
        for path, text in host.texts(*reader.files):
            for found in pattern.finditer(text):
                yield from _found(
                    reader, place(path, text, found.start("to" if "to" in found.groupdict() else 0)), found
                )


def _found(reader: Reader, where: str, found: re.Match[str]) -> Iterator[Need]:
    groups = found.groupdict()
    block = groups.get("block") or ""
    target = _TARGET.search(block) if "to" not in groups else None
    named = groups.get("to") or (target["to"] if target else "")
    port, protocol = _PORT.search(block), _PROTOCOL.search(block)
    default = int(groups.get("port") or (port["port"] if port else 0)) or reader.port
    spoken = (
        {"tls": "tcp"}.get(protocol["protocol"].lower(), protocol["protocol"].lower()) if protocol else reader.protocol
    )
    for text in re.split(r"[\s,;]+", named):
        far = endpoint(reader.template.format(word), default) if (word := _word(text)) else None
        if far:
            for number in (far[1], *reader.also):
                yield Need(reader.what, where, far[0], number, spoken, reader.user)


def _word(text: str) -> str:
    """Return one of several without quotes, dashes and the brackets of a list; those of an address stay."""
    text = text.strip("\"'- ")
    return text if text.count("[") == text.count("]") else text.strip("[]\"'")
