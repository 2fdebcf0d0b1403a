# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent for a change, what is refused before anything is sent, and the errors for the kernel's refusals."""

from __future__ import annotations

import errno

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import connection as netlink_socket
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import errors, wire
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.decode import RawElement, decode_list
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.element_changes import (
    SetChange,
    change_elements,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.elements import LIST_ELEMENTS, Element
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.netlink.fake_kernel import (
    FakeKernel,
    tree,
)

Sent = list[tuple[str, list[tuple[int, int]]]]
KINDS = {16: "begin", 17: "end", 0x0A00 | 12: "add", 0x0A00 | 14: "delete"}


def element(first: int, last: int, comment: str | None = None) -> Element:
    return Element(bytes([first]), bytes([last]), None, None, comment)


def change(kernel: FakeKernel, *changes: SetChange, generation: int | None = None) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netlink_socket, "open_socket", kernel.open)
        return change_elements(changes, generation)


def sent(kernel: FakeKernel) -> Sent:
    """Kind of each message in the only batch and its (key, flags)."""
    (batch,) = kernel.batches
    messages: Sent = []
    for message in batch:
        attributes = wire.parse_attributes(message.payload[4:]) if message.type > 17 else {}
        raws: list[RawElement] = decode_list(kernel.info, attributes.get(LIST_ELEMENTS, b""))
        messages.append((KINDS[message.type], [(int.from_bytes(raw.key, "big"), raw.flags) for raw in raws]))
    return messages


def test_deletions_come_before_additions_and_the_batch_is_pinned() -> None:
    kernel = tree([(1, 5), (8, 9)], generation=77)
    changes = SetChange(kernel.info, [element(20, 30), element(2, 3)], [element(1, 5)])
    generation = change(kernel, changes, generation=77)
    assert generation == 78
    assert sent(kernel) == [
        ("begin", []),
        ("delete", [(1, 0), (6, 1)]),
        ("add", [(2, 0), (4, 1), (20, 0), (31, 1)]),
        ("end", []),
    ]
    begin, *middle, last, end = kernel.batches[0]
    assert begin.payload == bytes((0, 0, 0, 10)) + wire.attribute(1, (77).to_bytes(4, "big"))
    assert [message.flags & wire.NLM_F_ACK for message in (begin, *middle, end)] == [0, 0, 0]
    assert last.flags & wire.NLM_F_ACK
    assert last.flags & wire.NLM_F_EXCL


def test_a_flush_comes_first_and_needs_no_look_at_what_goes() -> None:
    kernel = tree([(1, 5)])
    change(kernel, SetChange(kernel.info, [element(1, 5)], flush=True))
    assert sent(kernel) == [("begin", []), ("delete", []), ("add", [(1, 0), (6, 1)]), ("end", [])]


def test_the_kernel_is_made_to_look_inside_an_interval_without_an_end() -> None:
    kernel = tree([(1, 5)])
    change(kernel, SetChange(kernel.info, [element(200, 255)]))
    assert sent(kernel)[1:-1] == [("add", [(200, 0)]), ("add", [(255, 1)]), ("delete", [(255, 1)])]


def test_nothing_to_do_sends_nothing() -> None:
    kernel = tree([], generation=9)
    assert change(kernel, SetChange(kernel.info)) == change(kernel) == 9
    assert not kernel.batches


def test_after_the_highest_generation_comes_one() -> None:
    kernel = tree([], generation=0xFFFFFFFF)
    assert change(kernel, SetChange(kernel.info, [element(1, 1)])) == 1


@pytest.mark.parametrize(
    ("add", "delete", "kind", "says"),
    [
        ([], [(2, 5)], errors.NoSuchObject, "no element"),
        ([], [(1, 9)], errors.NoSuchObject, "no element 0x01-0x09"),
        ([], [(1, 21)], errors.NoSuchObject, "no element 0x01-0x15"),
        ([], [(6, 6)], errors.NoSuchObject, "no element 0x06 to delete"),
        ([(240, 250)], [], errors.AlreadyExists, "0xf0-0xfa overlaps"),
        ([(240, 255)], [], errors.AlreadyExists, "0xf0-0xff overlaps"),
        ([(20, 30), (25, 26)], [], errors.BadElement, "0x14-0x1e and 0x19-0x1a overlap"),
        ([(20, 30), (20, 30)], [], errors.BadElement, "overlap"),
        ([], [(1, 5), (1, 5)], errors.BadElement, "overlap"),
        ([(30, 20)], [], errors.BadElement, "ends before it begins"),
    ],
)
def test_what_the_kernel_would_get_wrong_is_not_sent(
    add: list[tuple[int, int]], delete: list[tuple[int, int]], kind: type[errors.NetlinkError], says: str
) -> None:
    kernel = tree([(1, 5), (8, 9), (10, 21), (250, 255)])
    with pytest.raises(kind, match=says):
        change(kernel, SetChange(kernel.info, [element(*pair) for pair in add], [element(*pair) for pair in delete]))
    assert not kernel.batches


