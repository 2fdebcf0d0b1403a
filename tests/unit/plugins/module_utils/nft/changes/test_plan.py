# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes import plan, reference_check, transaction
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import Hook
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.listing import element
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import (
    NftChain,
    NftObject,
    NftRule,
    NftSet,
    NftTable,
)
from ansible_collections.tidegate.nftables.tests.support.growth import fastest

HOOK = Hook("filter", "output", 0)


def rules(*texts: str, first: int | None = None) -> tuple[NftRule, ...]:
    return tuple(NftRule(text, text, None if first is None else first + at) for at, text in enumerate(texts))


def table(**parts: object) -> NftTable:
    return replace(NftTable("inet", "t"), **parts)  # type: ignore[arg-type]


def named(
    name: str,
    *elements: str,
    kind: Literal["set", "map"] = "set",
    lines: tuple[str, ...] = ("type ipv4_addr", "flags interval"),
) -> NftSet:
    return NftSet(kind, name, lines, lines, tuple(map(element, elements)), managed=True)


def text(live: NftTable | None, goal: NftTable | None, *, refill: bool = False) -> list[str]:
    table_plan = plan.plan_table(live, goal, refill=refill)
    assert bool(table_plan) == bool(table_plan.commands)
    return transaction.text(table_plan.commands).splitlines()


def test_equal_tables_need_nothing() -> None:
    live = table(chains=(NftChain("c", HOOK, "x", rules("accept", first=1)),), sets=(named("s", "10.0.0.0/8"),))
    desired = table(chains=(NftChain("c", HOOK, "x", rules("accept")),), sets=(named("s", "10.0.0.0/8"),))
    assert text(live, desired) == []
    assert text(None, None) == []


def test_a_new_table_is_made_in_an_order_in_which_everything_is_there_when_it_is_needed() -> None:
    goal = table(
        comment="ours",
        objects=(NftObject("counter", "k", (), ()),),
        sets=(
            named("s", "10.0.0.0/8"),
            named("m", "80 : jump web", kind="map", lines=("type inet_service : verdict",)),
        ),
        chains=(NftChain("c", HOOK, None, rules("ip daddr @s counter name k", "jump web")), NftChain("web", None, "w")),
    )
    assert text(None, goal) == [
        'add table inet t { comment "ours"; }',
        "add counter inet t k { }",
        "add chain inet t c { type filter hook output priority 0; policy accept; }",
        'add chain inet t web { comment "w"; }',
        "add set inet t s { type ipv4_addr; flags interval; }",
        "add map inet t m { type inet_service : verdict; }",
        "add element inet t s { 10.0.0.0/8 }",
        "add element inet t m { 80 : jump web }",
        "add rule inet t c ip daddr @s counter name k",
        "add rule inet t c jump web",
    ]


def test_new_rules_are_inserted_before_the_next_that_stays() -> None:
    live = table(chains=(NftChain("c", None, None, rules("1", "2", "3", "4", first=1)),))
    goal = table(chains=(NftChain("c", None, None, rules("10", "11", "1", "40", "12", "3", "2", "13")),))
    lines = text(live, goal)
    assert lines[:-1] == [
        "delete rule inet t c handle 2",
        "delete rule inet t c handle 4",
        "insert rule inet t c handle 1 10",
        "insert rule inet t c handle 1 11",
        "insert rule inet t c handle 3 40",
        "insert rule inet t c handle 3 12",
        "add rule inet t c 2",
    ]
    assert lines[-1] == "add rule inet t c 13"


def test_a_moved_rule_takes_its_count_along() -> None:
    old = NftRule("counter accept", "counter packets 5 bytes 60 accept", 1)
    live = table(chains=(NftChain("c", None, None, (old, *rules("a", "b", first=2))),))
    goal = table(chains=(NftChain("c", None, None, rules("a", "b", "counter accept")),))
    table_plan = plan.plan_table(live, goal)
    assert transaction.text(table_plan.commands).splitlines() == [
        "delete rule inet t c handle 1",
        "add rule inet t c counter packets 5 bytes 60 accept",
    ]
    assert [change.as_dict() for change in table_plan.changes] == [
        {"action": "move", "kind": "rule", "chain": "c", "text": "counter accept"}
    ]


