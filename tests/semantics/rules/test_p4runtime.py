"""P4Runtime's WriteRequest: ids and names, priorities, and every way in which an entry does not fit."""

import re
from pathlib import Path

import pytest

from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.p4info.ids import name_hash
from p4verify.semantics.rules.build import program_rules
from p4verify.semantics.rules.p4ids import ids_of
from p4verify.semantics.rules.p4runtime import read_p4runtime
from p4verify.semantics.rules.ruleset import ActionCall, Exact, GroupRef, Lpm, Range, Replica, Session, Ternary
from p4verify.semantics.source import InputError, Unsupported
from tests.conftest import corpus_root
from tests.support import rule_text
from tests.support.p4_text import v1model

OUTPUTS = corpus_root() / "p4c" / "p4_16_samples_outputs"
SAMPLES = corpus_root() / "p4c" / "p4_16_samples"


def entry(table: str, body: str, action: str = 'action_id: "drop"', more: str = "") -> str:
    return (
        f'updates {{ type: INSERT entity {{ table_entry {{ table_id: "{table}" {body} '
        f"action {{ action {{ {action} }} }} {more} }} }} }}\n"
    )


EXACT = r'match { field_id: 1 exact { value: "\001" } } match { field_name: "bee" exact { value: "\x02" } }'
SET = r'action_id: "set" params { param_id: 1 value: "\377" } params { param_id: 2 value: "\017" }'


def test_an_entry_by_names(program: ir.Program) -> None:
    (rule,) = read_p4runtime(entry("exact_t", EXACT, SET), "r.txtpb", program).of("I.exact_t")
    assert rule.matches == (Exact(1), Exact(2))
    assert rule.action == ActionCall("set", (255, 15))
    assert (rule.span.file, rule.span.line) == ("r.txtpb", 1)


def test_an_entry_by_ids(program: ir.Program) -> None:
    ids = ids_of(program)
    table = next(number for number, t in ids.tables.items() if t.control_name == "I.lpm_t")
    action = next(number for number, name in ids.actions.items() if name == "I.drop")
    assert table >> 24 == 2
    assert action >> 24 == 1
    body = r'match { field_id: 1 lpm { value: "\n\000" prefix_len: 8 } } match { field_id: 2 exact { value: "\005" } }'
    text = entry("?", body, f"action_id: {action}").replace('"?"', str(table))
    (rule,) = read_p4runtime(text, "r", program).of("I.lpm_t")
    assert rule.matches == (Lpm(0x0A00, 8), Exact(5))


def test_the_largest_priority_wins_and_missing_keys_match_anything(program: ir.Program) -> None:
    text = entry("tern_t", "", more="priority: 1") + entry(
        "tern_t",
        r'match { field_id: 2 range { low: "\001" high: "\002" } } match { field_id: 3 optional { value: "\003" } }',
        more="priority: 9",
    )
    first, second = read_p4runtime(text, "r", program).of("I.tern_t")
    assert first.priority == 9
    assert first.matches == (Ternary(0, 0), Range(1, 2), Ternary(3, 255))
    assert second.matches == (Ternary(0, 0), Range(0, 0xFFFF), Ternary(0, 0))


