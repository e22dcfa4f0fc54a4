"""Commands of BMv2's CLI for what is no table: action profiles, multicast, mirroring, value sets, state."""

import pytest

from p4verify.semantics import ir
from p4verify.semantics.rules.bmv2_cli import read_cli
from p4verify.semantics.rules.ruleset import ActionCall, Exact, GroupRef, Profile, Replica, RuleSet, Session
from p4verify.semantics.source import InputError, Unsupported
from tests.support.p4_text import v1model

DECLARED = """
    action set(bit<8> x) { hdr.h.d = x; }
    action other() { hdr.h.d = 9; }
    action_profile(16) ap;
    action_selector(HashAlgorithm.crc16, 16, 8) sel;
    table plain { key = { hdr.h.a : exact; } actions = { set; other; NoAction; } }
    table direct { key = { hdr.h.a : exact; } actions = { set; other; NoAction; } implementation = ap; }
    table chosen { key = { hdr.h.a : exact; hdr.h.b : selector; } actions = { set; NoAction; } implementation = sel; }
    table wide { key = { hdr.h.a : ternary; hdr.h.b : selector; } actions = { set; NoAction; } implementation = sel; }
    counter(4, CounterType.packets_and_bytes) both;
    counter(4, CounterType.bytes) lengths;
    register<bit<8>>(4) reg;
    meter(4, MeterType.bytes) met;
"""
PARSER = """value_set<bit<8>>(4) kinds; state start { pkt.extract(hdr.h);
    transition select(hdr.h.a) { kinds: accept; default: accept; } }"""


@pytest.fixture(scope="module")
def program() -> ir.Program:
    return v1model(
        "plain.apply(); direct.apply(); chosen.apply(); wide.apply(); both.count(0); lengths.count(0);"
        "reg.write(0, 1); met.execute_meter<bit<8>>(0, hdr.h.c);",
        locals=DECLARED,
        parser=PARSER,
    )


def rules(program: ir.Program, text: str) -> RuleSet:
    return read_cli(text, "c", program)


def test_a_member_stands_for_its_action(program: ir.Program) -> None:
    text = """act_prof_create_member ap set 7
        act_prof_create_member I.ap other
        table_indirect_add direct 5 => 0
        table_indirect_add direct 6 => 1
        act_prof_modify_member ap set 0 8"""
    made = rules(program, text)
    assert [r.action for r in made.of("I.direct")] == [ActionCall("set", (8,)), ActionCall("other")]
    assert made.profiles["I.ap"].members == {0: ActionCall("set", (8,)), 1: ActionCall("other")}


def test_groups_of_a_selector(program: ir.Program) -> None:
    text = """act_prof_create_member sel set 1
        act_prof_create_member sel set 2
        act_prof_create_member sel NoAction
        act_prof_create_group sel
        act_prof_add_member_to_group sel 1 0
        act_prof_add_member_to_group sel 0 0
        act_prof_create_group sel
        act_prof_add_member_to_group sel 2 1
        act_prof_remove_member_from_group sel 2 1
        act_prof_delete_member sel 2
        table_indirect_add_with_group chosen 5 => 0
        table_indirect_add_with_group wide 5&&&7 => 1 20
        table_indirect_add wide 5&&&15 => 1 10
        table_indirect_set_default_with_group chosen 0"""
    made = rules(program, text)
    (rule,) = made.of("I.chosen")
    assert rule.matches == (Exact(5),)
    assert rule.action == GroupRef("I.sel", 0)
    assert made.members(GroupRef("I.sel", 0)) == (ActionCall("set", (1,)), ActionCall("set", (2,)))
    assert [r.action for r in made.of("I.wide")] == [ActionCall("set", (2,)), GroupRef("I.sel", 1)]
    assert made.profiles["I.sel"] == Profile(
        {0: ActionCall("set", (1,)), 1: ActionCall("set", (2,))}, {0: (0, 1), 1: ()}
    )
    assert made.defaults == {"I.chosen": GroupRef("I.sel", 0)}


def test_the_deprecated_names_of_the_commands(program: ir.Program) -> None:
    text = """table_indirect_create_member chosen set 1
        table_indirect_create_group chosen
        table_indirect_add_member_to_group chosen 0 0
        table_indirect_add_with_group chosen 5 => 0"""
    assert rules(program, text).of("I.chosen")[0].action == GroupRef("I.sel", 0)


def test_handles_are_the_smallest_that_are_free_and_count_their_use(program: ir.Program) -> None:
    text = """table_add plain set 1 => 1
        table_add plain set 2 => 2
        table_delete plain 0
        table_add plain set 3 => 3
        table_modify plain set 16777216 9
        table_modify plain other 1"""
    made = rules(program, text)
    assert {r.matches: r.action for r in made.of("I.plain")} == {
        (Exact(2),): ActionCall("other"),
        (Exact(3),): ActionCall("set", (9,)),
    }
    with pytest.raises(InputError, match="no entry with the handle 0"):
        rules(program, "table_add plain set 1 => 1\ntable_delete plain 0\ntable_delete plain 0")