def test_what_goes_goes_after_what_refers_to_it() -> None:
    live = table(
        objects=(NftObject("counter", "k", (), ()),),
        sets=(
            named("s", "10.0.0.0/8"),
            named("m", "80 : jump gone", kind="map", lines=("type inet_service : verdict",)),
        ),
        chains=(
            NftChain("c", HOOK, None, rules("ip daddr @s accept", "accept", "jump gone", first=1)),
            NftChain("gone", None, None, rules('counter name "k"', first=9)),
        ),
    )
    goal = table(chains=(NftChain("c", HOOK, None, rules("accept")),))
    assert text(live, goal) == [
        "delete rule inet t c handle 1",
        "delete rule inet t c handle 3",
        "flush chain inet t gone",
        "delete set inet t s",
        "delete map inet t m",
        "delete chain inet t gone",
        "delete counter inet t k",
    ]


def test_a_limit_is_made_anew_and_its_rules_step_aside() -> None:
    limit = NftObject("limit", "l", ("rate 1/second",), ("rate 1/second",))
    chain = NftChain(
        "c",
        HOOK,
        None,
        (NftRule('limit name "l" counter', 'limit name "l" counter packets 5 bytes 60', 1), *rules("drop", first=2)),
    )
    live = table(objects=(limit,), chains=(chain,))
    changed_limit = replace(limit, declaration=("rate 2/second",), text=("rate 2/second",))
    goal = table(
        objects=(changed_limit,),
        chains=(
            NftChain("c", HOOK, None, (NftRule('limit name "l" counter', "limit name l counter"), *rules("drop"))),
        ),
    )
    assert text(live, goal) == [
        "delete rule inet t c handle 1",
        "delete limit inet t l",
        "add limit inet t l { rate 2/second; }",
        "insert rule inet t c handle 2 limit name l counter packets 5 bytes 60",
    ]


def test_a_chain_is_made_anew_with_all_that_leads_to_it() -> None:
    lines = ("type inet_service : verdict",)
    live = table(
        sets=(named("m", "80 : jump web", "81 : drop", kind="map", lines=lines),),
        chains=(
            NftChain("web", None, None, rules("accept", first=1)),
            NftChain("c", HOOK, None, rules("goto web", "drop", first=2)),
        ),
    )
    goal = replace(
        live,
        chains=(NftChain("web", None, "new", rules("accept")), NftChain("c", HOOK, None, rules("goto web", "drop"))),
    )
    assert text(live, goal) == [
        "delete rule inet t c handle 2",
        "flush chain inet t web",
        "delete element inet t m { 80 }",
        "delete chain inet t web",
        'add chain inet t web { comment "new"; }',
        "add element inet t m { 80 : jump web }",
        "add rule inet t web accept",
        "insert rule inet t c handle 3 goto web",
    ]


def test_only_the_policy_changes_in_place() -> None:
    live = table(chains=(NftChain("c", HOOK, None, rules("accept", first=1)),))
    goal = table(chains=(NftChain("c", replace(HOOK, policy="drop"), None, rules("accept")),))
    assert text(live, goal) == ["add chain inet t c { type filter hook output priority 0; policy drop; }"]


def test_elements_go_before_others_come() -> None:
    live = table(sets=(named("s", "10.0.0.0/8", "192.0.2.9", "192.0.2.10"),))
    goal = table(sets=(named("s", "192.0.2.9", "10.0.0.0/9"),))
    assert text(live, goal) == [
        "delete element inet t s { 10.0.0.0/8, 192.0.2.10 }",
        "add element inet t s { 10.0.0.0/9 }",
    ]
    assert text(live, goal, refill=True) == ["flush set inet t s", "add element inet t s { 10.0.0.0/9, 192.0.2.9 }"]


def test_many_deletions_from_many_intervals_are_done_by_filling_again() -> None:
    many = [f"10.{high}.{low}.0/25" for high in range(10) for low in range(250)]
    live = table(sets=(named("s", *many),))
    few = text(live, table(sets=(named("s", *many[3:]),)))
    assert few[0] == "delete element inet t s { 10.0.0.0/25, 10.0.1.0/25, 10.0.2.0/25 }"
    rest = text(live, table(sets=(named("s", *many[300:]),)))
    assert rest[0] == "flush set inet t s"
    assert len(rest) == 2 + len(many) - 300 + 1


