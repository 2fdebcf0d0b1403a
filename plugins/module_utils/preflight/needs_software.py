# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Software whose configuration names a destination in one line: a table of file, line and port."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterator, Mapping

from .host_files import HostFiles
from .need import Need, endpoint, line_of

URL = r"(?P<to>[a-z][a-z0-9+]*://[^\s\"',\]\)>;]+)"
"""Any URL; its user and password are not used."""


@dataclass(frozen=True)
class ConfigLine:
    """One kind of line in configuration files.

    what: the software. files: patterns of paths. line: regular expression with the group to (one or more
    destinations) or block (text that has target, port and protocol), and maybe port. port, protocol: used where the
    line has none. also: more ports of the same destination. user: owner of the packets. template: makes a URL of to.
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

CONFIG_LINES = (
    ConfigLine("proxy", (*_ENV, *_UNITS), r"(?i)\b(?:https?|ftp|all)_proxy=[\"']?" + URL),
    # Logs. rsyslog.conf(5): @ is UDP, @@ is TCP, omfwd has both as parameters.
    ConfigLine("rsyslog", _RSYSLOG, r"^[^#\n$:@]*[ \t]@@(?:\([^)]*\))?(?P<to>[\w.:\[\]-]+)", 514),
    ConfigLine("rsyslog", _RSYSLOG, r"^[^#\n$:@]*[ \t]@(?:\([^)]*\))?(?P<to>[\w.\[][\w.:\[\]-]*)", 514, "udp"),
    ConfigLine("rsyslog", _RSYSLOG, r"(?is)^[^#\n]*\baction\s*\((?=[^)]*\"omfwd\")(?P<block>[^)]*)\)", 514, "udp"),
    ConfigLine("rsyslog", _RSYSLOG, r"(?is)^[^#\n]*\baction\s*\((?=[^)]*\"omrelp\")(?P<block>[^)]*)\)", 2514),
    ConfigLine(
        "syslog-ng",
        _SYSLOG_NG,
        r"(?s)^[^#\n]*\b(?:network|syslog|tcp6?)\s*\(\s*\"(?P<to>[^\"]+)\"(?P<block>[^;]*);",
        601,
    ),
    ConfigLine("syslog-ng", _SYSLOG_NG, r"(?s)^[^#\n]*\budp6?\s*\(\s*\"(?P<to>[^\"]+)\"(?P<block>[^;]*);", 514, "udp"),
    ConfigLine(
        "journal-upload",
        ("/etc/systemd/journal-upload.conf", "/etc/systemd/journal-upload.conf.d/*.conf"),
        r"^URL\s*=\s*(?P<to>\S+)",
        19532,
        user="systemd-journal-upload",
    ),
    ConfigLine("auditd", ("/etc/audit/audisp-remote.conf",), r"^remote_server\s*=\s*(?P<to>\S+)", 60),
    # Metrics and monitoring.
    ConfigLine("node-exporter", ("/etc/cron.d/*", "/etc/systemd/system/*.service"), r"(?P<to>https?://[\w.-]+:9091)\b"),
    ConfigLine(
        "prometheus",
        ("/etc/prometheus/*.yml", "/etc/grafana-agent.yaml", "/etc/alloy/*.alloy"),
        r"^\s*-?\s*url\s*[:=]\s*[\"']?" + URL,
    ),
    ConfigLine("datadog", ("/etc/datadog-agent/datadog.yaml",), r"^(?:dd_url|logs_dd_url)\s*:\s*(?P<to>\S+)", 443),
    ConfigLine(
        "datadog", ("/etc/datadog-agent/datadog.yaml",), r"^site\s*:\s*(?P<to>[\w.-]+)", 443, template="https://app.{}"
    ),
    ConfigLine(
        "telegraf", _TELEGRAF, r"^\s*(?:urls?|servers|brokers)\s*=\s*\[?(?P<to>[^\]\n#]+)", None, user="telegraf"
    ),
    ConfigLine("beats", _BEATS, r"^\s*(?:hosts|host|url)\s*:\s*\[?(?P<to>[^\]\n#]+)", 9200),
    # Server is what may connect to this agent; the agent itself connects to ServerActive only (zabbix_agentd manual).
    ConfigLine("zabbix", _ZABBIX, r"^ServerActive\s*=\s*(?P<to>\S+)", 10051, user="zabbix"),
    ConfigLine(
        "collectd",
        ("/etc/collectd/collectd.conf", "/etc/collectd/collectd.conf.d/*.conf"),
        r"^\s*Server\s+\"(?P<to>[^\"]+)\"",
        25826,
        "udp",
    ),
    ConfigLine("fluent", _FLUENT, r"^\s*(?:host|Host)\s+(?P<to>[\w.:-]+)(?=\s)(?P<block>[^\[]*)", 24224),
    ConfigLine("nagios", ("/etc/send_nsca.cfg", "/etc/nsca-ng.cfg"), r"^\s*server\s*=\s*\"?(?P<to>[^\"\s]+)", 5667),
    # Management.
    ConfigLine(
        "consul", _CONSUL, r"[\"']?(?:retry_join|start_join)[\"']?\s*[=:]\s*\[(?P<to>[^\]]+)\]", 8301, also=(8300,)
    ),
    ConfigLine(
        "puppet",
        ("/etc/puppet/puppet.conf", "/etc/puppetlabs/puppet/puppet.conf"),
        r"^\s*(?:server|ca_server|report_server)\s*=\s*(?P<to>\S+)",
        8140,
    ),
    ConfigLine("salt", _SALT, r"^master\s*:\s*\[?(?P<to>[^\]\n#]+)", 4506, also=(4505,)),
    ConfigLine("salt", _SALT, r"^master\s*:\s*\n(?P<to>(?:\s*-\s*\S+\n?)+)", 4506, also=(4505,)),
    ConfigLine("chef", ("/etc/chef/client.rb", "/etc/cinc/client.rb"), r"^\s*chef_server_url\s+[\"']" + URL),
    ConfigLine("landscape", ("/etc/landscape/client.conf",), r"^\s*(?:url|ping_url)\s*=\s*" + URL),
    ConfigLine("wazuh", ("/var/ossec/etc/ossec.conf",), r"<address>(?P<to>[^<]+)</address>", 1514),
    # Identity, mail, files, containers.
    ConfigLine(
        "sssd", ("/etc/sssd/sssd.conf", "/etc/sssd/conf.d/*.conf"), r"^\s*ldap_(?:backup_)?uri\s*=\s*(?P<to>.+)$"
    ),
    ConfigLine(
        "sssd", ("/etc/sssd/sssd.conf", "/etc/sssd/conf.d/*.conf"), r"^\s*krb5_(?:backup_)?server\s*=\s*(?P<to>.+)$", 88
    ),
    ConfigLine(
        "ldap", ("/etc/ldap/ldap.conf", "/etc/openldap/ldap.conf", "/etc/nslcd.conf"), r"(?i)^\s*uri\s+(?P<to>.+)$"
    ),
    ConfigLine("kerberos", ("/etc/krb5.conf", "/etc/krb5.conf.d/*"), r"^\s*(?:kdc|admin_server)\s*=\s*(?P<to>\S+)", 88),
    ConfigLine("postfix", ("/etc/postfix/main.cf",), r"^relayhost\s*=\s*(?P<to>\S+)", 25, user="postfix"),
    ConfigLine("nullmailer", ("/etc/nullmailer/remotes",), r"^(?P<to>[\w.-]+)\s+smtp\b", 25),
    ConfigLine("msmtp", ("/etc/msmtprc",), r"^\s*host\s+(?P<to>\S+)", 25),
    ConfigLine("nfs", ("/etc/fstab",), r"^(?P<to>\[?[\w.:-]+?\]?):/\S*\s+\S+\s+nfs4?\s", 2049),
    ConfigLine("cifs", ("/etc/fstab",), r"^//(?P<to>[\w.-]+)/\S*\s+\S+\s+cifs\s", 445),
    ConfigLine("docker", ("/etc/docker/daemon.json",), r"\"registry-mirrors\"\s*:\s*\[(?P<to>[^\]]+)\]"),
    ConfigLine(
        "kubelet",
        ("/etc/kubernetes/kubelet.conf", "/etc/kubernetes/bootstrap-kubelet.conf"),
        r"^\s*server\s*:\s*" + URL,
        6443,
    ),
    ConfigLine("wireguard", ("/etc/wireguard/*.conf",), r"^\s*Endpoint\s*=\s*(?P<to>\S+)", 51820, "udp"),
    ConfigLine(
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


def needs(host: HostFiles) -> Iterator[Need]:
    """Yield the needs of all rows of CONFIG_LINES."""
    for config in CONFIG_LINES:
        pattern = re.compile(config.line, re.MULTILINE)
        for path, text in host.texts(*config.files):
            for match in pattern.finditer(text):
                offset = match.start("to" if "to" in match.groupdict() else 0)
                yield from _needs(config, line_of(path, text, offset), match.groupdict())


def _needs(config: ConfigLine, where: str, groups: Mapping[str, str | None]) -> Iterator[Need]:
    block = groups.get("block") or ""
    destinations = groups.get("to") if "to" in groups else _search(_TARGET, block)
    default_port = int(groups.get("port") or _search(_PORT, block) or 0) or config.port
    protocol = _search(_PROTOCOL, block).lower() or config.protocol
    for text in re.split(r"[\s,;]+", destinations or ""):
        word = _word(text)
        destination = endpoint(config.template.format(word), default_port) if word else None
        if destination:
            host, port = destination
            for number in (port, *config.also):
                yield Need(config.what, where, host, number, "tcp" if protocol == "tls" else protocol, config.user)


def _search(pattern: re.Pattern[str], text: str) -> str:
    """Return the first group of the first match, "" without one."""
    match = pattern.search(text)
    return match[1] if match else ""


def _word(text: str) -> str:
    """Return an item of a list without quotes, dashes and the brackets of the list; those of an address stay."""
    text = text.strip("\"'- ")
    return text if text.count("[") == text.count("]") else text.strip("[]\"'")
