# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import Hook
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.listing import parse_hook, parse_tables
from ansible_collections.tidegate.nftables.tests.support.nft import by_tabs

# As nft 0.9.8 prints it: a closing brace on a statement's line, handles inside of implicit chains.
LISTING = by_tabs("""table inet t { # handle 1
    comment "tc"
    flags dormant
    counter denied { # handle 3
        comment "x"
        packets 5 bytes 60\t}

    quota daily { # handle 4
        over 10 mbytes used 300 bytes
    }

    ct helper ftp-standard { # handle 9
        type "ftp" protocol tcp
        l3proto inet
    }

    set a { # handle 6
        type ipv4_addr
        flags interval,timeout
        elements = { 1.2.3.4-1.2.3.9, 10.0.0.0/8 timeout 1d expires 23h59m,
            ~192.168.0.1 comment "he, } llo" }
    }

    set empty { # handle 8
        type mark
    }

    map m { # handle 11
        type inet_service : verdict
        elements = { 80 comment "c" : accept, 443 : jump web }
    }

    chain web { # handle 1
        comment "webby { # handle 7"
        counter packets 1 bytes 2 accept comment "pay # handle 'load; }" # handle 13
    }

    chain eo { # handle 2
        comment "base"
        type filter hook output priority -5; policy drop;
        tcp dport 22 jump {
            counter packets 1 bytes 2 accept # handle 5
            ip saddr { 1.1.1.1, 2.2.2.2,
                ~3.3.3.3 } drop # handle 6
        } # handle 7
        tcp dport { 80, 443,
            ~8080 } accept # handle 16
    }
}
table ip other { # handle 2
}
""").replace("~", 5 * " ")


def test_a_listing_is_cut_into_what_it_lists() -> None:
    table, other = parse_tables(LISTING)
    assert (table.family, table.name, table.comment, table.flags) == ("inet", "t", "tc", "dormant")
    assert (other.family, other.name, other.chains, other.comment, other.flags) == ("ip", "other", (), None, "")
    assert [(item.kind, item.name) for item in table.objects] == [
        ("counter", "denied"),
        ("quota", "daily"),
        ("ct helper", "ftp-standard"),
    ]
    assert [item.declaration for item in table.objects] == [
        ('comment "x"',),
        ("over 10 mbytes",),
        ('type "ftp" protocol tcp', "l3proto inet"),
    ]
    assert table.objects[0].text == ('comment "x"', "packets 5 bytes 60")
    assert [(item.kind, item.name) for item in table.sets] == [("set", "a"), ("set", "empty"), ("map", "m")]
    assert table.sets[0].declaration == ("type ipv4_addr", "flags interval,timeout")
    assert table.sets[0].has("interval")
    assert not table.sets[0].has("dynamic")
    assert [element.canon for element in table.sets[0].elements] == [
        "1.2.3.4-1.2.3.9",
        "10.0.0.0/8 timeout 1d",
        '192.168.0.1 comment "he, } llo"',
    ]
    assert table.sets[0].elements[1].text == "10.0.0.0/8 timeout 1d expires 23h59m"
    assert [(element.key, element.canon) for element in table.sets[2].elements] == [
        ("80", '80 comment "c" : accept'),
        ("443", "443 : jump web"),
    ]
    web, eo = table.chains
    assert (web.name, web.hook, web.comment) == ("web", None, "webby { # handle 7")
    assert [(rule.canon, rule.handle) for rule in web.rules] == [
        ('counter accept comment "pay # handle \'load; }"', 13)
    ]
    assert web.rules[0].text.startswith("counter packets 1 bytes 2 accept")
    assert (eo.comment, eo.hook) == ("base", Hook("filter", "output", -5, "drop"))
    assert [(rule.canon, rule.handle) for rule in eo.rules] == [
        ("tcp dport 22 jump { counter accept; ip saddr { 1.1.1.1, 2.2.2.2, 3.3.3.3 } drop; }", 7),
        ("tcp dport { 80, 443, 8080 } accept", 16),
    ]


def test_no_listing_is_no_table() -> None:
    assert parse_tables("") == []


@pytest.mark.parametrize("listing", ["table inet t {\n", "table inet t { chain c {\n}\n", "table inet {\n}\n"])
def test_what_is_no_listing_is_an_error(listing: str) -> None:
    with pytest.raises(EngineError, match="cannot be read") as error:
        parse_tables(listing)
    assert error.value.reason == "not_applied"


@pytest.mark.parametrize(
    ("line", "hook"),
    [
        ("type filter hook output priority 0; policy accept;", Hook("filter", "output", 0)),
        (
            'type filter hook ingress device "lo" priority -5; policy drop;',
            Hook("filter", "ingress", -5, "drop", ("lo",)),
        ),
        (
            "type filter hook ingress devices = { wg0, eth0.5 } priority 0; policy accept;",
            Hook("filter", "ingress", 0, "accept", ("eth0.5", "wg0")),
        ),
        (
            'type filter hook egress devices = { "wg0", "lo" } priority 0; policy accept;',
            Hook("filter", "egress", 0, "accept", ("lo", "wg0")),
        ),
    ],
)
def test_hooks(line: str, hook: Hook) -> None:
    assert parse_hook(line) == hook


def test_devices_of_flowtables_are_the_same_in_every_spelling() -> None:
    listing = "table inet t {\n\tflowtable f { # handle 3\n\t\thook ingress priority 0\n\t\tdevices = { %s }\n\t}\n}\n"
    lines = [parse_tables(listing % names)[0].objects[0].declaration[1] for names in ("lo, eth0", '"eth0", "lo"')]
    assert lines == ["devices = { eth0, lo }"] * 2