def test_a_set_made_anew_keeps_the_time_its_elements_have() -> None:
    live_set = replace(named("s"), elements=(element("10.0.0.1 timeout 1d expires 5h"),))
    desired_set = replace(
        live_set, declaration=("type ipv4_addr",), text=("type ipv4_addr",), elements=(element("10.0.0.1 timeout 1d"),)
    )
    assert text(table(sets=(live_set,)), table(sets=(desired_set,))) == [
        "delete set inet t s",
        "add set inet t s { type ipv4_addr; }",
        "add element inet t s { 10.0.0.1 timeout 1d expires 5h }",
    ]


def test_order_of_elements_does_not_depend_on_who_listed_them() -> None:
    assert (
        text(None, table(sets=(named("s", "10.0.0.10", "10.0.0.9"),)))[-1]
        == "add element inet t s { 10.0.0.9, 10.0.0.10 }"
    )


@pytest.mark.parametrize(
    ("gone", "part"),
    [
        (
            {"chains": (NftChain("c", HOOK, None, rules("jump web", first=1)),)},
            "The chain web cannot be deleted: the rule .jump web. of chain c",
        ),
        ({"sets": ()}, "The set s cannot be deleted: the rule .ip daddr @s accept. of chain web"),
        ({"objects": ()}, "The counter k cannot be deleted"),
    ],
)
def test_what_is_referred_to_stays(gone: dict[str, object], part: str) -> None:
    live = table(
        objects=(NftObject("counter", "k", (), ()),),
        sets=(named("s"),),
        chains=(
            NftChain("c", HOOK, None, rules("jump web", first=1)),
            NftChain("web", None, None, rules("ip daddr @s accept", 'counter name "k"', first=5)),
        ),
    )
    reference_check.check(live, live, "here")
    with pytest.raises(EngineError, match=part) as error:
        reference_check.check(live, replace(live, **gone), "here")  # type: ignore[arg-type]
    assert (error.value.reason, error.value.where) == ("busy", "here")


def test_a_map_refers_to_chains_too() -> None:
    ways = named("m", "80 : jump web", kind="map", lines=("type inet_service : verdict",))
    live = table(sets=(ways,), chains=(NftChain("web"),))
    with pytest.raises(EngineError, match=r"the element .80 : jump web. of map m"):
        reference_check.check(live, replace(live, chains=()), "here")


def test_a_name_in_a_comment_is_no_reference() -> None:
    live = table(
        chains=(NftChain("web"), NftChain("c", HOOK, None, rules('accept comment "jump web @s"', first=1))),
        sets=(named("s"),),
    )
    goal = table(chains=(NftChain("web", None, "new"), live.chains[1]), sets=(named("s", lines=("type mark",)),))
    assert not any("rule" in line for line in text(live, goal))


def test_a_line_belongs_to_its_command() -> None:
    commands = [
        transaction.Command("one", "a"),
        transaction.Command("two {\n\t1,\n}", "b"),
        transaction.Command("three", "c"),
    ]
    wheres = [transaction.where(commands, line) for line in range(1, 7)]
    assert [command.where if command else None for command in wheres] == ["a", "b", "b", "b", "c", None]


def test_what_uses_a_flowtable_steps_aside_for_it() -> None:
    flowtable = NftObject("flowtable", "f", ("hook ingress priority 0", "devices = { eth0 }"), ())
    wider = replace(flowtable, declaration=("hook ingress priority 0", "devices = { eth0, eth1 }"))
    chain = NftChain("c", HOOK, None, rules("flow add @f", "counter", first=1))
    live = table(objects=(flowtable,), chains=(chain,))
    assert text(live, replace(live, objects=(replace(wider, text=wider.declaration),))) == [
        "delete rule inet t c handle 1",
        "delete flowtable inet t f",
        "add flowtable inet t f { hook ingress priority 0; devices = { eth0, eth1 }; }",
        "insert rule inet t c handle 2 flow add @f",
    ]
    with pytest.raises(EngineError, match="The flowtable f cannot be deleted"):
        reference_check.check(live, replace(live, objects=()), "")


def test_much_that_goes_beside_a_long_rule_is_looked_for_once() -> None:
    """Looked for one by one this takes many seconds, in one go some milliseconds."""
    long = f"tcp dport {{ {', '.join(map(str, range(20_000)))} }} accept"
    live = table(chains=tuple(NftChain(f"c{number}") for number in range(1000)), sets=(named("s"),))
    after = table(chains=(NftChain("c", HOOK, None, rules(long)),))
    assert fastest(lambda: reference_check.check(live, after, ""), 2) < 2
