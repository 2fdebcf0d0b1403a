# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What UDP probes say: questions that the usual service of the port answers."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.probe.payload import datagram


def test_dns_is_asked_for_the_name_servers_of_the_root() -> None:
    question = datagram(53)
    assert question[2:] == bytes.fromhex("0100 0001 0000 0000 0000 00 0002 0001")


def test_questions_differ_so_that_an_old_answer_fits_none() -> None:
    assert len({datagram(53)[:2] for _time in range(20)}) > 1
    assert len({datagram(123)[40:] for _time in range(20)}) == 20


def test_ntp_is_asked_as_a_client_of_version_4() -> None:
    request = datagram(123)
    assert (request[0] & 0b111, request[0] >> 3 & 0b111, len(request)) == (3, 4, 48)
    assert request[1:40] == bytes(39)


def test_other_ports_get_an_empty_datagram() -> None:
    assert datagram(514) == b""
