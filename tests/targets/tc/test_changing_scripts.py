"""Scripts that change filters, or take them away: what is left; the kernel says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.flower import artifact as flower
from p4verify.targets.flower.meaning import meaning as flower_meaning
from p4verify.targets.tc.artifact.actions import Mirred
from p4verify.targets.tc.oracle.kernel import Kernel
from p4verify.targets.u32 import artifact as u32
from p4verify.targets.u32.meaning import meaning as u32_meaning
from tests.support.changing_scripts import FLOWER, FRAMES, HERE, U32, Changes, Kind, judge, judge_scripts
from tests.support.compiled import compiled

ON = "dev port0 ingress"
FIRST, SECOND, OTHER = FRAMES[0], FRAMES[12], FRAMES[24]
"""Frames to 10.0.0.1, 10.0.0.2 and 10.0.0.9."""


def to(port: int) -> str:
    return f"action mirred egress redirect dev port{port}"


def on(hook: str, commands: Sequence[str]) -> list[str]:
    return [f"filter {command.replace(' ON', f' {hook}')}" for command in commands]


def script(*commands: str) -> str:
    return "".join(f"{line}\n" for line in on(ON, commands))


def flower_of(*commands: str) -> flower.FilterList:
    return flower.parse_script(script(*commands), "s.tc")


def u32_of(*commands: str) -> u32.FilterList:
    return u32.parse_script(script(*commands), "s.tc")


def ports(filters: flower.FilterList | u32.FilterList, frame: bytes) -> list[int]:
    """Where a frame leaves."""
    meant = flower_meaning(filters) if isinstance(filters, flower.FilterList) else u32_meaning(filters)
    return [port for where, port, _ in compiled(meant)(frame, 0)[0] if where == "port"]


P2 = "ON pref 2 protocol ip"
HOST, NET = "dst_ip 10.0.0.1", "dst_ip 10.0.0.0/24"


# --- flower -------------------------------------------------------------------------------------------------------


def test_a_filter_that_is_changed_is_the_new_one_at_its_place() -> None:
    for verb in ("change", "replace", "c"):
        filters = flower_of(
            f"add {P2} flower {HOST} {to(1)}", f"{verb} {P2} handle 1 flower dst_ip 10.0.0.2 skip_hw {to(3)}"
        )
        (one,) = filters.filters
        assert (one.handle, one.skip_hw, one.span.line) == (1, True, 2)
        assert (ports(filters, FIRST), ports(filters, SECOND)) == ([], [3])


def test_a_mask_stays_where_it_was_as_long_as_it_has_a_filter() -> None:
    """The filter that first had it goes; the one that is left is still tried first."""
    added = (
        f"add {P2} flower dst_ip 10.0.0.9 {to(1)}",
        f"add {P2} flower {NET} {to(2)}",
        f"add {P2} flower {HOST} {to(3)}",
    )
    kept = flower_of(*added, f"del {P2} handle 1 flower")
    assert ports(kept, FIRST) == [3]
    gone = flower_of(*added[:2], f"del {P2} handle 1 flower", added[2])
    assert ports(gone, FIRST) == [2]
    assert [one.handle for one in gone.filters] == [2, 1]


def test_a_priority_that_is_empty_is_free_for_another_protocol_and_kind() -> None:
    filters = flower_of(
        f"add {P2} flower {to(1)}", f"del {P2} handle 1 flower", f"add ON pref 2 protocol arp matchall {to(2)}",
        "delete ON pref 2 handle 1 matchall", f"add ON pref 2 flower {to(3)}",
    )  # fmt: skip
    assert [(one.kind, one.protocol) for one in filters.filters] == [("flower", 3)]


def test_priorities_are_those_that_the_kernel_chose() -> None:
    """A priority that goes is not counted any more."""
    filters = flower_of(
        f"add ON flower {to(1)}", f"add ON flower {to(2)}",
        "del ON pref 49151", "del ON chain 5", f"add ON protocol arp flower {to(3)}",
    )  # fmt: skip
    assert [(one.pref, one.protocol) for one in filters.filters] == [(0xC000, 3), (0xBFFF, 0x806)]


def test_two_filters_may_swap_their_keys() -> None:
    """In between both have the same; the second one then stays where the first one's mask is."""
    added = (f"add {P2} flower {HOST} {to(1)}", f"add {P2} flower dst_ip 10.0.0.2 {to(2)}")
    swapped = (f"change {P2} handle 1 flower dst_ip 10.0.0.2 {to(1)}", f"change {P2} handle 2 flower {HOST} {to(2)}")
    assert [ports(flower_of(*added, *swapped), frame) for frame in (FIRST, SECOND)] == [[2], [1]]
    gone = flower_of(*added, swapped[0], f"del {P2} handle 2 flower", f"add {P2} flower {HOST} {to(3)}")
    assert [ports(gone, frame) for frame in (FIRST, SECOND)] == [[3], [1]]
    with pytest.raises(InputError, match="the same keys exists"):
        flower_of(*added, swapped[0], f"del {P2} handle 1 flower", added[1])