def test_what_goes_makes_room_at_the_highest_key() -> None:
    kernel = tree([(250, 255)])
    change(kernel, SetChange(kernel.info, [element(240, 255)], [element(250, 255)]))
    assert sent(kernel)[1] == ("delete", [(250, 0)])


def test_two_intervals_are_not_one() -> None:
    """The start of one and the end of another are both there; as one interval they are not."""
    kernel = tree([(1, 5), (6, 9)])
    with pytest.raises(errors.NoSuchObject, match="no element 0x01-0x09"):
        change(kernel, SetChange(kernel.info, delete=[element(1, 9)]))


def test_a_flush_with_deletions_is_a_contradiction() -> None:
    kernel = tree([(1, 5)])
    with pytest.raises(errors.BadElement, match="flush"):
        change(kernel, SetChange(kernel.info, delete=[element(1, 5)], flush=True))


def test_a_generation_that_is_gone_is_refused_before_and_by_the_kernel() -> None:
    kernel = tree([], generation=8)
    with pytest.raises(errors.StaleGeneration, match="generation 8, not 7") as caught:
        change(kernel, SetChange(kernel.info, [element(1, 1)]), generation=7)
    assert caught.value.reason == "busy"
    assert not kernel.batches
    kernel.refuse = {0: (errors.ERESTART, -1)}
    with pytest.raises(errors.StaleGeneration, match="nothing was changed"):
        change(kernel, SetChange(kernel.info, [element(1, 1)]), generation=8)


def test_a_set_that_was_made_again_is_another_set() -> None:
    kernel = tree([])
    old = kernel.info
    kernel.declaration = kernel.declaration.replace((7).to_bytes(8, "big"), (8).to_bytes(8, "big"))
    with pytest.raises(errors.StaleGeneration, match="deleted and made again"):
        change(kernel, SetChange(old, [element(1, 1)]))


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (errno.EEXIST, errors.AlreadyExists, "adding to set inet t s: element 0x14-0x1e exists already or overlaps"),
        (errno.ENFILE, errors.NetlinkError, "element 0x14-0x1e: the set is full"),
        (errno.EPERM, errors.NetlinkError, "element 0x14-0x1e: the table is owned by another process"),
        (errno.EBUSY, errors.Busy, "element 0x14-0x1e"),
        (errno.EINVAL, errors.NetlinkError, "Invalid argument"),
    ],
)
def test_a_refusal_names_the_element(error: int, kind: type[errors.NetlinkError], says: str) -> None:
    kernel = tree([(100, 110)], refuse={2: (error, 2)})
    with pytest.raises(kind, match=says) as caught:
        change(kernel, SetChange(kernel.info, [element(1, 1), element(20, 30)], [element(100, 110)]))
    assert (caught.value.errno, type(caught.value)) == (error, kind)


def test_a_refused_end_names_its_interval() -> None:
    kernel = tree([(1, 5)], refuse={1: (errno.ENOENT, 1)})
    with pytest.raises(errors.NoSuchObject, match="deleting from set inet t s: element 0x01-0x05 does not exist"):
        change(kernel, SetChange(kernel.info, delete=[element(1, 5)]))


def test_an_overlap_inside_of_an_interval_without_an_end_is_reported() -> None:
    kernel = tree([(210, 220)], refuse={2: (errno.EEXIST, 0)})
    with pytest.raises(errors.AlreadyExists, match="element that reaches 0xff exists already or overlaps"):
        change(kernel, SetChange(kernel.info, [element(200, 255)]))


def test_a_refusal_without_an_offset_is_reported_all_the_same() -> None:
    kernel = tree([], refuse={1: (errno.EEXIST, -1)})
    with pytest.raises(errors.AlreadyExists, match="does not say which"):
        change(kernel, SetChange(kernel.info, [element(1, 1)]))


def test_without_the_capability_the_first_question_is_refused() -> None:
    kernel = tree([], refuse={0: (errno.EPERM, -1)})
    with pytest.raises(errors.MissingCapability, match="CAP_NET_ADMIN"):
        change(kernel, SetChange(kernel.info, [element(1, 1)]))


def test_a_send_buffer_that_is_too_small_is_reported_with_both_sizes() -> None:
    kernel = tree([], send_limit=300)
    with pytest.raises(errors.MessageTooLong, match="at most 268 in this user namespace") as caught:
        change(kernel, SetChange(kernel.info, [element(key, key) for key in range(0, 100, 2)]))
    assert caught.value.limit == 268
    assert caught.value.size > 268
    assert not kernel.batches


@pytest.mark.parametrize("error", [errno.EMSGSIZE, errno.ENOBUFS])
def test_a_send_that_fails_is_typed(error: int) -> None:
    kernel = tree([], send_error=error)
    with pytest.raises((errors.MessageTooLong, errors.BufferOverrun)) as caught:
        change(kernel, SetChange(kernel.info, [element(1, 1)]))
    assert caught.value.errno == error
