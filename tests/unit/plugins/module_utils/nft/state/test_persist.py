# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file for the boot: whole, without what others own, and in place only at a good end."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.listing import element
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import (
    NftChain,
    NftRule,
    NftSet,
    NftTable,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state import persist


def test_saved_text_is_whole_and_leaves_out_what_nobody_wrote_down() -> None:
    sets = (
        NftSet("set", "mine", ("type ipv4_addr",), (), (element("10.0.0.10"), element("10.0.0.9")), managed=True),
        NftSet("set", "theirs", ("type ipv4_addr",), (), (element("192.0.2.1"),)),
    )
    chain = NftChain("c", None, "words", (NftRule("accept", "sent", 5),))
    text = persist.text([NftTable("inet", "t", "about", sets=sets, chains=(chain,)), None])
    assert text is not None
    assert text.splitlines()[2:] == [
        "table inet t",
        "delete table inet t",
        "table inet t {",
        '\tcomment "about"',
        "",
        "\tset mine {",
        "\t\ttype ipv4_addr",
        "\t\telements = {",
        "\t\t\t10.0.0.9,",
        "\t\t\t10.0.0.10,",
        "\t\t}",
        "\t}",
        "",
        "\tset theirs {",
        "\t\ttype ipv4_addr",
        "\t}",
        "",
        "\tchain c {",
        '\t\tcomment "words"',
        "\t\taccept",
        "\t}",
        "}",
    ]
    assert persist.text([None]) is None


def test_a_file_is_put_in_place_only_at_a_good_end(tmp_path: Path) -> None:
    file = persist.PersistFile(str(tmp_path / "f"))
    assert file.action("text") == "add"
    with pytest.raises(KeyError), file.replaced("text"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    with file.replaced("text"):
        assert not (tmp_path / "f").exists()
    assert (tmp_path / "f").read_text() == "text"
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o600
    assert file.action("text") == ""
    assert file.action("other") == "recreate"
    assert file.action(None) == "delete"
    with file.replaced(None):
        pass
    assert list(tmp_path.iterdir()) == []