def test_multicast_and_mirroring(program: ir.Program) -> None:
    text = """mc_mgrp_create 7
        mc_node_create 100 3 1
        mc_node_create 200 2
        mc_node_associate 7 0
        mc_node_associate 7 1
        mc_mgrp_create 8
        mirroring_add 5 4
        mirroring_add_mc 6 7
        mirroring_add 9 1
        mirroring_delete 9
        mc_node_update 1 5"""
    made = rules(program, text)
    members = (Replica(1, 100), Replica(3, 100), Replica(5, 200))
    assert made.multicast == {7: members, 8: ()}
    assert made.sessions == {5: Session((Replica(4),)), 6: Session(members)}
    gone = rules(program, text + "\nmc_node_dissociate 7 0\nmc_node_destroy 0\nmc_mgrp_destroy 8\nmc_dump")
    assert gone.multicast == {7: (Replica(5, 200),)}


def test_value_sets_lose_members(program: ir.Program) -> None:
    assert rules(program, "pvs_add kinds 1\npvs_add kinds 2\npvs_remove kinds 1").value_sets["P.kinds"] == (
        (Exact(2),),
    )
    assert rules(program, "pvs_add kinds 1\npvs_clear kinds").value_sets == {}


def test_state_that_was_written(program: ir.Program) -> None:
    text = "register_write reg 1 -1\ncounter_write both 2 3 4\ncounter_write lengths 0 3 4\n"
    text += "meter_set_rates met 0 0.5:9 1:9"
    written = {"I.reg": {1: 255}, "I.both.packets": {2: 3}, "I.both.bytes": {2: 4}, "I.lengths": {0: 4}}
    assert rules(program, text).cells == written
    assert rules(program, text + "\nregister_reset reg\ncounter_reset both").cells == {"I.lengths": {0: 4}}


def test_everything_can_be_taken_back(program: ir.Program) -> None:
    text = """table_add plain set 1 => 1
        table_set_default plain set 1
        mc_mgrp_create 1
        act_prof_create_member ap set 1
        pvs_add kinds 1
        register_write reg 1 1
        reset_state"""
    assert rules(program, text) == rules(program, "")


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("table_add direct set 1 => 1", 11, "has the action profile I.ap"),
        ("table_indirect_add plain 1 => 0", 20, "has no action profile"),
        ("table_indirect_add direct 1 => 0", 32, "I.ap has no member 0"),
        ("table_indirect_add_with_group direct 1 => 0", 43, "I.ap has no group 0"),
        ("act_prof_create_group ap", 1, "it has no groups"),
        ("act_prof_create_member nosuch set 1", 24, "no action profile nosuch"),
        ("act_prof_create_member sel other", 28, "no action of I.sel other"),
        ("act_prof_create_member ap set", 1, "takes 1 arguments, not 0"),
        ("act_prof_create_member ap set 256", 31, "does not fit the 8 bits"),
        ("act_prof_delete_member ap 3", 1, "no member 3"),
        ("act_prof_add_member_to_group sel 0 0", 1, "no group 0"),
        ("mc_node_create 65536", 16, "rid of 16 bits"),
        ("mc_mgrp_destroy 1", 1, "not there"),
        ("mirroring_add 32768 1", 15, "below 32768"),
        ("mirroring_add 1 1 1", 19, "too much"),
        ("mirroring_delete 1", 1, "not there"),
        ("pvs_remove kinds 1", 1, "no such member"),
        ("register_write reg 4 1", 20, "4 cells"),
        ("register_write reg 1 256", 22, "does not fit"),
        ("register_write both 1 1", 16, "no register both"),
        ("meter_set_rates met 0 fast", 23, "no number"),
        ("table_delete plain", 1, "a handle is missing"),
    ],
)
def test_what_does_not_fit(program: ir.Program, text: str, column: int, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_cli("\n" + text, "c.txt", program)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.span.file, diagnostic.span.line, diagnostic.span.column) == ("c.txt", 2, column)
    assert message in diagnostic.message


@pytest.mark.parametrize("text", ["mc_node_create 1 2 | 3", "set_crc32_parameters c 1 2 3 true true"])
def test_what_is_not_modelled_is_told(program: ir.Program, text: str) -> None:
    with pytest.raises(Unsupported) as caught:
        rules(program, text)
    assert caught.value.span.line == 1


def test_members_in_use_stay(program: ir.Program) -> None:
    group = "act_prof_create_member sel set 1\nact_prof_create_group sel\nact_prof_add_member_to_group sel 0 0\n"
    with pytest.raises(InputError, match="is in its group 0"):
        rules(program, group + "act_prof_delete_member sel 0")
    used = "act_prof_create_member ap set 1\ntable_indirect_add direct 5 => 0\nact_prof_delete_member ap 0"
    with pytest.raises(InputError, match=r"c:2:1.*I.ap has no member 0"):
        rules(program, used)