def test_a_default_action(program: ir.Program) -> None:
    text = entry("exact_t", "is_default_action: true", SET).replace("INSERT", "MODIFY")
    assert read_p4runtime(text, "r", program).defaults == {"I.exact_t": ActionCall("set", (255, 15))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (entry("nope", ""), "no table nope"),
        (entry("?", "").replace('"?"', "12345"), "no table has the id 12345"),
        (entry("exact_t", EXACT, "action_id: 77"), "no action has the id 77"),
        (entry("exact_t", EXACT, 'action_id: "mac"'), "no action of table I.exact_t mac"),
        (entry("exact_t", EXACT, 'action_id: "set"'), "lacks its parameter x"),
        (entry("exact_t", EXACT, SET.replace("\\017", "\\020")), "does not fit the 4 bits of parameter y"),
        (entry("exact_t", EXACT, SET.replace("param_id: 2", "param_id: 3")), "no parameter 3"),
        (entry("exact_t", EXACT, SET.replace("param_id: 2", "param_id: 1")), "given twice"),
        (entry("exact_t", EXACT.split(" match")[0]), "key bee of table I.exact_t is missing"),
        (entry("exact_t", EXACT.replace("field_id: 1", "field_id: 9")), "no key with the id 9"),
        (entry("exact_t", EXACT.replace('"bee"', '"hdr.h.a"')), "given twice"),
        (entry("exact_t", EXACT.replace('"\\001"', '"\\001\\001"')), "does not fit the 8 bits"),
        (entry("exact_t", EXACT.replace("exact {", 'ternary { mask: "\\001"', 1)), "is exact, not ternary"),
        (entry("exact_t", EXACT, more="priority: 3"), "have no priority"),
        (entry("tern_t", ""), "needs a priority"),
        (entry("tern_t", "", 'action_id: "mac"', "priority: 1"), "for the default only"),
        (entry("tern_t", "is_default_action: true", 'action_id: "NoAction"'), "for entries only"),
        (entry("const_t", r'match { field_id: 1 exact { value: "\002" } }'), "are constant"),
        (entry("exact_t", EXACT) * 2, "already"),
        (entry("exact_t", EXACT).replace("INSERT", "DELETE"), "no such entry"),
        (entry("exact_t", EXACT).replace("INSERT", "UPSERT"), "INSERT, MODIFY or DELETE"),
        ("updates { entity { meter_entry { } } }", "meter_id is missing"),
        ("updates { entity { extern_entry { } } }", "extern_entry is not understood"),
        ("updates { type: INSERT", "does not end"),
        ("wrong: 1", "wrong is not understood"),
        ("updates {}", "without an entity"),
    ],
)
def test_what_does_not_fit(program: ir.Program, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_p4runtime(text, "r.txtpb", program)
    (diagnostic,) = caught.value.diagnostics
    assert message in diagnostic.message
    assert diagnostic.span.file == "r.txtpb"
    assert diagnostic.span.line
    assert diagnostic.span.column


def test_an_entry_of_the_source_may_be_repeated(program: ir.Program) -> None:
    text = entry("const_t", r'match { field_id: 1 exact { value: "\001" } }', more="is_const: true")
    assert read_p4runtime(text, "r", program) == program_rules(program)


def test_the_hash_of_names() -> None:
    assert name_hash("NoAction") & 0xFFFFFF == 21257015 & 0xFFFFFF
    assert name_hash("ingress.t_ternary") & 0xFFFFFF == 44370079 & 0xFFFFFF


def samples() -> list[str]:
    return sorted(p.name.removesuffix(".p4.p4info.txtpb") for p in OUTPUTS.glob("*.p4.p4info.txtpb"))


_OBJECT = re.compile(
    r'^(tables|actions|value_sets) \{\n  preamble \{\n    id: (\d+)\n    name: "([^"\\]*)"', re.MULTILINE
)


@pytest.mark.long
@pytest.mark.corpus
def test_ids_and_entries_are_those_of_p4c() -> None:
    """Every id in the p4info of others, and every dump of entries equals the program's own."""
    objects = dumps = 0
    for name in samples():
        source = SAMPLES / f"{name}.p4"
        if not source.exists() or (program := _load(source)) is None:
            continue
        ids = ids_of(program)
        known = {
            "tables": {number: t.control_name for number, t in ids.tables.items()},
            "actions": ids.actions,
            "value_sets": {number: s.control_name for number, s in ids.value_sets.items()},
        }
        for kind, number, wanted in _OBJECT.findall((OUTPUTS / f"{name}.p4.p4info.txtpb").read_text()):
            assert known[kind].get(int(number)) == wanted, name
            objects += 1
        dump = (OUTPUTS / f"{name}.p4.entries.txtpb").read_text()
        if "updates" in dump:
            assert read_p4runtime(dump, name, program) == program_rules(program), name
            dumps += 1
    assert objects > 500
    assert dumps > 10


def _load(source: Path) -> ir.Program | None:
    try:
        return load_program(str(source))
    except (InputError, Unsupported):
        return None


# --- entities that are no table entries -----------------------------------------------------------------------------


def entity(body: str, kind: str = "INSERT") -> str:
    return f"updates {{ type: {kind} entity {{ {body} }} }}\n"


MEMBER = 'action_profile_member { action_profile_id: "ap" member_id: 5 action { action_id: "drop" } }'


def test_one_shot_action_sets() -> None:
    program = rule_text.program()
    one = 'action_profile_actions { action { action_id: "drop" } weight: 3 watch_port: "\\001" }'
    set_ = r'action { action_id: "set" params { param_id: 1 value: "\007" } params { param_id: 2 value: "\001" } }'
    match = r'table_id: "sel_t" match { field_id: 1 ternary { value: "\001" mask: "\001" } }'
    text = entity(
        f"table_entry {{ {match} priority: 1 action {{ action_profile_action_set {{ {one} "
        f"action_profile_actions {{ {set_} weight: 1 }} }} }} }}"
    )
    rules = read_p4runtime(text, "r", program)
    (rule,) = rules.of("I.sel_t")
    assert isinstance(rule.action, GroupRef)
    drop = ActionCall("drop")
    assert rules.members(rule.action) == (drop, drop, drop, ActionCall("set", (7, 1)))
    single = text.replace(f"action_profile_actions {{ {set_} weight: 1 }}", "")
    assert read_p4runtime(single, "r", program).of("I.sel_t")[0].action == drop


def test_entries_are_modified_and_deleted(program: ir.Program) -> None:
    first = entry("exact_t", EXACT)
    changed = read_p4runtime(first + entry("exact_t", EXACT, SET).replace("INSERT", "MODIFY"), "r", program)
    assert [rule.action for rule in changed.of("I.exact_t")] == [ActionCall("set", (255, 15))]
    assert read_p4runtime(first + first.replace("INSERT", "DELETE"), "r", program).of("I.exact_t") == ()


def test_what_a_server_answers_is_read_as_insertions(program: ir.Program) -> None:
    text = re.sub(r"updates \{ type: INSERT entity (.*) \}", r"entities \1", entry("exact_t", EXACT, SET))
    assert read_p4runtime(text, "r", program) == read_p4runtime(entry("exact_t", EXACT, SET), "r", program)


def test_a_default_action_without_an_action_is_the_sources_again(program: ir.Program) -> None:
    text = entry("exact_t", "is_default_action: true", SET).replace("INSERT", "MODIFY")
    reset = entity('table_entry { table_id: "exact_t" is_default_action: true }', "MODIFY")
    assert read_p4runtime(text, "r", program).defaults
    assert read_p4runtime(text + reset, "r", program).defaults == {}


def test_ids_of_action_profiles_and_cells() -> None:
    ids = ids_of(rule_text.program())
    assert {profile.name: number >> 24 for number, profile in ids.profiles.items()} == {"I.ap": 0x11, "I.sel": 0x11}
    assert {cells.name: number >> 24 for number, cells in ids.cells.items()} == {"I.reg": 0x16, "I.both": 0x12}


def test_sessions_are_cut_and_replaced() -> None:
    made = "clone_session_entry { session_id: 5 replicas { egress_port: 1 } packet_length_bytes: 64 }"
    first = entity(f"packet_replication_engine_entry {{ {made} }}")
    other = made.replace("egress_port: 1", "egress_port: 2 instance: 3").replace("64", "0")
    second = entity(f"packet_replication_engine_entry {{ {other} }}", "MODIFY")
    program = rule_text.program()
    assert read_p4runtime(first, "r", program).sessions == {5: Session((Replica(1),), 64)}
    assert read_p4runtime(first + second, "r", program).sessions == {5: Session((Replica(2, 3),))}
    assert read_p4runtime(first + entity(made, "DELETE"), "r", program).sessions == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (entity(MEMBER) * 2, "I.ap has member 5 already"),
        (entity(MEMBER, "DELETE"), "I.ap has no member 5"),
        (entity(MEMBER.replace('"drop"', '"flag"')), "no action of I.ap flag"),
        (entity(MEMBER.replace('"ap"', "7")), "no action profile has the id 7"),
        (entity('action_profile_group { action_profile_id: "ap" group_id: 1 }'), "it has no groups"),
        (
            entity('action_profile_group { action_profile_id: "sel" group_id: 1 members { member_id: 1 weight: 0 } }'),
            "weights are from 1",
        ),
        (entity("packet_replication_engine_entry { }"), "is missing"),
        (entity("multicast_group_entry { multicast_group_id: 0 }"), "group 0 stands for no group"),
        (entity("multicast_group_entry { multicast_group_id: 1 }", "DELETE"), "group 1 is not there"),
        (
            entity(
                "multicast_group_entry { multicast_group_id: 1 replicas { egress_port: 1 } replicas { port: '\\001' } }"
            ),
            "is there twice",
        ),
        (entity('value_set_entry { value_set_id: "kinds" members { } }'), "a member has 1 fields"),
        (
            entity(
                'value_set_entry { value_set_id: "kinds" '
                'members { match { field_id: 1 exact { value: "\\001\\001" } } } }'
            ),
            "does not fit 8 bits",
        ),
        (entity('register_entry { register_id: "reg" index { index: 4 } data { bitstring: "x" } }'), "4 cells"),
        (entity('register_entry { register_id: "reg" index { index: 1 } }'), "data is missing"),
        (entity('counter_entry { counter_id: "reg" }'), "data is missing"),
        (
            entity(
                'table_entry { table_id: "prof_t" match { field_id: 1 exact { value: "x" } } action { action { } } }'
            ),
            "has the action profile I.ap",
        ),
        (
            entity(
                'table_entry { table_id: "prof_t" match { field_id: 1 exact { value: "x" } } '
                "action { action_profile_member_id: 3 } }"
            ),
            "I.ap has no member 3",
        ),
        (
            entity(
                'table_entry { table_id: "lpm_t" match { field_id: 2 exact { value: "x" } } '
                "action { action_profile_member_id: 3 } }"
            ),
            "has no action profile",
        ),
    ],
)
def test_objects_that_do_not_fit(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_p4runtime(text, "r.txtpb", rule_text.program())
    (diagnostic,) = caught.value.diagnostics
    assert message in diagnostic.message
    assert (diagnostic.span.file, diagnostic.span.line > 0) == ("r.txtpb", True)


# --- direct counters ------------------------------------------------------------------------------------------------

COUNTED = """direct_counter(CounterType.packets_and_bytes) dc; action set(bit<8> x) { hdr.h.d = x; }
    table t { key = { hdr.h.a : ternary; } actions = { set; NoAction; } counters = dc; }
    table u { key = { hdr.h.a : exact; } actions = { set; NoAction; } }"""
KEY = r'match { field_id: 1 ternary { value: "\0%d" mask: "\377" } } priority: %d'
SET_1 = r'action_id: "set" params { param_id: 1 value: "\001" }'


def counted(text: str) -> dict[str, dict[int, int]]:
    return dict(read_p4runtime(text, "r", v1model("t.apply(); u.apply();", locals=COUNTED)).cells)


def test_a_direct_counter_goes_with_its_entry() -> None:
    first = entry("t", KEY % (1, 5), SET_1, "counter_data { packet_count: 3 byte_count: 12 }")
    second = entry("t", KEY % (2, 9), SET_1)
    assert counted(first) == {"I.dc.packets": {0: 3}, "I.dc.bytes": {0: 12}}
    assert counted(first + second) == {"I.dc.packets": {1: 3}, "I.dc.bytes": {1: 12}}  # the second wins before it
    removed = first.replace("INSERT", "DELETE")
    assert counted(first + second + removed) == {}
    set_later = 'direct_counter_entry { table_entry { table_id: "t" %s } data { packet_count: 8 } }' % (KEY % (2, 9))
    assert counted(first + second + entity(set_later))["I.dc.packets"] == {0: 8, 1: 3}
    changed = first.replace("INSERT", "MODIFY")
    assert counted(first + changed.replace("packet_count: 3", "packet_count: 4"))["I.dc.packets"] == {0: 4}
    assert counted(first + changed.replace("counter_data { packet_count: 3 byte_count: 12 }", "")) == counted(first)


def test_a_run_goes_on_from_what_a_direct_counter_holds() -> None:
    program = v1model("t.apply(); u.apply();", locals=COUNTED)
    rules = read_p4runtime(entry("t", KEY % (1, 5), SET_1, "counter_data { packet_count: 3 }"), "r", program)
    assert run(program, rules, bytes([1, 0, 0, 0]), 0).state == {"I.dc.packets": {0: 4}, "I.dc.bytes": {0: 4}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            entry("u", r'match { field_id: 1 exact { value: "\001" } }', SET_1, "counter_data { packet_count: 3 }"),
            "table I.u has no direct counter",
        ),
        ("direct_counter_entry { data { packet_count: 1 } }", "table_entry is missing"),
        (
            'direct_counter_entry { table_entry { table_id: "t" %s } data { packet_count: 1 } }' % (KEY % (1, 2)),
            "no such",
        ),
    ],
)
def test_counts_that_do_not_fit(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        counted(text if text.startswith("updates") else entity(text))


def test_what_a_default_action_counted_is_not_modelled() -> None:
    counts = 'direct_counter_entry { table_entry { table_id: "t" is_default_action: true } data { packet_count: %d } }'
    assert counted(entity(counts % 0)) == {}
    with pytest.raises(Unsupported, match="default action's direct counter"):
        counted(entity(counts % 1))