def test_all_filters_of_a_chain_are_taken_away() -> None:
    filters = flower_of(
        f"add ON chain 4 flower {to(1)}", f"add {P2} flower {to(2)}", "del ON", f"add {P2} matchall {to(3)}"
    )
    assert [(one.chain, one.kind) for one in filters.filters] == [(4, "flower"), (0, "matchall")]


def test_a_script_that_empties_the_hook_first_is_as_without_that() -> None:
    plain = (f"add {P2} flower {HOST} {to(1)}", f"add {P2} flower {NET} {to(2)}")
    assert flower_of("del ON", *plain).filters == flower_of(*plain).filters


A, B = f"add {P2} flower {HOST} {to(1)}", f"add {P2} flower {NET} {to(2)}"


@pytest.mark.parametrize(
    ("commands", "complaint"),
    [
        ([A, f"change {P2} flower {HOST} {to(2)}"], "there is no such filter"),
        ([A, f"change {P2} handle 2 flower {HOST} {to(2)}"], "there is no such filter"),
        ([A, f"change ON pref 3 protocol ip handle 1 flower {HOST}"], "no filter of this priority"),
        ([A, f"change ON pref 2 protocol arp handle 1 flower {to(2)}"], "another protocol"),
        ([A, f"change {P2} handle 1 matchall {to(2)}"], "for filters of flower"),
        ([A, f"change {P2} handle 1 flower {NET}"], "keeps its mask"),
        ([A, B, f"replace {P2} handle 1 flower {NET}"], "keeps its mask"),
        ([A, f"replace {P2} handle 3 flower {HOST}"], "the same keys"),
        ([A, B, f"replace {P2} handle 9 flower ct_state -trk+new"], "no trk"),
        ([A, "del ON pref 3"], "no filter of this priority"),
        ([A, "del ON chain 1 pref 2"], "no filter of this priority"),
        ([A, "del ON pref 2 matchall"], "for filters of flower"),
        ([A, "del ON pref 2 protocol arp"], "another protocol"),
        ([A, "del ON pref 2 handle 7 flower"], "no filter with this handle"),
        ([A, "del ON flower"], "are taken away by their priority"),
        ([A, "del ON protocol ip"], "are taken away by their priority"),
        ([A, "del ON handle 1 flower"], "are taken away by their priority"),
        ([f"add {P2} matchall {to(1)}", f"replace {P2} handle 1 matchall {to(2)}"], "a matchall filter exists"),
        ([A, "del ON pref 2 handle 1 flower", "del ON pref 2 handle 1 flower"], "no filter of this priority"),
        ([A, A, "del ON pref 2"], "the same keys"),
        ([A, "del ON pref 2 handle 1"], "tc wants the classifier's name"),
        ([A, "del ON"], "this script leaves no flower filter"),
    ],
)
def test_what_the_kernel_refuses_is_an_error_at_its_command(commands: list[str], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        flower_of(*commands)
    assert caught.value.diagnostics[0].span.line == (2 if commands[1:2] == [A] else len(commands))


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        ([A, f"change ON pref 2 handle 1 flower {to(2)}"], "without its protocol"),
        (
            [A, f"add {P2} flower dst_ip 10.0.0.2", f"change {P2} handle 1 flower dst_ip 10.0.0.2"],
            "the same keys in the end",
        ),
        ([A, f"del ON pref 2 flower {HOST}"], "where it is taken away"),
        ([f"{A} index 5", B, "del ON pref 2 handle 1 flower", f"add {P2} flower action mirred index 5"],
         "may have gone"),
        ([f"{A} index 5", B, f"replace {P2} handle 1 flower {HOST} action drop", f"add {P2} flower {to(3)} index 5"],
         "may have gone"),
        ([f"{A} index 5", B, f"change {P2} handle 2 flower {NET} {to(3)} index 5"], "other filters may have"),
        (["add ON pref 9 protocol ip flower action pass index 4", B,
          f"change {P2} handle 1 flower {NET} action gact index 4"], "other filters may have"),
        ([A, "del ON pref 2 basic"], "a filter of 'basic'"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_unsupported_at_its_command(commands: list[str], reason: str) -> None:
    with pytest.raises(Unsupported) as caught:
        flower_of(*commands)
    assert reason in caught.value.reason
    assert caught.value.span.line == len(commands)


SHARED = "actions add action mirred egress redirect dev port3 index 105"
INDEXED = [
    [SHARED, A, f"add {P2} flower {NET} action mirred index 105", "del ON pref 2 handle 2 flower",
     f"add {P2} flower dst_ip 10.0.0.2 action mirred index 105",
     f"replace {P2} handle 1 flower {HOST} {to(1)} index 105"],
    [f"{A} index 106", f"add {P2} flower {NET} action mirred index 106", "del ON pref 2 handle 1 flower"],
    [A, f"change {P2} handle 1 flower {HOST} {to(2)} index 107", f"add {P2} flower {NET} {to(3)} index 107"],
    [f"{A} index 108", B, f"replace {P2} handle 2 flower {NET} action mirred index 108"],
    [f"{A} index 109", B, "del ON pref 2 handle 1 flower", f"add {P2} flower {HOST} {to(2)} index 110"],
]  # fmt: skip


def test_an_action_that_no_filter_brought_stays() -> None:
    filters = flower.parse_script(script(*INDEXED[0]).replace("filter actions", "actions"))
    assert [ports(filters, frame) for frame in (FIRST, SECOND)] == [[3], [3]]
    assert ports(flower_of(*INDEXED[2]), OTHER) == [2]


# --- u32 ----------------------------------------------------------------------------------------------------------

U = "ON pref 2 protocol ip u32"
HASHED = "add ON pref 2 protocol ip handle 1: u32 divisor 4"
ONE, TWO = f"match ip dst 10.0.0.1 {to(1)}", f"match ip dst 10.0.0.2 {to(2)}"


def test_a_u32_filter_keeps_its_selector() -> None:
    """The kernel passes over that of the command, and whether it ends the search."""
    for words in (f"match ip dst 10.0.0.2 {to(3)}", to(3)):
        filters = u32_of(f"add {U} {ONE}", f"change ON pref 2 handle 800::800 u32 {words}")
        assert (ports(filters, FIRST), ports(filters, SECOND)) == ([3], [])
    filters = u32_of("add ON pref 2 protocol ip u32 match ip dst 10.0.0.1 indev port4", f"add {U} {TWO}",
                     f"change ON pref 2 handle 800::800 u32 classid 1:1 {to(3)}")  # fmt: skip
    assert not filters.filters[0].selector.terminal  # type: ignore[union-attr]
    assert (filters.filters[0].indev, filters.filters[0].classid) == (4, 0x10001)


def test_a_number_that_is_free_again_is_taken_first() -> None:
    filters = u32_of(f"add {U} {ONE}", f"add {U} match u32 0 0 at 0 {to(2)}", "del ON pref 2 handle 800::800 u32",
                     f"add {U} match ip dst 10.0.0.1 {to(3)}")  # fmt: skip
    assert ports(filters, FIRST) == [3]


def test_a_handle_names_a_filter_of_any_priority() -> None:
    filters = u32_of(
        f"add {U} {ONE}", f"add ON pref 3 protocol ip u32 {TWO}", f"change ON pref 3 handle 800::800 u32 {to(3)}"
    )
    assert ports(filters, FIRST) == [3]


def test_hash_tables_go_with_the_last_priority() -> None:
    table = "add ON pref 2 protocol ip handle 1: u32 divisor 4"
    again = u32_of(table, f"add {U} {ONE}", "del ON pref 2 handle 800::800 u32", table, f"add {U} {TWO}")
    assert [one.divisor for one in again.filters] == [4, None]
    with pytest.raises(InputError, match="filter 1: exists"):
        u32_of(table, "add ON pref 3 protocol ip u32", f"add {U} {ONE}", "del ON pref 2 handle 800::800 u32", table)


BEHIND = (
    "add ON pref 3 protocol ip handle 1: u32 divisor 1",
    f"add ON pref 3 protocol ip u32 ht 1: match u32 0 0 at 0 {to(2)}",
    "add ON pref 2 protocol ip handle 2: u32 divisor 1",
    f"add ON pref 3 protocol ip u32 ht 2: match u32 0 0 at 0 {to(3)}",
    "add ON pref 2 protocol ip u32 match ip dst 10.0.0.1 link 1:",
    "add ON pref 2 protocol ip u32 match ip dst 10.0.0.2 link 2:",
    f"add ON pref 3 protocol ip u32 {TWO}",
    "del ON pref 3",
)
"""Two hash tables, with a filter in each that is of a priority which goes."""


def test_hash_tables_stay_behind_while_there_is_another_priority() -> None:
    """The kernel does so, and shows neither them nor their filters."""
    left = u32_of(*BEHIND)
    assert {one.pref for one in left.filters} == {2}
    assert (ports(left, FIRST), ports(left, SECOND)) == ([2], [3])
    again = u32_of(*BEHIND, f"add ON pref 3 protocol ip u32 match u32 0 0 at 0 {to(1)}", "del ON pref 2")
    assert (ports(again, FIRST), ports(again, SECOND)) == ([1], [1])
    with pytest.raises(InputError, match="filter 1: exists"):
        u32_of(*BEHIND, "add ON pref 3 protocol ip handle 1: u32 divisor 1")


def test_a_link_can_be_changed() -> None:
    start = ("add ON pref 2 protocol ip handle 1: u32 divisor 1",
             f"add ON pref 2 protocol ip u32 ht 1: match u32 0 0 at 0 {to(2)}",
             "add ON pref 2 protocol ip u32 match ip dst 10.0.0.1 link 1:")  # fmt: skip
    assert ports(u32_of(*start), FIRST) == [2]
    assert ports(u32_of(*start, "change ON pref 2 handle 800::800 u32 link 0:"), FIRST) == []


@pytest.mark.parametrize(
    ("commands", "complaint"),
    [
        (["change ON pref 2 handle 800::800 u32 skip_hw"], "skip_hw and skip_sw of a filter"),
        (["change ON pref 2 handle 800::800 u32 link 5:"], "no hash table 5: to link to"),
        (["change ON pref 2 handle 800::800 u32"], "of which nothing is said"),
        ([f"replace ON pref 2 protocol ip handle 800::805 u32 {to(1)}"], "a new filter needs a selector"),
        ([f"change ON pref 2 handle 800: u32 {to(1)}"], "a hash table cannot be changed"),
        (["del ON pref 2 handle 800: u32"], "a root table cannot be taken away"),
        ([HASHED, "del ON pref 2 handle 1:2: u32"], "no filter with this handle"),
        ([f"replace ON pref 2 protocol ip handle ::800 u32 {ONE}", "del ON pref 2"], "filter 800::800 exists"),
        (["add ON pref 2 protocol ip handle 1: u32 divisor 1", f"add {U} match u32 0 0 at 0 link 1:",
          "del ON pref 2 handle 1: u32"], "that a filter leads to"),
    ],
)  # fmt: skip
def test_what_the_kernel_refuses_of_u32(commands: list[str], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        u32_of(f"add {U} {ONE}", *commands)


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        ([f"add {U} match u32 0 0 at 0 classid 1:1", f"change ON pref 2 handle 800::801 u32 {to(1)}"],
         "kernels before 6.5 keep it"),
        (["add ON pref 2 protocol ip handle 1: u32 divisor 1", f"add {U} match u32 0 0 at 0 link 1:",
          "change ON pref 2 handle 800::801 u32 link 0:", "del ON pref 2 handle 1: u32"], "after what led to it"),
        (["add ON pref 2 protocol ip handle 1: u32 divisor 1", f"add ON pref 3 chain 5 protocol ip u32 {TWO}",
          "del ON pref 2"], "leaves hash tables"),
        ([f"add ON pref 3 protocol ip u32 ht 800: {TWO}", "del ON pref 3"], "leaves a filter in the root table"),
        ([f"add ON pref 3 protocol ip u32 ht 800: {TWO}", "del ON pref 2 handle 800::800 u32"], "of another priority"),
    ],
)  # fmt: skip
def test_what_is_not_known_of_u32(commands: list[str], reason: str) -> None:
    with pytest.raises(Unsupported) as caught:
        u32_of(f"add {U} {ONE}", *commands)
    assert reason in caught.value.reason


@pytest.mark.parametrize("command", ["del ON pref 2 handle 800::fff u32", "del ON pref 2 handle 800::7 u32",
                                     f"change ON pref 2 handle 800::fff u32 {to(2)}"])  # fmt: skip
def test_filters_that_have_one_number_are_not_told_apart(command: str) -> None:
    """A bucket with more filters than there are numbers."""
    with pytest.raises(Unsupported) as caught:
        u32_of(*[f"add {U} {ONE}"] * 0x1000, command)
    assert "the same number" in caught.value.reason


# --- both ---------------------------------------------------------------------------------------------------------


def test_what_is_left_is_printed_and_read_again() -> None:
    filters = flower_of(A, B, f"add {P2} flower dst_ip 10.0.0.2 {to(1)}", "del ON pref 2 handle 1 flower")
    assert flower.parse_script(flower.print_script(filters)) == filters
    assert isinstance(filters.filters[0].actions[0], Mirred)
    tables = u32_of("add ON pref 2 protocol ip handle 1: u32 divisor 4", f"add {U} ht 1:2: {ONE}", f"add {U} {TWO}",
                    "del ON pref 2 handle 800::800 u32")  # fmt: skip
    assert replace(u32.parse_script(u32.print_script(tables)), name=tables.name) == tables


U32_SCRIPTS = [
    [*BEHIND],
    [*BEHIND, f"add ON pref 3 protocol ip u32 match u32 0 0 at 0 {to(1)}", "del ON pref 2"],
    [*BEHIND, "add ON pref 3 protocol ip handle 1: u32 divisor 1"],
    [HASHED, f"add {U} {ONE}", "del ON pref 2 handle 1:2: u32"],
    [HASHED, "add ON pref 2 protocol ip handle 1:: u32 divisor 2"],
    [HASHED, f"add {U} {ONE}", "del ON pref 2 handle 0: u32", f"add {U} {TWO}"],
    [HASHED, f"replace ON pref 2 protocol ip handle 800::801 u32 match mark 0 0 {to(2)}",
     "del ON pref 2 handle 1: u32"],
    [f"replace ON pref 2 protocol ip handle 0: u32 {to(2)}"],
    [f"replace ON pref 2 protocol ip handle 0: u32 {ONE}", "change ON pref 2 handle 800::800 u32 action drop"],
    ["replace ON pref 2 protocol ip handle 0: u32", f"add ON pref 3 protocol ip u32 {ONE}", "del ON pref 2"],
    [f"add ON pref 32769 protocol ip u32 {ONE}", f"add ON protocol ip u32 {TWO}", f"add ON protocol ip u32 {TWO}"],
    [f"add ON pref 32768 protocol ip u32 {ONE}", "del ON pref 32768", f"add ON protocol ip u32 {TWO}",
     f"add ON protocol ip u32 {ONE}", "del ON pref 49151 handle 801::800 u32"],
]  # fmt: skip
"""What a handle names, and priorities that the kernel chooses."""
SWAPPED = [A, f"add {P2} flower dst_ip 10.0.0.2 {to(2)}", f"change {P2} handle 1 flower dst_ip 10.0.0.2 {to(1)}"]
FLOWER_SCRIPTS = [
    [*SWAPPED, f"replace {P2} handle 2 flower {HOST} {to(2)}"],
    [*SWAPPED, f"del {P2} handle 2 flower", f"add {P2} flower {HOST} {to(3)}"],
    [*SWAPPED, f"del {P2} handle 1 flower", f"add {P2} flower dst_ip 10.0.0.2 {to(3)}"],
    [*SWAPPED, f"add {P2} flower {HOST} {to(3)}", f"change {P2} handle 1 flower {HOST}", f"del {P2} handle 3 flower"],
]
"""Keys that two filters have in between."""


@pytest.mark.long
@pytest.mark.oracle
def test_the_kernel_has_the_same_actions_with_an_index() -> None:
    kernel, found = Kernel(), Changes()
    try:
        kernel.need(4)
        for commands in INDEXED:
            lines = [line.replace("dev port", "dev o") for line in on(HERE, commands)]
            judge(kernel, FLOWER, [line.replace("filter actions", "actions") for line in lines], found)
    finally:
        kernel.close()
    assert found.wrong == []
    assert found.counts == {"same": len(INDEXED)}


@pytest.mark.long
@pytest.mark.oracle
@pytest.mark.parametrize(("kind", "scripts"), [(FLOWER, FLOWER_SCRIPTS), (U32, U32_SCRIPTS)], ids=["flower", "u32"])
def test_the_kernel_says_the_same(kind: Kind, scripts: list[list[str]]) -> None:
    kernel, found = Kernel(), Changes()
    try:
        kernel.need(4)
        for commands in scripts:
            judge(kernel, kind, [line.replace("dev port", "dev o") for line in on(HERE, commands)], found)
    finally:
        kernel.close()
    assert found.wrong == []
    assert not [what for what in found.counts if what.startswith("unsupported")]


@pytest.mark.long
@pytest.mark.oracle
@pytest.mark.parametrize("scripts", [15, pytest.param(300, marks=pytest.mark.campaign)])
@pytest.mark.parametrize("kind", [FLOWER, U32], ids=lambda kind: kind.name)
def test_the_kernel_has_the_same_filters_after_random_scripts(kind: Kind, scripts: int) -> None:
    kernel = Kernel()
    try:
        found = judge_scripts(kernel, kind, 7, scripts)
    finally:
        kernel.close()
    assert found.wrong == []
    assert found.counts["same"] >= scripts // 4
