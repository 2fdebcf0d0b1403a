# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table as a file for nft has it: the engine makes what nft alone makes of it, and names the line of an error."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from .conftest import Lab
from .others_tables import TABLES

TEXT = r"""#!/usr/sbin/nft -f
# the site's own
define LAN = { 10.0.0.0/8, 192.168.0.0/16 }   # don't
define WEB = 443

table inet shop {
    comment "ours";
    counter refused { }
    set office { type ipv4_addr; flags interval; elements = { 192.0.2.0/24,
        198.51.100.0/24 } }
    map ways { type inet_service : verdict; elements = { 80 : accept } }
    chain arriving { type filter hook input priority filter - 5; policy drop;
        ct state established,related accept   # { braces }
        iifname "lo" accept
        ip saddr $LAN tcp dport { ssh, $WEB } accept comment "a; {b}"
        ip saddr @office tcp dport vmap @ways
        counter name refused
    }
    chain mail {
        tcp dport 25 \
            drop
    }
}
table inet shop {
    chain leaving {
        # type filter hook forward priority 0
        type filter hook output priority 0
        policy accept
        jump mail
    }
}
"""


def test_the_engine_makes_what_nft_alone_makes(lab: Lab) -> None:
    lab.predicted({"text": TEXT})
    made = lab.listing(options=("-s",))
    lab.load(f"flush ruleset\n{TEXT}")
    assert lab.listing(options=("-s",)) == made
    lab.forget()
    assert not lab.run({"text": TEXT}).changed
    lab.load("add rule inet shop leaving drop")
    assert lab.predicted({"text": TEXT}).changed
    assert lab.listing(options=("-s",)) == made


@pytest.mark.parametrize("what", TABLES)
def test_what_programs_wrote_is_taken_as_it_is(lab: Lab, what: str) -> None:
    written = TABLES[what]
    if lab.version < written.oldest:
        return
    text = f"table {written.family} {written.name} {{\n{written.text}\n}}\n"
    lab.load(text)
    made = lab.table(written.name, written.family)
    changed = lab.run({"text": text})
    assert not changed.changed, changed.transaction
    handles = [rule.handle for chain in made.chains for rule in chain.rules]
    after = lab.table(written.name, written.family)
    assert [rule.handle for chain in after.chains for rule in chain.rules] == handles


def test_an_unchanged_text_costs_nothing_and_takes_no_proof_away(lab: Lab) -> None:
    other = {"name": "other", "chains": [{"name": "c", "rules": ["accept"]}]}
    lab.run(other)
    lab.run({"text": TEXT})
    assert (lab.run({"text": TEXT}).path, lab.run(other).path) == ("fast", "fast")


def test_a_text_takes_its_table_away(lab: Lab) -> None:
    lab.run({"text": TEXT})
    lab.predicted({"text": TEXT, "state": "absent"})
    assert lab.listing("tables") == ""


OUT = "table inet shop {\n    chain leaving"
WRONG: dict[str, tuple[str, str, int, str]] = {
    "a mistyped state": ("ct state established,related", "ct state establisheed", 13, "nft rejects"),
    "a mistyped address": ("ip saddr @office", "ip saddr 10.0.0.256", 16, "'10.0.0.256' stands where an IPv4 address"),
    "a flush": (OUT, f"flush ruleset\n{OUT}", 24, "`flush ruleset` is no part of a table's declaration"),
    "a command": (OUT, f"add rule inet shop leaving drop\n{OUT}", 24, "`add rule inet shop leaving drop` is no part"),
    "another table": (OUT, OUT.replace("inet shop", "ip other"), 24, "A second table begins here"),
    "an included file": ("    counter refused { }", '    include "/etc/passwd"', 8, "The text includes a file"),
    "a variable hook": ("hook output priority 0", "hook output priority $P", 27, "is no hook without variables"),
    "a mistyped policy": ("policy accept", "policy permit", 28, "'permit' is not one of accept, drop"),
    "a brace too many": ("jump mail", "jump mail\n    }\n}\n}", 32, "closes a block that none opened"),
    "a brace too few": ("jump mail\n    }", "jump mail", 31, "ends inside of a block"),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_error_names_its_line(lab: Lab, what: str) -> None:
    old, new, line, part = WRONG[what]
    assert old in TEXT
    for check in (True, False):
        with pytest.raises(EngineError) as error:
            lab.run({"text": TEXT.replace(old, new)}, check=check)
        assert error.value.where == f"tables[0].text:{line}"
        assert part in str(error.value)
    assert lab.listing() == ""


def test_a_text_has_no_other_keys_beside_it(lab: Lab) -> None:
    with pytest.raises(EngineError, match="'text' declares the whole table, so 'chains' has no place beside it"):
        lab.run({"text": TEXT, "chains": [{"name": "c"}]})
